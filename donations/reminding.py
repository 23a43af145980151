"""Sending reminders: what is due, the last questions before a mail leaves, what became of it, and gifts after it."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Subquery

from donations import giving, reminders
from donations.models import Donation, Payment, Reminder, ReminderGift, current_terms
from donations.reminder_words import ONE_PER, day_in_words, gift_in_words
from newsroom.addresses import address_hashes
from newsroom.holding import RESTORED
from newsroom.mail import queue_mail
from newsroom.models import OutgoingMail, Suppression

logger = logging.getLogger(__name__)

State, SkipReason = Reminder.State, Reminder.SkipReason

TEMPLATE = "reminder"
BATCH = 100
# After that a mail whose delivery is not known is no longer waited for.
UNKNOWN_FOR = timedelta(days=7)


def queue_due(*, by: datetime, at: datetime, email: str = "") -> list[int]:
    """Ask for the mail of every confirmed reminder that is due by a moment, each once, and return their keys.

    `by` and `at` differ only where somebody moves reminders forward. `email` narrows it to one person.
    """
    queued: list[int] = []
    while batch := _queue_batch(by=by, at=at, email=email):
        queued += batch
    return queued


@transaction.atomic
def _queue_batch(*, by: datetime, at: datetime, email: str) -> list[int]:
    due = Reminder.objects.due(by).select_for_update(skip_locked=True, of=("self",))
    if email:
        due = due.filter(email=email)
    batch = list(due.order_by("due_at", "pk")[:BATCH])
    for reminder in batch:
        reminder.mail = queue_mail(
            key=f"reminder:{reminder.pk}",
            template=TEMPLATE,
            to=reminder.email,
            context={
                "asked": day_in_words(reminder.asked_at.date(), reminder.language),
                "gift": gift_in_words(reminder),
                "give_url": give_url(reminder),
                "cancel_url": reminders.cancel_url(reminder),
                "is_discreet": current_terms().is_discreet,
                "unsubscribe_url": reminders.cancel_url(reminder),
            },
            language=reminder.language,
            at=at,
            tells_of=reminder.due_at,
        )
        reminder.state, reminder.queued_at = State.QUEUED, at
        reminder.save(update_fields=["mail", "state", "queued_at"])
    return [reminder.pk for reminder in batch]


def give_url(reminder: Reminder) -> str:
    """Return the address of the form with the reader's choice, and the code that traces a gift to the reminder."""
    return settings.SITE_URL + giving.support_address(
        frequency=reminder.frequency,
        amount=reminder.amount,
        currency=reminder.currency,
        article=reminder.article_id,
        appeal=reminder.appeal_id,
        language=reminder.language,
        reminder=reminder.code,
    )


def guard(mail: OutgoingMail, at: datetime) -> str:
    """Say why a reminder's mail must not leave, in the transaction that claims it; an empty text lets it go.

    The person's reminders are locked from here until the claim is committed. So a second mail to the same person, or a
    cancellation, comes either before this question or after the claim.
    """
    email = Reminder.objects.filter(mail=mail).values_list("email", flat=True).first()
    rows = reminders.locked(email) if email else []
    reminder = next((row for row in rows if row.mail_id == mail.pk), None)
    if reminder is None:
        return "forgotten"
    if reminder.state != State.QUEUED:
        return str(reminder.state)
    reason = _reason_to_skip(reminder, rows, at)
    if reason is None:
        reminder.claimed_at = at
        reminder.save(update_fields=["claimed_at"])
        return ""
    _skip(reminder, reason, at=at)
    return str(reason)


def _reason_to_skip(reminder: Reminder, rows: list[Reminder], at: datetime) -> Reminder.SkipReason | None:
    if gave_since(reminder.email, reminder.asked_at):
        return SkipReason.GAVE
    if _refuses_mail(reminder, at):
        return SkipReason.SUPPRESSED
    if not current_terms().is_open or (reminder.appeal is not None and reminder.appeal.has_ended(at)):
        return SkipReason.APPEAL_ENDED
    if any(row.pk != reminder.pk and _was_sent_after(row, at - ONE_PER) for row in rows):
        return SkipReason.REMINDED
    return None


def gave_since(email: str, since: datetime) -> bool:
    """Say whether money came from an address since a moment, or is on its way from a bank that takes days."""
    paid = Q(payments__state=Payment.State.PAID, payments__paid_at__gte=since)
    pending = Q(state=Donation.State.PENDING, state_at__gte=since)
    gifts = Donation.objects.filter(paid | pending)
    return gifts.filter(email=email).exists() or gifts.filter(donor__email=email).exists()


