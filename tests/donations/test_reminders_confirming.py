"""From the wish to a confirmed reminder: who gets a mail with a button, and what the button does."""

from datetime import timedelta
from email.utils import parseaddr
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from donations import reminders
from donations.models import Reminder
from newsroom.models import Outlet, Suppression
from newsroom.suppressions import suppress
from subscriptions.models import Consent, Subscription
from tests.donations.factories import make_donor
from tests.donations.reminder_factories import EMAIL, ask, make_choices, make_reminder
from tests.donations.reminder_life import confirm_button, links_in, work
from tests.mailbox import Mailbox
from tests.subscriptions.factories import make_policy, make_subscription

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _offer(db: None) -> None:
    Outlet.objects.create(
        pk=1, name="The Meridian", discreet_name="TM Press", contact_email="a@example.org", language="en"
    )
    make_choices()
    make_policy()


def test_a_new_address_gets_one_mail_with_a_button(client: Client, smtp: Mailbox) -> None:
    ask(client)
    work()
    (message,) = smtp.messages
    reminder = Reminder.objects.get()
    assert reminder.state == "pending"
    confirm_path, cancel_path = links_in(message)
    assert confirm_path == f"/remind/{reminder.key}/"
    assert cancel_path == f"/remind/{reminder.key}/cancel/"


def test_the_mail_is_discreet(client: Client, smtp: Mailbox) -> None:
    ask(client)
    work()
    (message,) = smtp.messages
    assert message["Subject"] == "Please confirm your request"
    assert parseaddr(str(message["From"]))[0] == "TM Press"
    for kind in ("plain", "html"):
        part = message.get_body([kind])
        assert part is not None
        words = part.get_content()
        assert "TM Press" in words
        for word in ("Meridian", "support", "donat", "gift", "newsroom", "journalis"):
            assert word.lower() not in words.lower(), word


def test_opening_the_link_changes_nothing(client: Client, smtp: Mailbox) -> None:
    ask(client)
    work()
    before = Reminder.objects.values().get()
    (path, cancel_path) = links_in(smtp.messages[0])
    for address in (path, cancel_path):
        for _ in range(3):
            response = client.get(address)
            assert response.status_code == 200
            assert not response.cookies
        client.head(address)
    assert Reminder.objects.values().get() == before
    assert Consent.objects.count() == 1


def test_the_button_confirms_and_is_harmless_when_pressed_again(client: Client, smtp: Mailbox) -> None:
    ask(client)
    work()
    (path, _cancel) = links_in(smtp.messages[0])
    response = client.post(path)
    assert (response.status_code, response["Location"]) == (303, path)
    first = Reminder.objects.values().get()
    assert (first["state"], first["proof"]) == ("confirmed", "button")
    client.post(path)
    assert Reminder.objects.values().get() == first
    assert list(Consent.objects.order_by("position").values_list("action", "method")) == [
        ("granted", "form"),
        ("confirmed", "confirmation"),
    ]
    assert "Your reminder is set" in client.get(path).content.decode()


def test_a_form_on_another_site_cannot_press_for_someone_without_the_key(client: Client) -> None:
    make_reminder(state="pending")
    assert client.post(f"/remind/{uuid4()}/").status_code == 303
    assert client.get(f"/remind/{uuid4()}/").status_code == 410
    assert Reminder.objects.get().state == "pending"


def test_the_link_ends_after_seven_days(client: Client) -> None:
    reminder = make_reminder(state="pending", asked_at=timezone.now() - timedelta(days=7))
    path = f"/remind/{reminder.key}/"
    assert client.get(path).status_code == 410
    client.post(path)
    reminder.refresh_from_db()
    assert reminder.state == "pending"


@pytest.mark.parametrize("who", ["subscriber", "donor", "reminded"])
def test_an_address_that_is_known_needs_no_button(client: Client, smtp: Mailbox, who: str) -> None:
    if who == "subscriber":
        make_subscription(email=EMAIL)
    elif who == "donor":
        make_donor(email=EMAIL, email_confirmed_at=timezone.now())
    else:
        make_reminder(email=EMAIL)
    ask(client, when="3-months")
    work()
    reminder = Reminder.objects.latest("pk")
    assert (reminder.state, reminder.proof) == ("confirmed", "known")
    assert smtp.messages == []
    rows = Consent.objects.filter(subject=reminder.subject).order_by("position")
    assert list(rows.values_list("purpose", "action", "method")) == [
        ("reminder", "granted", "form"),
        ("reminder", "confirmed", "form"),
    ]


