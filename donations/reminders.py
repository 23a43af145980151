"""Remind me later: asking, confirming, cancelling, and forgetting. `donations.reminding` sends."""

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import DurationField, ExpressionWrapper, F, Q, QuerySet, Value
from django.urls import reverse

from donations.giving import Choice
from donations.models import Appeal, Donor, Reminder, ReminderGift, Span, current_terms
from donations.reminder_words import (
    CONFIRM_WITHIN,
    KEPT_AFTER_END,
    PURPOSE,
    day_in_words,
    due_date,
    due_moment,
)
from newsroom.history import record
from newsroom.limits import allow, is_shared
from newsroom.mail import queue_mail
from newsroom.models import Article, Suppression
from newsroom.outlet import current_outlet
from newsroom.personal_data import facts_of
from newsroom.suppressions import reasons_against
from newsroom.waking import wake, wake_again
from subscriptions import consent

logger = logging.getLogger(__name__)

State = Reminder.State
Action, Method = consent.Action, consent.Method

NETWORK_RATE = "20/hour"
ANONYMOUS_NETWORK_RATE = "600/hour"
TOTAL_RATE = "3000/hour"
# What one mailbox gets, whoever asks for it.
ADDRESS_RATE = "3/day"

RETRY_STEP = timedelta(minutes=2)
GIVE_UP_AFTER = 12
BATCH = 500


class TooManyReminders(Exception):
    """This network, or all of them together, asked too often. It is never about the address."""


@dataclass(frozen=True)
class Wish:
    """What a reader sent, validated."""

    email: str
    span: Span
    statement: consent.Statement
    page: str
    article: Article | None = None
    appeal: Appeal | None = None
    choice: Choice | None = None


def ask(wish: Wish, *, network: str, at: datetime) -> date:
    """Keep one wish for the task, and return the day it is for. The work is the same for every address.

    Raises TooManyReminders.
    """
    is_anonymous = is_shared(network)
    if not allow("reminder-network", network, rate=ANONYMOUS_NETWORK_RATE if is_anonymous else NETWORK_RATE):
        raise TooManyReminders
    if not allow("reminder-total", rate=TOTAL_RATE):
        raise TooManyReminders
    time_zone = current_outlet().time_zone
    day = due_date(wish.span, at=at, time_zone=time_zone)
    shown = consent.Shown.from_statement(wish.statement)
    gift: dict[str, Any] = {}
    if wish.choice is not None:
        gift = {
            "frequency": wish.choice.frequency,
            "amount": wish.choice.amount,
            "currency": wish.choice.currency,
        }
    with transaction.atomic():
        reminder = Reminder.objects.create(
            email=wish.email,
            language=shown.language,
            span=wish.span,
            due_date=day,
            due_at=due_moment(day, time_zone=time_zone),
            article=wish.article,
            appeal=wish.appeal,
            page=wish.page[: consent.PAGE_LENGTH],
            wording=shown.wording,
            policy_version=shown.policy_version,
            policy_hash=shown.policy_hash,
            asked_at=at,
            **gift,
        )
        wake("donations.tasks.handle_reminder", reminder.pk)
    return day


def day_of(span: Span, *, at: datetime) -> date:
    """Return the day of a reminder that is asked for at a moment, by the outlet's calendar."""
    return due_date(span, at=at, time_zone=current_outlet().time_zone)


def handle(pk: int, *, at: datetime) -> None:
    """Decide what one wish leads to. A second call finds nothing to do; a failure leaves the wish for a later try."""
    email = Reminder.objects.filter(pk=pk, state=State.ASKED).values_list("email", flat=True).first()
    if email is None:
        return
    # The limit is asked before the transaction, because it speaks to another server.
    is_within_limit = allow("reminder-address", email, rate=ADDRESS_RATE)
    try:
        _handle(pk, email, at, is_within_limit=is_within_limit)
    except Exception:  # the recording edge: the row says that it failed, and is tried again.
        logger.exception("The reminder %s could not be handled.", pk)
        Reminder.objects.filter(pk=pk, state=State.ASKED).update(tries=F("tries") + 1)
        raise


def sweep(*, at: datetime) -> int:
    """Wake a worker for each wish that is due, and return how many there were."""
    delay = ExpressionWrapper(F("tries") * Value(RETRY_STEP), output_field=DurationField())
    waiting = Reminder.objects.filter(state=State.ASKED, tries__lt=GIVE_UP_AFTER, asked_at__lte=at - delay)
    pks = list(waiting.order_by("asked_at", "pk").values_list("pk", flat=True)[:BATCH])
    for pk in pks:
        wake_again("donations.tasks.handle_reminder", pk)
    return len(pks)