def _refuses_mail(reminder: Reminder, at: datetime) -> bool:
    """Say whether the person or the mailbox refused our mail; a later press of the button takes back an older no."""
    in_force = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
    rows = Suppression.objects.filter(in_force, address_hash__in=address_hashes(reminder.email))
    # Who reads the newsletter elsewhere now has not taken back a wish of their own for this address.
    rows = rows.exclude(reason=Suppression.Reason.MOVED)
    if reminder.proof == Reminder.Proof.BUTTON:
        own_no = Q(reason__in=[Suppression.Reason.ERASED, Suppression.Reason.UNSUBSCRIBED])
        rows = rows.exclude(own_no, created_at__lt=reminder.confirmed_at)
    return rows.exists()


def _was_sent_after(reminder: Reminder, moment: datetime) -> bool:
    """Say whether a reminder's mail left after a moment, or may have: only a refusal tells that it did not arrive."""
    left_at = reminder.sent_at or reminder.claimed_at
    return left_at is not None and left_at > moment and reminder.skip_reason != SkipReason.UNDELIVERABLE


def _skip(reminder: Reminder, reason: Reminder.SkipReason, *, at: datetime) -> None:
    reminder.state, reminder.skipped_at, reminder.skip_reason = State.SKIPPED, at, reason
    reminder.save(update_fields=["state", "skipped_at", "skip_reason"])


def settle(*, at: datetime) -> int:
    """Write on each reminder what became of its mail, and return how many changed."""
    total = 0
    while count := _settle_batch(at=at):
        total += count
    return total


@transaction.atomic
def _settle_batch(*, at: datetime) -> int:
    ended = [OutgoingMail.State.SENT, OutgoingMail.State.FAILED, OutgoingMail.State.CANCELLED]
    lost = Q(mail__state=OutgoingMail.State.UNKNOWN, queued_at__lte=at - UNKNOWN_FOR)
    under_way = Q(state=State.QUEUED) & (Q(mail__state__in=ended) | lost)
    # Who cancels while the mail is on the wire gets it all the same, and the row tells both.
    too_late = Q(state=State.CANCELLED, mail__state=OutgoingMail.State.SENT)
    rows = (
        Reminder.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("mail")
        .filter(under_way | too_late, mail__isnull=False, sent_at__isnull=True)
        .order_by("pk")[:BATCH]
    )
    count = 0
    for reminder in rows:
        _settle(reminder, at)
        count += 1
    return count


def _settle(reminder: Reminder, at: datetime) -> None:
    mail = reminder.mail
    if mail is None:
        return
    if mail.state == OutgoingMail.State.SENT:
        reminder.sent_at = mail.ended_at
        reminder.state = State.SENT if reminder.state == State.QUEUED else reminder.state
        reminder.save(update_fields=["state", "sent_at"])
        return
    reasons = {
        OutgoingMail.State.FAILED: SkipReason.UNDELIVERABLE,
        OutgoingMail.State.CANCELLED: SkipReason.SUPPRESSED,
        OutgoingMail.State.UNKNOWN: SkipReason.UNKNOWN,
    }
    reason = SkipReason.UNKNOWN if mail.error == RESTORED else reasons[OutgoingMail.State(mail.state)]
    _skip(reminder, reason, at=mail.ended_at or at)


def follow(donation: Donation, code: str, *, at: datetime) -> None:
    """Remember, in the transaction that stores a donation, that its reader came by a reminder's link.

    `code` is from the page's address, where anyone may write anything; what it does not name is passed over.
    """
    try:
        reminder = Reminder.objects.filter(code=UUID(code)).first()
    except ValueError:
        return
    if reminder is not None:
        ReminderGift.objects.bulk_create(
            [ReminderGift(donation=donation, reminder=reminder, started_at=at)], ignore_conflicts=True
        )


def note_conversions() -> int:
    """Mark the gifts after reminders that were paid since the last look, and return how many there were."""
    paid = Payment.objects.filter(donation=OuterRef("donation"), state=Payment.State.PAID).order_by("paid_at", "pk")
    waiting = ReminderGift.objects.filter(Exists(paid), converted_at__isnull=True)
    return waiting.update(converted_at=Subquery(paid.values("paid_at")[:1]))
