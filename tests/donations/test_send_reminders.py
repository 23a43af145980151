"""`manage.py send_reminders`: see today what is due later."""

import threading
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from donations.models import Reminder
from newsroom import outbox
from newsroom.models import OutgoingMail
from tests.donations.factories import make_donation, make_payment
from tests.donations.reminder_factories import EMAIL, ask, make_choices, make_reminder
from tests.donations.reminder_life import confirm_button, work
from tests.mailbox import Mailbox
from tests.subscriptions.factories import make_policy

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("send_reminders", *arguments, stdout=output)
    return output.getvalue()


def later_reminder(**kwargs: object) -> Reminder:
    due_at = timezone.now() + timedelta(days=30)
    return make_reminder(due_date=due_at.date(), due_at=due_at, asked_at=timezone.now(), **kwargs)


def test_a_newcomer_sees_a_reminder_the_minute_it_was_asked_for(client: Client, smtp: Mailbox) -> None:
    make_choices()
    make_policy()
    ask(client)
    assert "1 wait until the button in the confirmation mail is pressed." in run()
    work()
    confirm_button(client)
    reminder = Reminder.objects.get()
    output = run()
    assert f"The next is due on {reminder.due_date}." in output
    (at,) = (word for word in output.split() if word.startswith("20") and "T" in word)
    assert "1 sent." in run("--at", at)
    assert [message["Subject"] for message in smtp.messages][-1] == "The reminder you asked for"
    assert "No confirmed reminder is due" in run("--at", at)


def test_a_dry_run_changes_nothing(smtp: Mailbox) -> None:
    reminder = later_reminder()
    output = run("--at", reminder.due_at.isoformat(), "--dry-run")
    assert f"reminder {reminder.pk}: due {reminder.due_date}, would be sent now" in output
    assert "1 reminders are due" in output
    reminder.refresh_from_db()
    assert reminder.state == "confirmed"
    assert smtp.messages == []


def test_only_the_person_named_is_moved(smtp: Mailbox) -> None:
    reminder = later_reminder(email=EMAIL)
    later_reminder(email="other@example.org")
    output = run("--at", reminder.due_at.isoformat(), "--email", "Reader@EXAMPLE.org")
    assert "1 sent." in output
    assert [message["To"] for message in smtp.messages] == [EMAIL]
    assert EMAIL not in output


def test_who_gave_is_skipped_also_by_hand(smtp: Mailbox) -> None:
    reminder = later_reminder(email=EMAIL)
    make_payment(donation=make_donation(email=EMAIL, state="given"), paid_at=timezone.now())
    assert "skipped, gave meanwhile" in run("--at", reminder.due_at.isoformat())
    assert smtp.messages == []


def test_a_mail_server_that_is_away_is_said(settings: object) -> None:
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # type: ignore[attr-defined]
    reminder = later_reminder()
    assert "queued, the worker goes on trying" in run("--at", reminder.due_at.isoformat())


@pytest.mark.django_db(transaction=True)
def test_the_report_waits_for_a_worker_that_was_faster(smtp: Mailbox) -> None:
    reminder = later_reminder()
    taken = threading.Event()

    def worker() -> None:
        while not (mail := OutgoingMail.objects.first()):
            time.sleep(0.01)
        with transaction.atomic():
            OutgoingMail.objects.select_for_update().get(pk=mail.pk)
            taken.set()
            time.sleep(1)
        outbox.deliver(mail.pk)
        connection.close()

    thread = threading.Thread(target=worker)
    thread.start()
    assert "1 sent." in run("--at", reminder.due_at.isoformat())
    thread.join()
    assert taken.is_set()
    assert len(smtp.messages) == 1


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(CommandError, match="not an address"):
        run("--email", "reader")
