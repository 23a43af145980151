"""Reminders, and the wishes that readers send, with valid defaults."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from django.test import Client

from donations.models import Reminder, ReminderChoice
from donations.reminder_words import due_moment, statement
from newsroom.mail import queue_mail
from tests.subscriptions.factories import make_policy

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
EMAIL = "reader@example.org"
_number = count(1)


def make_choices(*spans: str) -> None:
    """Offer these times, the second one chosen beforehand: a transactional test begins without the migration's rows."""
    ReminderChoice.objects.all().delete()
    for position, span in enumerate(spans or ("1-week", "1-month", "3-months"), start=1):
        ReminderChoice.objects.create(span=span, position=position, is_default=position == 2)


def make_reminder(**kwargs: Any) -> Reminder:
    """Make a reminder that is confirmed by the button and due today. `state` and the times it needs can be given."""
    number = next(_number)
    due = kwargs.setdefault("due_date", date(2026, 11, 20))
    state = kwargs.setdefault("state", Reminder.State.CONFIRMED)
    values: dict[str, Any] = {
        "email": f"reader-{number}@example.org",
        "span": "1-month",
        "due_at": due_moment(due, time_zone="UTC"),
        "wording": "We send you one mail.",
        "policy_version": "2026-1",
        "policy_hash": "0" * 64,
        "asked_at": NOW - timedelta(days=30),
    }
    if state not in (Reminder.State.ASKED, Reminder.State.PENDING):
        values |= {"confirmed_at": NOW - timedelta(days=29), "proof": Reminder.Proof.BUTTON}
    if state in (Reminder.State.QUEUED, Reminder.State.SENT, Reminder.State.SKIPPED):
        mail = queue_mail(
            key=f"made:{number}", template="reminder", to=kwargs.get("email", values["email"]), context={}, at=NOW
        )
        values |= {"queued_at": NOW, "mail": mail}
    if state == Reminder.State.SENT:
        values |= {"sent_at": NOW, "claimed_at": NOW}
    if state == Reminder.State.SKIPPED:
        values |= {"skipped_at": NOW, "skip_reason": Reminder.SkipReason.GAVE}
    if state == Reminder.State.CANCELLED:
        values["cancelled_at"] = NOW
    return Reminder.objects.create(**{**values, **kwargs})


def wish_fields(**kwargs: Any) -> dict[str, Any]:
    """Return what the form sends, with the words of this moment."""
    language = kwargs.get("language", "en")
    words = statement(language, at=datetime.now(UTC))
    if words is None:
        make_policy()
        words = statement(language, at=datetime.now(UTC))
    assert words is not None
    return {"email": EMAIL, "when": "1-month", "language": language, "statement": words.fingerprint, **kwargs}


def ask(client: Client, **kwargs: Any) -> Any:
    """Send the form as a browser does."""
    return client.post("/remind/", wish_fields(**kwargs))
