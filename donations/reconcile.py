"""Comparing everything with Stripe: what is missing or different is learnt again, counted and reported.

The comparison reads lists, by keyset pages, and asks for what stands in our books and in no list. What differs is
handed to the same functions that serve the webhook, so a comparison that runs twice, or twice at once, or beside
webhooks, changes nothing that is not true.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from donations import stripe_api
from donations.models import CheckoutSession, Dispute, Payment, RecurringGift, Refund, StripeEvent, StripeObject
from donations.truth import ownership, payment_intents, recurring, sessions
from newsroom.mail import queue_mail
from newsroom.outlet import current_outlet

logger = logging.getLogger(__name__)

# Longer than the days for which Stripe lists events and repeats webhooks.
NIGHTLY_REACH = timedelta(days=35)
LOCK = 7_203_114_902
# So many questions in a row without an answer, and to ask about each of the rest would take all night.
MOST_UNANSWERED = 5
# So many objects of one kind of which Stripe knows nothing, and the account is another one: the rest tells no more.
MOST_UNKNOWN = 20
KEPT_EVENTS = timedelta(days=90)
OPEN_REFUNDS = (Refund.State.PENDING, Refund.State.NEEDS_ACTION)
OPEN_DISPUTES = (
    Dispute.State.WARNING_NEEDS_RESPONSE,
    Dispute.State.WARNING_UNDER_REVIEW,
    Dispute.State.NEEDS_RESPONSE,
    Dispute.State.UNDER_REVIEW,
)

# The kind, how many of it were looked at, and which share of the kinds that is.
Progress = Callable[[str, int, float], None]
# Says how an object at Stripe differs from our row; empty where it does not.
Compare = Callable[[Any], str]
Learn = Callable[[str], object]


class AlreadyRunning(Exception):
    """Another comparison holds the lock; it will find whatever this one would."""


@dataclass
class Report:
    """How many objects were looked at, and what differed, by kind."""

    seen: Counter[str] = field(default_factory=Counter)
    drift: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    # Lists that could not be read to their end, with Stripe's word for it.
    broken: list[str] = field(default_factory=list)
    unanswered: int = 0

    @staticmethod
    def differed_in(text: str) -> int:
        """Return how many objects differed, from a report as it was written down."""
        found = re.search(r"^(\d+) differed$", text, re.MULTILINE)
        return int(found[1]) if found else 0

    @property
    def is_clean(self) -> bool:
        return not (self.drift or self.unreadable or self.broken)

    def __str__(self) -> str:
        seen = ", ".join(f"{count} {kind}" for kind, count in sorted(self.seen.items())) or "nothing"
        lines = [f"compared {seen}", f"{len(self.drift)} differed"]
        lines += self.drift + [f"unreadable: {line}" for line in self.unreadable]
        lines += [f"not read to the end: {line}" for line in self.broken]
        return "\n".join(lines)


def reconcile(*, since: datetime, dry_run: bool = False, progress: Progress | None = None) -> Report:
    """Compare everything made at Stripe since a time, every subscription, and repair unless `dry_run`.

    Neither an object that cannot be read nor a list that breaks off ends the comparison; both are in the report.
    Raises AlreadyRunning.
    """
    report = Report()
    kinds: list[tuple[str, Iterator[Any], Compare, Learn]] = [
        ("subscriptions", stripe_api.each_subscription(), _subscription_difference, recurring.learn),
        ("payments", stripe_api.each_payment_intent(since), _intent_difference, payment_intents.learn),
        ("refunds", stripe_api.each_refund(since), _refund_difference, payment_intents.learn_refund),
        ("disputes", stripe_api.each_dispute(since), _dispute_difference, payment_intents.learn_dispute),
        ("sessions", stripe_api.each_checkout_session(since), _session_difference, sessions.learn),
    ]
    with alone(LOCK):
        for number, (kind, objects, compare, learn) in enumerate(kinds, start=1):
            awaited = _awaited(kind, since)
            try:
                for obj in objects:
                    awaited.discard(obj.id)
                    report.seen[kind] += 1
                    if progress is not None:
                        progress(kind, report.seen[kind], number / len(kinds))
                    _compare(obj.id, _given(obj), compare, learn, report, dry_run=dry_run)
                told = len(report.unreadable)
                for stripe_id in sorted(awaited):
                    _compare(stripe_id, RETRIEVE[kind], compare, learn, report, dry_run=dry_run)
                    if len(report.unreadable) - told >= MOST_UNKNOWN:
                        report.broken.append(f"{kind} ({len(awaited)} are in the books alone)")
                        break
            except stripe_api.StripeError as error:
                report.broken.append(f"{kind} ({error.code})")
    return report


# How an object is asked for of which our books speak and Stripe's list did not.
RETRIEVE: dict[str, Callable[[str], Any]] = {
    "subscriptions": stripe_api.retrieve_subscription,
    "payments": stripe_api.retrieve_payment_intent,
    "refunds": stripe_api.retrieve_refund,
    "disputes": stripe_api.retrieve_dispute,
}


def _awaited(kind: str, since: datetime) -> set[str]:
    """Return the ids in our books that a list ought to hold, and older ones that are not at their end.

    Money that Stripe does not know of must not stand in the books; and a dispute may be decided months after it began.
    """
    late = Q(created_at__gte=since)
    ours: dict[str, tuple[QuerySet[Any], str]] = {
        "subscriptions": (RecurringGift.objects.exclude(state=RecurringGift.State.ENDED), "stripe_id"),
        "payments": (Payment.objects.filter(late | Q(state=Payment.State.PENDING)), "payment_intent_id"),
        "refunds": (Refund.objects.filter(late | Q(state__in=OPEN_REFUNDS)), "stripe_id"),
        "disputes": (Dispute.objects.filter(late | Q(state__in=OPEN_DISPUTES)), "stripe_id"),
    }
    if kind not in ours:
        return set()
    rows, name = ours[kind]
    return set(rows.filter(livemode=stripe_api.uses_live_mode()).values_list(name, flat=True))


def _given(obj: Any) -> Callable[[str], Any]:
    return lambda stripe_id: obj


@contextmanager
def alone(lock: int) -> Iterator[None]:
    """Hold a lock of the database, which a killed process cannot leave behind. Raises AlreadyRunning."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock])
        if not cursor.fetchone()[0]:
            raise AlreadyRunning
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])


