"""Deleting what is no longer needed: a table of periods, a nightly job, and a dry run that says what it would do."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from newsroom import database_roles, registry
from newsroom.addresses import address_hash
from newsroom.models import Suppression
from newsroom.registry import RetentionRule
from newsroom.suppressions import suppress
from subscriptions import importing, pruning, readers, renewing
from subscriptions.models import (
    AddressChange,
    Erasure,
    ImportRow,
    MailEvent,
    PreviewLink,
    ReaderVisit,
    RetentionPeriod,
    SignupRequest,
    Subscriber,
    SubscriberImport,
    Subscription,
    UnsubscribeReason,
)

BATCH = 1_000
State = Subscription.State


@dataclass(frozen=True)
class Line:
    """What one rule deleted, or would delete."""

    kind: str
    days: int
    count: int

    def __str__(self) -> str:
        return f"{self.kind} ({self.days} days): {self.count}"


def run(*, at: datetime, is_dry_run: bool = False) -> str:
    """Enforce every rule of every package, and return a line for each."""
    return "\n".join(str(line) for line in enforce_all(at=at, is_dry_run=is_dry_run))


def enforce_all(*, at: datetime, is_dry_run: bool = False) -> Iterator[Line]:
    days = dict(RetentionPeriod.objects.values_list("kind", "days"))
    for rule in registry.retention_rules:
        kept = rule.days if rule.is_fixed else days.get(rule.kind, rule.days)
        yield Line(rule.kind, kept, rule.enforce(at - timedelta(days=kept), at, is_dry_run))


def write_missing_periods(**kwargs: Any) -> None:
    """Give each kind a row with its default, after migrations have run, so that staff see the whole table."""
    RetentionPeriod.objects.bulk_create(
        [RetentionPeriod(kind=rule.kind, days=rule.days) for rule in registry.retention_rules], ignore_conflicts=True
    )


def end_signup_requests(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Delete sign-ups that could not be handled."""
    requests = SignupRequest.objects.filter(requested_at__lt=limit)
    return requests.count() if is_dry_run else requests.delete()[0]


