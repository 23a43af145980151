"""The button that cancels, deletion on time, erasure and export."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from donations import reminders, reminding
from donations.models import Reminder, ReminderGift
from newsroom import registry
from newsroom.models import OutgoingMail
from subscriptions.models import Consent
from tests.donations.factories import make_donation
from tests.donations.reminder_factories import EMAIL, NOW, ask, make_choices, make_reminder
from tests.donations.reminder_life import confirm_button, links_in, send_due, work
from tests.mailbox import Mailbox
from tests.subscriptions.factories import make_policy

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _offer(db: None) -> None:
    make_choices()
    make_policy()


def test_the_button_cancels_everything_that_waits(client: Client, smtp: Mailbox) -> None:
    ask(client, when="1-month")
    ask(client, when="3-months")
    work()
    confirm_button(client)
    other = make_reminder(email="other@example.org")
    _confirm, cancel = links_in(smtp.messages[0])
    assert "Cancel the reminder?" in client.get(cancel).content.decode()
    assert client.post(cancel).status_code == 200
    assert set(Reminder.objects.filter(email=EMAIL).values_list("state", flat=True)) == {"cancelled"}
    other.refresh_from_db()
    assert other.state == "confirmed"
    assert Consent.objects.filter(action="withdrawn", purpose="reminder").count() == 2
    send_due(timezone.now() + timedelta(days=400))
    assert [message["To"] for message in smtp.messages[2:]] == ["other@example.org"]


def test_pressing_it_again_or_with_an_unknown_key_gives_the_same_page(client: Client) -> None:
    reminder = make_reminder()
    path = f"/remind/{reminder.key}/cancel/"
    pages = [client.post(path), client.post(path), client.post(f"/remind/{uuid4()}/cancel/")]
    assert {page.status_code for page in pages} == {200}
    assert len({page.content for page in pages}) == 1
    assert client.get(path).content == client.get(f"/remind/{uuid4()}/cancel/").content
    assert Consent.objects.count() == 1


def test_a_mail_programs_own_button_cancels(client: Client) -> None:
    reminder = make_reminder()
    client.post(f"/remind/{reminder.key}/cancel/", "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded")
    reminder.refresh_from_db()
    assert reminder.state == "cancelled"


def test_who_cancelled_must_press_the_button_the_next_time(client: Client, smtp: Mailbox) -> None:
    reminder = make_reminder(email=EMAIL)
    client.post(f"/remind/{reminder.key}/cancel/")
    ask(client)
    work()
    assert Reminder.objects.latest("pk").state == "pending"
    confirm_button(client)
    ask(client, when="3-months")
    work()
    assert Reminder.objects.latest("pk").state == "confirmed"
    assert len(smtp.messages) == 1


def test_cancelling_from_a_reminder_that_was_sent_is_remembered(client: Client, smtp: Mailbox) -> None:
    reminder = make_reminder(email=EMAIL, state="sent")
    client.post(f"/remind/{reminder.key}/cancel/")
    reminder.refresh_from_db()
    assert reminder.state == "sent"
    assert reminder.cancelled_at is not None
    ask(client, when="3-months")
    work()
    assert Reminder.objects.latest("pk").state == "pending"


def test_a_cancelled_reminder_leaves_its_month_free(client: Client, smtp: Mailbox) -> None:
    ask(client)
    work()
    _confirm, cancel = links_in(smtp.messages[0])
    client.post(cancel)
    ask(client)
    work()
    assert sorted(Reminder.objects.values_list("state", flat=True)) == ["cancelled", "pending"]


def test_cancelling_while_the_mail_waits_stops_it(client: Client, smtp: Mailbox) -> None:
    reminder = make_reminder()
    reminding.queue_due(by=NOW, at=NOW)
    client.post(f"/remind/{reminder.key}/cancel/")
    send_due(NOW)
    assert smtp.messages == []
    reminder.refresh_from_db()
    assert reminder.state == "cancelled"
    assert OutgoingMail.objects.get().error == "cancelled"


def test_nothing_that_still_waits_is_deleted() -> None:
    make_reminder(due_date=(NOW + timedelta(days=300)).date())
    make_reminder(state="queued")
    report = reminders.forget_old(at=NOW + timedelta(days=60))
    assert Reminder.objects.count() == 2
    assert report.total == 0


def test_a_reminder_that_led_to_a_gift_is_deleted_and_the_fact_is_kept() -> None:
    reminder = make_reminder(state="sent")
    paid = make_donation(state="given")
    ReminderGift.objects.create(donation=paid, reminder=reminder, started_at=NOW, converted_at=NOW)
    ReminderGift.objects.create(donation=make_donation(), reminder=reminder, started_at=NOW)
    reminders.forget_old(at=NOW + timedelta(days=30))
    (gift,) = ReminderGift.objects.all()
    assert (gift.donation, gift.reminder) == (paid, None)


def test_erasing_a_person_leaves_no_reminder_and_proves_the_end(client: Client) -> None:
    for due in (NOW.date(), (NOW + timedelta(days=60)).date()):
        make_reminder(email=EMAIL, due_date=due)
    make_reminder(email=EMAIL, state="asked")
    make_reminder(email="other@example.org")
    for erase in registry.person_erased:
        erase(EMAIL, NOW)
    assert list(Reminder.objects.values_list("email", flat=True)) == ["other@example.org"]
    assert list(Consent.objects.values_list("action", "method")) == [("withdrawn", "erasure")] * 2


def test_a_mail_of_an_erased_person_does_not_leave(smtp: Mailbox) -> None:
    make_reminder(email=EMAIL)
    reminding.queue_due(by=NOW, at=NOW)
    reminders.erase_person(EMAIL, NOW)
    send_due(NOW)
    assert smtp.messages == []
    assert OutgoingMail.objects.get().error == "forgotten"


def test_the_export_holds_everything(client: Client) -> None:
    make_reminder(email=EMAIL, frequency="monthly", amount=1000, currency="EUR")
    make_reminder(email="other@example.org")
    (row,) = registry.person_exported["reminders"](EMAIL)["reminders"]
    assert (row["frequency"], row["amount"], row["currency"], row["state"]) == ("monthly", 1000, "EUR", "confirmed")
    assert row["wording"] == "We send you one mail."