def _compare(
    stripe_id: str, fetch: Callable[[str], Any], compare: Compare, learn: Learn, report: Report, *, dry_run: bool
) -> None:
    """Compare one object and repair what differs. One that cannot be read is reported and stops no other."""
    try:
        difference = compare(fetch(stripe_id))
        if difference and not dry_run:
            learn(stripe_id)
    except ownership.NotOurs:
        return
    except stripe_api.StripeError as error:
        report.unreadable.append(f"{stripe_id} {type(error).__name__} {error.code}".strip())
        report.unanswered = report.unanswered + 1 if isinstance(error, stripe_api.StripeAway) else 0
        if report.unanswered >= MOST_UNANSWERED:
            raise
        return
    except Exception as error:  # noqa: BLE001 - the recording edge of one object; the others are compared all the same.
        # Its name is enough: a message may quote a row with a reader's address.
        logger.error("Object %s could not be compared: %s.", stripe_id, type(error).__name__)
        report.unreadable.append(f"{stripe_id} {type(error).__name__}")
        return
    report.unanswered = 0
    if difference:
        report.drift.append(f"{stripe_id}: {difference}")


def _subscription_difference(subscription: Any) -> str:
    ownership.gift_in(subscription)
    gift = RecurringGift.objects.filter(stripe_id=subscription.id).first()
    item = subscription.items.data[0]
    wanted = recurring.STATES[subscription.status]
    if subscription.pause_collection is not None and wanted == RecurringGift.State.ACTIVE:
        wanted = RecurringGift.State.PAUSED
    if gift is None:
        return "missing"
    if gift.state != wanted:
        return f"{gift.state} here, {subscription.status} there"
    if recurring.amount_of(item) not in (gift.amount, 0):
        return f"{gift.amount} here, {recurring.amount_of(item)} there"
    if gift.ends_at_period_end != bool(subscription.cancel_at_period_end) and wanted != RecurringGift.State.ENDED:
        return "its planned end differs"
    return ""


