"""What became of a mail after a server took it over: reports, and what follows from each.

A report finds its mail by a random name that only the mail itself carries, so one that was forged or is about somebody
else's mail finds nothing and changes nothing. Single mails, such as confirmations and receipts, count too.
"""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from newsroom import bounces
from newsroom.models import OutgoingMail, Suppression
from newsroom.suppressions import suppress
from subscriptions import consent
from subscriptions.models import Consent, Delivery, MailEvent, Subscriber, Subscription

logger = logging.getLogger(__name__)

Kind = MailEvent.Kind
COMPLAINED_FOR = timedelta(days=365)
BATCH = 500


@dataclass(frozen=True)
class Report:
    """One thing that a mail system said of one mail. `key` is the mail's random name, `event_id` the report's own."""

    source: str
    event_id: str
    kind: MailEvent.Kind
    key: str
    happened_at: datetime
    status_code: str = ""


def event_id_of(*parts: str) -> str:
    """Return an id for a report that has none: the same words have the same id, so telling them twice tells once."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


@transaction.atomic
def take(report: Report, *, at: datetime) -> bool:
    """Store a report and do what follows from it, once however often it comes. Returns whether its mail was found.

    1. A delivery without an answer was handed over after all: whoever reports on it had it.
    2. A delivery to the mailbox sets the count of soft bounces back.
    3. A bounce is weighed by its code; an address that is suppressed for it takes its subscriptions along.
    4. A complaint ends the subscription, and suppresses the address for newsletters.
    """
    delivery, mail = _mail_of(report.key)
    if delivery is None and mail is None:
        logger.info("A report from %s is about no mail of ours.", report.source)
        return False
    is_hard = report.kind == Kind.BOUNCED and bounces.weigh(report.status_code) is bounces.Weight.HARD
    had_bounced = MailEvent.objects.filter(delivery=delivery, outgoing_mail=mail, kind=Kind.BOUNCED).exists()
    _event, is_new = MailEvent.objects.get_or_create(
        source=report.source[:40],
        event_id=report.event_id[:200],
        defaults={
            "kind": report.kind,
            "status_code": report.status_code[:20],
            "is_permanent": is_hard,
            "delivery": delivery,
            "outgoing_mail": mail,
            "happened_at": min(report.happened_at, at),
            "received_at": at,
        },
    )
    if not is_new:
        return True
    if delivery is not None and delivery.state == Delivery.State.UNKNOWN:
        reported = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.UNKNOWN)
        reported.update(state=Delivery.State.ACCEPTED, reason="reported")
    address = _address_of(delivery, mail)
    if not address:
        return True
    if report.kind == Kind.DELIVERED:
        bounces.delivered(address)
    elif report.kind == Kind.BOUNCED and not had_bounced:
        # Two servers on the way may report one mail; it failed once.
        failed(address, status_code=report.status_code, at=at)
    elif report.kind == Kind.COMPLAINED:
        _complained(address, delivery, at=at)
    return True


def left_at_provider(key: str, *, happened_at: datetime, at: datetime) -> Subscription | None:
    """End the subscription of a mail whose reader unsubscribed with a button of the provider's own.

    The provider drops everything to that reader from then on, so the list here must say the same. Whoever confirmed
    anew since has the last word.
    """
    delivery, _mail = _mail_of(key)
    subscription = delivery.subscription if delivery is not None else None
    if subscription is None or (subscription.confirmed_at is not None and subscription.confirmed_at > happened_at):
        return None
    method, reason = Consent.Method.ONE_CLICK, "reported by the mail provider"
    return consent.withdraw(subscription, page="", method=method, at=at, reason=reason)


def failed(address: str, *, status_code: str, at: datetime) -> None:
    """Hold a failed mail against an address, and rest its subscriptions when that suppresses it."""
    if not bounces.heard(address, status_code=status_code, at=at):
        return
    active = Subscription.objects.filter(subscriber__email=address, state=Subscription.State.ACTIVE)
    for subscription in active.order_by("pk"):
        consent.suspend(subscription, at=at)


def take_up_rested(*, at: datetime) -> int:
    """Take subscriptions up again whose address is suppressed no more, and return how many those were."""
    count = 0
    for subscription in _rested():
        address = subscription.subscriber.email
        if not bounces.is_at_rest(address, at=at):
            consent.take_up_again(subscription)
            count += 1
    return count


def _rested() -> Iterator[Subscription]:
    last_pk = 0
    rested = Subscription.objects.filter(state=Subscription.State.SUPPRESSED).select_related("subscriber")
    while batch := list(rested.filter(pk__gt=last_pk).order_by("pk")[:BATCH]):
        last_pk = batch[-1].pk
        yield from batch


def _mail_of(key: str) -> tuple[Delivery | None, OutgoingMail | None]:
    if not bounces.KEY.fullmatch(key):
        return None, None
    delivery = Delivery.objects.filter(uuid=UUID(key)).first()
    if delivery is not None:
        return delivery, None
    return None, OutgoingMail.objects.filter(message_id__startswith=f"<{key}@").first()


def _address_of(delivery: Delivery | None, mail: OutgoingMail | None) -> str:
    if mail is not None:
        return mail.address
    if delivery is None or delivery.subscription_id is None:
        # The person was erased since.
        return ""
    return Subscriber.objects.values_list("email", flat=True).get(subscriptions=delivery.subscription_id)


def _complained(address: str, delivery: Delivery | None, *, at: datetime) -> None:
    suppress(
        address,
        reason=Suppression.Reason.COMPLAINED,
        scope=Suppression.Scope.NEWSLETTERS,
        at=at,
        expires_at=at + COMPLAINED_FOR,
    )
    subscriptions = Subscription.objects.filter(subscriber__email=address)
    if delivery is not None and delivery.subscription_id is not None:
        subscriptions = subscriptions.filter(pk=delivery.subscription_id)
    for subscription in subscriptions.exclude(state=Subscription.State.UNSUBSCRIBED).order_by("pk"):
        consent.withdraw(subscription, page="", method=Consent.Method.COMPLAINT, at=at)