@transaction.atomic
def _handle(pk: int, email: str, at: datetime, *, is_within_limit: bool) -> None:
    rows = locked(email)
    asked = next((row for row in rows if row.pk == pk and row.state == State.ASKED), None)
    if asked is None:
        return
    refused = {Suppression.Reason.BOUNCED, Suppression.Reason.COMPLAINED}
    # Who reads the newsletter elsewhere now has not taken back a wish of their own for this address.
    against = set(reasons_against(email, scope=Suppression.Scope.NEWSLETTERS, at=at)) - {Suppression.Reason.MOVED}
    if not is_within_limit or against & refused:
        asked.delete()
        return
    is_known = not against and _is_known(email, rows)
    reminder = _place(asked, rows, is_known=is_known)
    if reminder is None:
        return
    shown = _shown(reminder)
    _tell_ledger(reminder, Action.GRANTED, Method.FORM, at=reminder.asked_at, shown=shown)
    if is_known:
        if reminder.state != State.CONFIRMED:
            reminder.state, reminder.confirmed_at, reminder.proof = State.CONFIRMED, at, Reminder.Proof.KNOWN
        reminder.save()
        _tell_ledger(reminder, Action.CONFIRMED, Method.FORM, at=at, shown=shown)
        return
    reminder.state = State.PENDING
    reminder.save()
    _mail_button(reminder, at=at)


def _place(asked: Reminder, rows: list[Reminder], *, is_known: bool) -> Reminder | None:
    """Return the row that stands for a wish: its own, or the one that holds the person's month, brought up to date.

    The newest wish counts, until the month's reminder is on its way. None when nothing is left to do.
    """
    holder = next((row for row in rows if row.holds_month_of(asked)), None)
    if holder is None:
        return asked
    asked.delete()
    if holder.state in (State.QUEUED, State.SENT) or (holder.state == State.CONFIRMED and not is_known):
        return None
    wish = ("language", "span", "due_date", "due_at", "frequency", "amount", "currency", "article_id", "appeal_id")
    words = ("page", "wording", "policy_version", "policy_hash", "asked_at")
    for name in (*wish, *words):
        setattr(holder, name, getattr(asked, name))
    return holder


def _is_known(email: str, rows: list[Reminder]) -> bool:
    """Say whether the person proved the address before, and has not said no to a reminder since."""
    said_yes = [row.confirmed_at for row in rows if row.confirmed_at and row.proof == Reminder.Proof.BUTTON]
    said_no = [row.cancelled_at for row in rows if row.cancelled_at]
    if said_no:
        return bool(said_yes) and max(said_yes) > max(said_no)
    return (
        bool(said_yes)
        or consent.is_confirmed(email)
        or Donor.objects.filter(email=email, email_confirmed_at__isnull=False).exists()
    )


def _mail_button(reminder: Reminder, *, at: datetime) -> None:
    # It goes to an address that nobody has proved, so it names the outlet, also as its sender, only where no discreet
    # name is there to sign it. One a day: a form sent twice is one mail, and a lost one can be asked for again.
    queue_mail(
        key=f"confirm-reminder:{reminder.pk}:{reminder.asked_at:%Y-%m-%d}",
        template="confirm_reminder",
        to=reminder.email,
        context={
            "due": day_in_words(reminder.due_date, reminder.language),
            "confirm_url": confirm_url(reminder),
            "cancel_url": cancel_url(reminder),
            "days": CONFIRM_WITHIN.days,
            "is_discreet": current_terms().is_discreet or bool(current_outlet().discreet_name),
        },
        language=reminder.language,
        at=at,
    )


@transaction.atomic
def confirm(key: UUID, *, at: datetime) -> Reminder | None:
    """Confirm the reminder whose button was pressed, and return it as it is then. Doing it again changes nothing."""
    reminder = _with_key(key)
    if reminder is None or not is_confirmable(reminder, at=at):
        return reminder
    reminder.state, reminder.confirmed_at, reminder.proof = State.CONFIRMED, at, Reminder.Proof.BUTTON
    reminder.save()
    _tell_ledger(reminder, Action.CONFIRMED, Method.CONFIRMATION, at=at, shown=_shown(reminder))
    return reminder


def is_confirmable(reminder: Reminder, *, at: datetime) -> bool:
    return reminder.state == State.PENDING and reminder.asked_at > at - CONFIRM_WITHIN


@transaction.atomic
def cancel_all(key: UUID, *, at: datetime) -> None:
    """Cancel every waiting reminder of the person who holds this key; any number of times, and for unknown keys too.

    Whose reminder has ended already is remembered as having said no: the next one needs the button again.
    """
    named = _with_key(key)
    if named is None:
        return
    for reminder in locked(named.email):
        if reminder.is_waiting:
            _cancel(reminder, Method.UNSUBSCRIBE_PAGE, at=at)
        elif reminder.pk == named.pk and reminder.cancelled_at is None:
            reminder.cancelled_at = at
            reminder.save(update_fields=["cancelled_at"])


@transaction.atomic
def cancel_by_staff(pk: int, *, by: AbstractBaseUser, reason: str, at: datetime) -> bool:
    """Cancel one reminder as a person on the staff decided, and say whether it still waited."""
    reminder = Reminder.objects.select_for_update().get(pk=pk)
    if not reminder.is_waiting:
        return False
    before = reminder.state
    record(
        reminder,
        action="reminder.cancelled",
        actor=by,
        reason=reason,
        before={"state": before},
        after={"state": State.CANCELLED},
        at=at,
    )
    _cancel(reminder, Method.STAFF, at=at, reason=reason)
    return True