def _intent_difference(intent: Any) -> str:
    payment = Payment.objects.filter(payment_intent_id=intent.id).first()
    difference = _payment_difference(intent, payment)
    # Whose it is costs more questions, so it is asked only about an intent that would be written anew.
    if payment is None and difference and not payment_intents.is_ours(intent):
        return ""
    return difference


def _payment_difference(intent: Any, payment: Payment | None) -> str:
    wanted = payment_intents.STATES.get(intent.status)
    if payment is None:
        is_money = wanted in (Payment.State.PAID, Payment.State.PENDING) or intent.status == "requires_capture"
        return "missing" if is_money else ""
    if wanted is not None and payment.state != wanted:
        return f"{payment.state} here, {intent.status} there"
    charge = intent.latest_charge
    refunded = charge.amount_refunded if charge is not None and not isinstance(charge, str) else 0
    if payment.state == Payment.State.PAID and payment.gross != intent.amount_received:
        return f"{payment.gross} here, {intent.amount_received} there"
    if payment.refunded != refunded and not payment.refunds.exclude(state=Refund.State.SUCCEEDED).exists():
        return f"{payment.refunded} refunded here, {refunded} there"
    if payment.state == Payment.State.PAID and payment.settled is None:
        return "not settled here"
    return ""


def _refund_difference(obj: Any) -> str:
    refund = Refund.objects.filter(stripe_id=obj.id).first()
    if refund is None:
        return "missing"
    return f"{refund.state} here, {obj.status} there" if refund.state != obj.status else ""


def _dispute_difference(obj: Any) -> str:
    dispute = Dispute.objects.filter(stripe_id=obj.id).first()
    if dispute is None:
        return "missing"
    return f"{dispute.state} here, {obj.status} there" if dispute.state != obj.status else ""


def _session_difference(session: Any) -> str:
    ownership.gift_in(session)
    row = CheckoutSession.objects.filter(stripe_id=session.id).first()
    if row is None:
        return "missing" if session.status == "complete" else ""
    return f"{row.state} here, {session.status} there" if row.state != sessions.STATES.get(session.status) else ""


def nightly(*, at: datetime) -> str:
    """Compare the last weeks, alarm staff where something differed, and delete events that are long applied."""
    try:
        report = reconcile(since=at - NIGHTLY_REACH)
    except AlreadyRunning:
        return "another comparison was running"
    if not report.is_clean:
        _alarm(report, at=at)
    StripeEvent.objects.filter(received_at__lt=at - KEPT_EVENTS).exclude(
        state__in=(StripeEvent.State.RECEIVED, StripeEvent.State.FAILED)
    ).delete()
    StripeObject.objects.filter(asked_at__lt=at - KEPT_EVENTS).delete()
    return str(report)


def _alarm(report: Report, *, at: datetime) -> None:
    outlet = current_outlet()
    with transaction.atomic():
        queue_mail(
            key=f"alarm:drift:{at:%Y-%m-%d}",
            template="notice",
            to=outlet.contact_email,
            context={
                "title": _("Our books differed from Stripe's"),
                "words": _("They were repaired from what Stripe says. If this comes again, webhooks may not arrive.")
                + f"\n\n{report}"[:4000],
                "url": settings.SITE_URL + reverse("admin:donations_stripeevent_changelist"),
            },
            language=outlet.language,
            at=at,
        )