@pytest.mark.parametrize("who", ["unconfirmed subscriber", "unproven donor", "reminded without a button"])
def test_an_address_that_nobody_proved_needs_the_button(client: Client, smtp: Mailbox, who: str) -> None:
    if who == "unconfirmed subscriber":
        make_subscription(email=EMAIL, state=Subscription.State.PENDING)
    elif who == "unproven donor":
        make_donor(email=EMAIL)
    else:
        make_reminder(email=EMAIL, proof="known")
    ask(client, when="3-months")
    work()
    assert Reminder.objects.latest("pk").state == "pending"
    assert len(smtp.messages) == 1


@pytest.mark.parametrize("reason", [Suppression.Reason.BOUNCED, Suppression.Reason.COMPLAINED])
def test_a_mailbox_that_refuses_us_is_not_written_to(client: Client, smtp: Mailbox, reason: Suppression.Reason) -> None:
    suppress(EMAIL, reason=reason, scope=Suppression.Scope.NEWSLETTERS, at=timezone.now())
    assert ask(client).status_code == 303
    work()
    assert not Reminder.objects.exists()
    assert smtp.messages == []


@pytest.mark.parametrize("reason", [Suppression.Reason.ERASED, Suppression.Reason.UNSUBSCRIBED])
def test_who_said_no_before_is_known_and_still_asked(client: Client, smtp: Mailbox, reason: Suppression.Reason) -> None:
    make_subscription(email=EMAIL)
    suppress(EMAIL, reason=reason, scope=Suppression.Scope.NEWSLETTERS, at=timezone.now())
    ask(client)
    work()
    assert Reminder.objects.get().state == "pending"
    assert len(smtp.messages) == 1
    confirm_button(client)
    # The button is for this one reminder: it takes back nothing else.
    assert Suppression.objects.count() == 1


def test_who_reads_the_newsletter_elsewhere_now_is_known_by_a_confirmed_reminder(client: Client, smtp: Mailbox) -> None:
    ask(client)
    work()
    confirm_button(client)
    suppress(EMAIL, reason=Suppression.Reason.MOVED, scope=Suppression.Scope.NEWSLETTERS, at=timezone.now())
    ask(client, amount="4000", frequency="once", currency="USD")
    work()
    assert list(Reminder.objects.values_list("state", "amount")) == [("confirmed", 4000)]


def test_the_same_form_twice_is_one_reminder_and_one_mail(client: Client, smtp: Mailbox) -> None:
    for _ in range(3):
        ask(client)
    work()
    assert Reminder.objects.count() == 1
    assert len(smtp.messages) == 1


def test_a_second_wish_for_the_same_month_replaces_the_first(client: Client, smtp: Mailbox) -> None:
    ask(client, when="3-months", frequency="once", amount="2000", currency="USD")
    work()
    confirm_button(client)
    first = Reminder.objects.get()
    ask(client, when="3-months", frequency="monthly", amount="1000", currency="EUR")
    work()
    reminder = Reminder.objects.get()
    assert (reminder.pk, reminder.key, reminder.state, reminder.proof) == (
        first.pk, first.key, "confirmed", "button",
    )  # fmt: skip
    assert (reminder.frequency, reminder.amount, reminder.currency) == ("monthly", 1000, "EUR")
    assert len(smtp.messages) == 1


@pytest.mark.parametrize("state", ["queued", "sent"])
def test_a_wish_for_a_month_whose_reminder_is_on_its_way_adds_nothing(
    client: Client, smtp: Mailbox, state: str
) -> None:
    ask(client)
    due = Reminder.objects.get().due_date
    Reminder.objects.all().delete()
    make_reminder(email=EMAIL, state=state, due_date=due)
    ask(client)
    work()
    assert Reminder.objects.get().state == state


def test_one_mailbox_gets_few_buttons_a_day_whoever_asks(client: Client, smtp: Mailbox) -> None:
    make_choices("1-week", "1-month", "2-months", "3-months", "6-months", "12-months")
    for when in ("1-month", "2-months", "3-months", "6-months", "12-months"):
        assert ask(client, when=when).status_code == 303
    work()
    assert len(smtp.messages) == 3
    assert Reminder.objects.count() == 3


def test_a_wish_that_fails_is_tried_again_later(client: Client, smtp: Mailbox) -> None:
    ask(client)
    reminder = Reminder.objects.get()
    Reminder.objects.update(policy_version="")
    with pytest.raises(Exception, match="grant_names_policy"):
        reminders.handle(reminder.pk, at=reminder.asked_at)
    reminder.refresh_from_db()
    assert (reminder.state, reminder.tries) == ("asked", 1)
    assert reminders.sweep(at=reminder.asked_at) == 0
    assert reminders.sweep(at=reminder.asked_at + reminders.RETRY_STEP) == 1
    Reminder.objects.update(tries=reminders.GIVE_UP_AFTER)
    assert reminders.sweep(at=reminder.asked_at + timedelta(days=1)) == 0
