"""Two of everything at once: forms, workers, beats, and a person who cancels while the mail leaves."""

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from donations import reminders, reminding
from donations.models import Reminder
from newsroom import outbox
from newsroom.models import OutgoingMail
from subscriptions import ledger
from tests.donations.reminder_factories import EMAIL, NOW, ask, make_choices, make_reminder, wish_fields
from tests.donations.reminder_life import send_mails, work
from tests.mailbox import Mailbox
from tests.subscriptions.factories import make_policy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _offer(db: None) -> None:
    make_choices()
    make_policy()


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run each in a thread with a connection of its own, all at the same moment, and return what they returned."""
    barrier = Barrier(len(works))
    results: list[Any] = [None] * len(works)

    def run(place: int, one: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            results[place] = one()
        finally:
            connection.close()

    threads = [Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_the_same_form_sent_at_once_is_one_reminder_and_one_mail(smtp: Mailbox) -> None:
    fields = wish_fields()
    answers = at_once(*[lambda: Client().post("/remind/", fields).status_code] * 6)
    assert answers == [303] * 6
    pks = list(Reminder.objects.values_list("pk", flat=True))
    assert len(pks) == 6
    at = timezone.now()
    # The day's limit of one mailbox would hide the race: each is handled as if it were within it.
    at_once(*[lambda pk=pk: reminders._handle(pk, EMAIL, at, is_within_limit=True) for pk in pks])
    assert Reminder.objects.get().state == "pending"
    send_mails(at)
    assert len(smtp.messages) == 1
    assert list(ledger.faults(limit=1)) == []


def test_two_workers_handle_one_wish_once(client: Client, smtp: Mailbox) -> None:
    ask(client)
    pk, at = Reminder.objects.get().pk, timezone.now()
    at_once(*[lambda: reminders.handle(pk, at=at)] * 4)
    assert Reminder.objects.get().state == "pending"
    assert OutgoingMail.objects.count() == 1


def test_two_beats_queue_each_reminder_once(smtp: Mailbox) -> None:
    for _ in range(20):
        make_reminder()
    queued = at_once(*[lambda: reminding.queue_due(by=NOW, at=NOW)] * 4)
    assert sorted(pk for batch in queued for pk in batch) == sorted(Reminder.objects.values_list("pk", flat=True))
    assert OutgoingMail.objects.count() == 20
    send_mails(NOW)
    at_once(*[lambda: reminding.settle(at=NOW)] * 4)
    assert len(smtp.messages) == 20
    assert set(Reminder.objects.values_list("state", flat=True)) == {"sent"}


def test_two_reminders_of_one_person_claimed_at_once_are_one_mail(smtp: Mailbox) -> None:
    for month in (8, 9, 10, 11):
        make_reminder(email=EMAIL, due_date=NOW.date().replace(month=month))
    reminding.queue_due(by=NOW, at=NOW)
    pks = list(OutgoingMail.objects.values_list("pk", flat=True))
    at_once(*[lambda pk=pk: outbox.deliver(pk, at=NOW) for pk in pks])
    reminding.settle(at=NOW)
    assert len(smtp.messages) == 1
    assert sorted(Reminder.objects.values_list("skip_reason", flat=True)) == ["", "reminded", "reminded", "reminded"]


def test_cancelling_while_the_worker_claims_ends_in_one_of_two_truths(smtp: Mailbox) -> None:
    for _ in range(5):
        smtp.clear()
        reminder = make_reminder()
        reminding.queue_due(by=NOW, at=NOW)
        mail = OutgoingMail.objects.latest("pk")
        at_once(
            lambda mail=mail: outbox.deliver(mail.pk, at=NOW),
            lambda key=reminder.key: Client().post(f"/remind/{key}/cancel/"),
        )
        reminding.settle(at=NOW)
        reminder.refresh_from_db()
        assert reminder.state == "cancelled"
        assert (reminder.sent_at is not None) == bool(smtp.messages)


def test_the_button_pressed_at_once_confirms_once(client: Client, smtp: Mailbox) -> None:
    ask(client)
    work()
    key = Reminder.objects.get().key
    at_once(*[lambda: Client().post(f"/remind/{key}/")] * 4)
    assert Reminder.objects.get().state == "confirmed"
    assert list(ledger.faults(limit=1)) == []