@transaction.atomic
def cancel_again(pk: int, *, method: consent.Method, at: datetime, reason: str) -> bool:
    """Cancel a reminder that its reader had cancelled before a restore brought it back. Say whether it waited."""
    reminder = Reminder.objects.select_for_update().get(pk=pk)
    if reminder.is_waiting:
        _cancel(reminder, method, at=at, reason=reason)
        return True
    return False


def _cancel(reminder: Reminder, method: consent.Method, *, at: datetime, reason: str = "") -> None:
    was_granted = reminder.state != State.ASKED
    reminder.state, reminder.cancelled_at = State.CANCELLED, at
    reminder.save()
    if was_granted:
        _tell_ledger(reminder, Action.WITHDRAWN, method, at=at, reason=reason)


def find(key: UUID) -> Reminder | None:
    return Reminder.objects.filter(key=key).first()


def locked(email: str) -> list[Reminder]:
    """Return the person's reminders, oldest first, locked until the transaction ends.

    Whoever changes one of them takes all, in this order, so that two forms, two workers, or a gift and a mail of the
    same person come one after the other.
    """
    return list(Reminder.objects.select_for_update(of=("self",)).filter(email=email).order_by("pk"))


def _with_key(key: UUID) -> Reminder | None:
    found = find(key)
    return next((row for row in locked(found.email) if row.key == key), None) if found else None


def _shown(reminder: Reminder) -> consent.Shown:
    return consent.Shown(reminder.wording, reminder.language, reminder.policy_version, reminder.policy_hash)


def _tell_ledger(
    reminder: Reminder,
    action: consent.Action,
    method: consent.Method,
    *,
    at: datetime,
    shown: consent.Shown | None = None,
    reason: str = "",
) -> None:
    page = reminder.page if method == Method.FORM else reverse("donations:remind")
    consent.record_purpose(
        subject=reminder.subject,
        purpose=PURPOSE,
        action=action,
        page=page,
        method=method,
        at=at,
        shown=shown,
        reason=reason,
    )


def confirm_url(reminder: Reminder) -> str:
    return settings.SITE_URL + reverse("donations:remind-confirm", args=[reminder.key])


def cancel_url(reminder: Reminder) -> str:
    return settings.SITE_URL + reverse("donations:remind-cancel", args=[reminder.key])


@dataclass(frozen=True)
class Forgotten:
    """How many rows were deleted, by why."""

    unconfirmed: int
    ended: int
    links_without_a_gift: int

    @property
    def total(self) -> int:
        return self.unconfirmed + self.ended + self.links_without_a_gift


def forget_old(*, at: datetime) -> Forgotten:
    """Delete what nobody confirmed within 7 days and what ended 30 days ago, and say how many there were."""
    gifts, _by_model = _links_without_a_gift(at).delete()
    return Forgotten(_delete(_unconfirmed(at)), _delete(_over(at)), gifts)


def count_old(*, at: datetime) -> int:
    """Return how many rows `forget_old` would delete."""
    return Reminder.objects.filter(_unconfirmed(at) | _over(at)).count() + _links_without_a_gift(at).count()


def _unconfirmed(at: datetime) -> Q:
    return Q(state__in=[State.ASKED, State.PENDING], asked_at__lte=at - CONFIRM_WITHIN)


def _over(at: datetime) -> Q:
    ended = at - KEPT_AFTER_END
    return (
        Q(state=State.SENT, sent_at__lte=ended)
        | Q(state=State.SKIPPED, skipped_at__lte=ended)
        | Q(state=State.CANCELLED, cancelled_at__lte=ended)
    )


def _links_without_a_gift(at: datetime) -> QuerySet[ReminderGift]:
    return ReminderGift.objects.filter(converted_at__isnull=True, started_at__lte=at - KEPT_AFTER_END)


def _delete(which: Q) -> int:
    """Delete in batches, leaving alone what another transaction is just changing."""
    total = 0
    while True:
        with transaction.atomic():
            rows = Reminder.objects.select_for_update(skip_locked=True).filter(which).order_by("pk")[:BATCH]
            count, _by_model = Reminder.objects.filter(pk__in=[row.pk for row in rows]).delete()
        if not count:
            return total
        total += count


def erase_person(email: str, at: datetime) -> None:
    """Delete a person's reminders, in the transaction that erases the person."""
    rows = locked(email)
    for reminder in rows:
        if reminder.is_waiting and reminder.state != State.ASKED:
            _tell_ledger(reminder, Action.WITHDRAWN, Method.ERASURE, at=at)
    Reminder.objects.filter(pk__in=[row.pk for row in rows]).delete()


def subjects_of(email: str) -> list[UUID]:
    """Return the names under which the consent ledger speaks of a person's reminders."""
    return list(Reminder.objects.filter(email=email).order_by("pk").values_list("subject", flat=True))


def export_person(email: str) -> dict[str, Any]:
    """Return all that is held of a person's reminders. What the ledger says of them stands with the other consent."""
    return {"reminders": facts_of(Reminder, email), "gifts_after_a_reminder": facts_of(ReminderGift, email)}
