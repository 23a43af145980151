"""Deleting what is no longer needed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from subscriptions.models import SignupRequest, Subscriber, Subscription

UNCONFIRMED_KEPT = timedelta(days=30)
BATCH = 1_000


@dataclass
class Report:
    """How many rows of each kind were deleted, or would be."""

    signup_requests: int = 0
    subscriptions: int = 0
    subscribers: int = 0

    def __str__(self) -> str:
        return (
            f"sign-ups in waiting: {self.signup_requests}, unconfirmed subscriptions: {self.subscriptions}, "
            f"unconfirmed subscribers: {self.subscribers}"
        )


def delete_unconfirmed(*, at: datetime, is_dry_run: bool = False) -> Report:
    """Delete what nobody confirmed within 30 days: sign-ups, subscriptions, and the persons left without any.

    What the ledger says of them stays; without the person's row it names nobody.
    """
    requests = SignupRequest.objects.filter(requested_at__lt=at - UNCONFIRMED_KEPT)
    if is_dry_run:
        return Report(requests.count(), _old_pending(at).count(), _without_reason(at).count())
    report = Report(signup_requests=requests.delete()[0])
    while _delete_batch(report, at):
        pass
    return report


def _old_pending(at: datetime) -> QuerySet[Subscription]:
    return Subscription.objects.filter(state=Subscription.State.PENDING, requested_at__lt=at - UNCONFIRMED_KEPT)


def _without_reason(at: datetime) -> QuerySet[Subscriber]:
    """Return the persons who never confirmed, and have no subscription that is young or of another state."""
    own = Subscription.objects.filter(subscriber=OuterRef("pk"))
    old = Q(state=Subscription.State.PENDING, requested_at__lt=at - UNCONFIRMED_KEPT)
    return Subscriber.objects.filter(
        ~Exists(own.exclude(old)), confirmed_at__isnull=True, created_at__lt=at - UNCONFIRMED_KEPT
    )


@transaction.atomic
def _delete_batch(report: Report, at: datetime) -> bool:
    """Delete for some persons, and say whether there may be more.

    Each person's row is locked before anything is decided, as a sign-up and a confirmation lock it, so that neither can
    bring a row to life between the question and the deletion.
    """
    with_pending = Exists(_old_pending(at).filter(subscriber=OuterRef("pk")))
    concerned = Subscriber.objects.filter(Q(with_pending) | Q(pk__in=_without_reason(at).values("pk")))
    locked = concerned.select_for_update(skip_locked=True).order_by("pk")[:BATCH]
    pks = [subscriber.pk for subscriber in locked]
    forgotten = list(_without_reason(at).filter(pk__in=pks).values_list("pk", flat=True))
    report.subscriptions += _old_pending(at).filter(subscriber__in=pks).delete()[0]
    report.subscribers += Subscriber.objects.filter(pk__in=forgotten).delete()[0]
    return bool(pks)