def end_unconfirmed(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Delete subscriptions that nobody confirmed, and the persons left without any.

    What the ledger says of them stays; without the person's row it names nobody.
    """
    if is_dry_run:
        return _old_pending(limit).count() + _without_reason(limit).count()
    count = 0
    while (deleted := _delete_unconfirmed_batch(limit)) is not None:
        count += deleted
    return count


def end_former_readers(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Delete the addresses of readers whose last newsletter has ended, unless another package still needs them.

    A keyed hash stays, so that an import cannot bring the address back, and the proof that finds the ledger's rows.
    """
    left = 0
    last_pk = 0
    while batch := list(_former_readers(limit).filter(pk__gt=last_pk).order_by("pk")[:BATCH]):
        last_pk = batch[-1].pk
        for subscriber in batch:
            if not readers.is_known_elsewhere(subscriber.email):
                left += is_dry_run or _forget(subscriber.pk, limit, at)
    return left


def end_erasure_proofs(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Delete the proofs of erasure when nobody can demand them any more."""
    proofs = Erasure.objects.filter(erased_at__lt=limit)
    return proofs.count() if is_dry_run else proofs.delete()[0]


def end_reasons(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Delete old counts of why readers left."""
    counts = UnsubscribeReason.objects.filter(date__lt=limit.date())
    return counts.count() if is_dry_run else counts.delete()[0]


def end_imports(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Delete the lines of imports that ended, and the files of those that never ran. That there was one stays."""
    rows = ImportRow.objects.filter(subscriber_import__ended_at__lt=limit)
    never_run = SubscriberImport.objects.filter(state=SubscriberImport.State.RECEIVED, created_at__lt=limit)
    if is_dry_run:
        return rows.count() + never_run.count()
    return rows.delete()[0] + sum(importing.discard(found, by=None, at=at) for found in never_run.order_by("pk"))


def end_ledger(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Remove the ledger's expired beginning where this process may: in production, the nightly job may not."""
    if is_dry_run:
        return pruning.expired(older_than=limit).rows
    return pruning.prune(older_than=limit, at=at).rows if database_roles.OWNER in settings.DATABASES else 0


def end_mail_events(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Delete what mail systems told of single mails. The figures of issues were counted when it came."""
    events = MailEvent.objects.filter(received_at__lt=limit)
    return events.count() if is_dry_run else events.delete()[0]


def end_preview_links(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Delete shared previews that closed, and with them for whom they were."""
    links = PreviewLink.objects.filter(Q(expires_at__lt=limit) | Q(revoked_at__lt=limit))
    return links.count() if is_dry_run else links.delete()[0]


def end_visits(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Delete visits of readers to their own page, and wishes for another address that nobody confirmed."""
    ended = ReaderVisit.objects.filter(requested_at__lt=limit)
    unconfirmed = AddressChange.objects.filter(requested_at__lt=limit)
    if is_dry_run:
        return ended.count() + unconfirmed.count()
    return ended.delete()[0] + unconfirmed.delete()[0]


RULES = [
    RetentionRule(
        "signup-requests", _("Sign-ups in waiting"), _("They are handled within minutes."), 7, end_signup_requests
    ),
    RetentionRule(
        "unconfirmed-subscribers",
        _("Sign-ups that were not confirmed"),
        _("Without the button in the mail nobody proved that the address is theirs."),
        30,
        end_unconfirmed,
    ),
    RetentionRule(
        "former-readers",
        _("Addresses of readers whose last newsletter ended"),
        _("Consent has ended, and nothing else needs the address."),
        30,
        end_former_readers,
    ),
    RetentionRule(
        "erasure-proofs",
        _("Proofs of erasure"),
        _("Claims about an erasure lapse after three years."),
        3 * 365,
        end_erasure_proofs,
    ),
    RetentionRule(
        "imports",
        _("Lines of imports and their verdicts"),
        _("An import can be undone for a day, and its verdict file is read within weeks."),
        30,
        end_imports,
    ),
    RetentionRule(
        "consent-ledger",
        _("The beginning of the consent ledger"),
        _("Claims about consent lapse after three full years. Only manage.py prune_consent removes it, as the owner."),
        pruning.KEPT.days,
        end_ledger,
    ),
    RetentionRule(
        "mail-events",
        _("Reports about single mails"),
        _("Bounces and complaints are acted on when they come, and the figures of issues are counted then."),
        90,
        end_mail_events,
    ),
    RetentionRule(
        "preview-links",
        _("Shared previews of issues"),
        _("They count from the day they closed. Staff write down whom they gave one to."),
        30,
        end_preview_links,
    ),
    RetentionRule(
        "visits",
        _("Visits of readers to their own page"),
        _("A link opens for a quarter of an hour, and a change of address waits for a day."),
        1,
        end_visits,
        is_fixed=True,
    ),
    RetentionRule(
        "consent-renewals",
        _("Who was asked to renew consent"),
        _("They count from the end of the run. The ledger keeps the answers, and the run its numbers."),
        30,
        renewing.end_old,
    ),
    RetentionRule("unsubscribe-reasons", _("Reasons for leaving"), _("They are counts by day."), 2 * 365, end_reasons),
]


def _old_pending(limit: datetime) -> QuerySet[Subscription]:
    return Subscription.objects.filter(state=State.PENDING, requested_at__lt=limit)


def _without_reason(limit: datetime) -> QuerySet[Subscriber]:
    """Return the persons who never confirmed, and have no subscription that is young or of another state."""
    own = Subscription.objects.filter(subscriber=OuterRef("pk"))
    old = Q(state=State.PENDING, requested_at__lt=limit)
    return Subscriber.objects.filter(~Exists(own.exclude(old)), confirmed_at__isnull=True, created_at__lt=limit)


@transaction.atomic
def _delete_unconfirmed_batch(limit: datetime) -> int | None:
    """Delete for some persons and return how many rows went, or None when nobody was left.

    Each person's row is locked before anything is decided, as a sign-up and a confirmation lock it, so that neither can
    bring a row to life between the question and the deletion.
    """
    with_pending = Exists(_old_pending(limit).filter(subscriber=OuterRef("pk")))
    concerned = Subscriber.objects.filter(Q(with_pending) | Q(pk__in=_without_reason(limit).values("pk")))
    pks = [one.pk for one in concerned.select_for_update(skip_locked=True).order_by("pk")[:BATCH]]
    if not pks:
        return None
    forgotten = list(_without_reason(limit).filter(pk__in=pks).values_list("pk", flat=True))
    count = _old_pending(limit).filter(subscriber__in=pks).delete()[0]
    return count + Subscriber.objects.filter(pk__in=forgotten).delete()[0]


def _former_readers(limit: datetime) -> QuerySet[Subscriber]:
    own = Subscription.objects.filter(subscriber=OuterRef("pk"))
    ended = Q(state=State.UNSUBSCRIBED, unsubscribed_at__lt=limit)
    return Subscriber.objects.filter(Exists(own.filter(ended)), ~Exists(own.exclude(ended)))


@transaction.atomic
def _forget(pk: int, limit: datetime, at: datetime) -> bool:
    """Delete one former reader under the lock of their row, and say whether they were still one."""
    subscriber = Subscriber.objects.select_for_update().filter(pk=pk).first()
    if subscriber is None or not _former_readers(limit).filter(pk=pk).exists():
        return False
    suppress(subscriber.email, reason=Suppression.Reason.UNSUBSCRIBED, scope=Suppression.Scope.NEWSLETTERS, at=at)
    Erasure.objects.create(address_hash=address_hash(subscriber.email), subject=subscriber.subject, erased_at=at)
    readers.forget_words_of_servers(subscriber)
    Subscription.objects.filter(subscriber=subscriber).delete()
    subscriber.delete()
    return True
