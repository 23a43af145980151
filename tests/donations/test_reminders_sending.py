"""A due reminder, from the beat to the mailbox, and every reason why it stays away."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from donations import reminding
from donations.models import Donation, GivingTerms, Reminder, ReminderGift
from newsroom.models import OutgoingMail, Suppression
from newsroom.suppressions import suppress
from tests.donations.factories import make_amount_rules, make_appeal, make_donation, make_donor, make_payment
from tests.donations.reader import Reader
from tests.donations.reminder_factories import EMAIL, NOW, make_reminder
from tests.donations.reminder_life import links_in, send_due, send_mails
from tests.mailbox import Mailbox
from tests.newsroom.factories import make_article

pytestmark = pytest.mark.django_db


def test_a_due_reminder_is_sent_once(smtp: Mailbox) -> None:
    reminder = make_reminder(email=EMAIL)
    for _ in range(3):
        send_due(NOW)
    (message,) = smtp.messages
    assert message["To"] == EMAIL
    assert message["Subject"] == "The reminder you asked for"
    reminder.refresh_from_db()
    assert reminder.state == "sent"
    assert reminder.sent_at is not None
    assert reminder.mail is not None
    assert reminder.mail.state == "sent"


def test_the_mail_leads_to_the_form_with_the_choice_made(smtp: Mailbox, client: Client) -> None:
    make_amount_rules()
    article, appeal = make_article(), make_appeal()
    reminder = make_reminder(frequency="monthly", amount=1_000, currency="EUR", article=article, appeal=appeal)
    send_due(NOW)
    give, cancel = links_in(smtp.messages[0])
    assert parse_qs(urlsplit(give).query) == {
        "frequency": ["monthly"],
        "amount": ["1000"],
        "currency": ["EUR"],
        "article": [str(article.pk)],
        "appeal": [str(appeal.pk)],
        "language": ["en"],
        "reminder": [str(reminder.code)],
    }
    page = client.get(give).content.decode()
    assert '<input type="radio" name="frequency" value="monthly" checked>' in page
    assert '<input type="radio" name="monthly_amount" value="1000" checked>' in page
    assert f'name="reminder" value="{reminder.code}"' in page
    assert cancel == f"/remind/{reminder.key}/cancel/"
    part = smtp.messages[0].get_body(["plain"])
    assert part is not None
    assert "€10 every month" in part.get_content()


@pytest.mark.parametrize("person", ["by address", "by donor"])
def test_who_gave_meanwhile_is_not_reminded(smtp: Mailbox, person: str) -> None:
    reminder = make_reminder(email=EMAIL)
    donor = make_donor(email=EMAIL) if person == "by donor" else None
    donation = make_donation(state="given", donor=donor, email="" if donor else EMAIL)
    make_payment(donation=donation, paid_at=reminder.asked_at)
    send_due(NOW)
    reminder.refresh_from_db()
    assert (reminder.state, reminder.skip_reason, reminder.skipped_at) == ("skipped", "gave", NOW)
    assert OutgoingMail.objects.get().state == "cancelled"
    assert smtp.messages == []


def test_a_bank_that_takes_days_counts_as_given(smtp: Mailbox) -> None:
    reminder = make_reminder(email=EMAIL)
    make_donation(email=EMAIL, state="pending", state_at=NOW)
    send_due(NOW)
    reminder.refresh_from_db()
    assert reminder.skip_reason == "gave"


@pytest.mark.parametrize("case", ["before", "other person", "failed", "only started"])
def test_other_gifts_do_not_count(smtp: Mailbox, case: str) -> None:
    reminder = make_reminder(email=EMAIL)
    email = "other@example.org" if case == "other person" else EMAIL
    donation = make_donation(email=email, state="started" if case == "only started" else "given")
    if case == "failed":
        make_payment(donation=donation, state="failed", paid_at=None, gift_date=None)
    elif case != "only started":
        earlier = reminder.asked_at - timedelta(seconds=1)
        make_payment(donation=donation, paid_at=earlier if case == "before" else NOW)
    send_due(NOW)
    assert len(smtp.messages) == 1


def test_a_gift_between_queue_and_claim_stops_the_mail(smtp: Mailbox) -> None:
    reminder = make_reminder(email=EMAIL)
    reminding.queue_due(by=NOW, at=NOW)
    reminder.refresh_from_db()
    assert reminder.state == "queued"
    make_payment(donation=make_donation(email=EMAIL, state="given"))
    send_mails(NOW)
    reminder.refresh_from_db()
    assert (reminder.state, reminder.skip_reason) == ("skipped", "gave")
    assert smtp.messages == []


def test_a_gift_between_two_tries_stops_the_second(smtp: Mailbox) -> None:
    smtp.answer_next("451 4.7.1 later")
    reminder = make_reminder(email=EMAIL)
    send_due(NOW)
    reminder.refresh_from_db()
    assert reminder.state == "queued"
    make_payment(donation=make_donation(email=EMAIL, state="given"))
    send_due(timezone.now() + timedelta(hours=1))
    reminder.refresh_from_db()
    assert (reminder.state, reminder.skip_reason) == ("skipped", "gave")
    assert smtp.messages == []


@pytest.mark.parametrize("scope", list(Suppression.Scope))
def test_a_suppressed_address_is_skipped_with_its_reason(smtp: Mailbox, scope: Suppression.Scope) -> None:
    reminder = make_reminder(email=EMAIL)
    suppress(EMAIL, reason=Suppression.Reason.BOUNCED, scope=scope, at=NOW)
    send_due(NOW)
    reminder.refresh_from_db()
    assert (reminder.state, reminder.skip_reason) == ("skipped", "suppressed")
    assert smtp.messages == []


@pytest.mark.parametrize(("days", "is_sent"), [(-1, True), (1, False)])
def test_a_no_counts_unless_the_button_was_pressed_after_it(smtp: Mailbox, days: int, is_sent: bool) -> None:
    reminder = make_reminder(email=EMAIL)
    assert reminder.confirmed_at is not None
    suppress(
        EMAIL,
        reason=Suppression.Reason.UNSUBSCRIBED,
        scope=Suppression.Scope.NEWSLETTERS,
        at=reminder.confirmed_at + timedelta(days=days),
    )
    send_due(NOW)
    assert len(smtp.messages) == is_sent


@pytest.mark.parametrize("end", ["by date", "switched off", "form closed"])
def test_nobody_is_reminded_of_what_is_over(smtp: Mailbox, end: str) -> None:
    appeal = make_appeal(ends_at=NOW if end == "by date" else None, is_active=end != "switched off")
    if end == "form closed":
        GivingTerms.objects.create(pk=1, is_open=False)
    reminder = make_reminder(appeal=appeal)
    send_due(NOW)
    reminder.refresh_from_db()
    assert (reminder.state, reminder.skip_reason) == ("skipped", "appeal ended")


def test_two_that_are_due_together_are_one_mail(smtp: Mailbox) -> None:
    make_reminder(email=EMAIL, due_date=NOW.date())
    make_reminder(email=EMAIL, due_date=(NOW - timedelta(days=30)).date())
    send_due(NOW)
    assert len(smtp.messages) == 1
    assert sorted(Reminder.objects.values_list("state", "skip_reason")) == [("sent", ""), ("skipped", "reminded")]


def test_a_mailbox_that_refused_the_first_may_get_the_second(smtp: Mailbox) -> None:
    smtp.answer_next("550 5.2.2 full")
    first = make_reminder(email=EMAIL, due_date=(NOW - timedelta(days=20)).date())
    send_due(NOW)
    first.refresh_from_db()
    assert (first.state, first.skip_reason) == ("skipped", "undeliverable")
    make_reminder(email=EMAIL)
    send_due(NOW)
    assert len(smtp.messages) == 1


def test_a_mail_whose_delivery_is_unknown_is_let_go_after_a_week(smtp: Mailbox) -> None:
    reminder = make_reminder(state="queued", claimed_at=NOW)
    OutgoingMail.objects.update(state="unknown", tries=2, not_before=NOW + timedelta(days=3650))
    reminding.settle(at=NOW + timedelta(days=6))
    reminder.refresh_from_db()
    assert reminder.state == "queued"
    reminding.settle(at=NOW + timedelta(days=7))
    reminder.refresh_from_db()
    assert (reminder.state, reminder.skip_reason) == ("skipped", "unknown")


def test_cancelled_too_late_tells_both(smtp: Mailbox, client: Client) -> None:
    reminder = make_reminder()
    reminding.queue_due(by=NOW, at=NOW)
    send_mails(NOW)
    client.post(f"/remind/{reminder.key}/cancel/")
    reminding.settle(at=NOW)
    reminder.refresh_from_db()
    assert reminder.state == "cancelled"
    assert reminder.sent_at is not None


def test_the_number_of_queries_does_not_grow_with_the_waiting(django_assert_max_num_queries: Any) -> None:
    for _ in range(30):
        make_reminder(due_date=(NOW + timedelta(days=90)).date())
    make_reminder()
    with django_assert_max_num_queries(12):
        reminding.queue_due(by=NOW, at=NOW)
    with django_assert_max_num_queries(6):
        reminding.settle(at=NOW)
        reminding.note_conversions()


def test_a_gift_through_the_link_is_recorded_against_the_reminder(reader: Reader, smtp: Mailbox) -> None:
    reminder = make_reminder(email="other@example.org", frequency="once", amount=2_000, currency="USD")
    send_due(NOW)
    give = links_in(smtp.messages[0])[0]
    page = reader.client.get(give).content.decode()
    assert f'name="reminder" value="{reminder.code}"' in page
    chosen = {"frequency": "once", "once_amount": "2000", "currency": "USD", "reminder": str(reminder.code)}
    attempt = reader.client.get("/support/", chosen)["Location"]
    assert f'name="reminder" value="{reminder.code}"' in reader.client.get(attempt).content.decode()
    donation = reader.start(reminder=str(reminder.code))
    gift = ReminderGift.objects.get()
    assert (gift.donation, gift.reminder, gift.converted_at) == (donation, reminder, None)
    assert reminding.note_conversions() == 0
    reader.pay(donation)
    reader.webhooks()
    assert reminding.note_conversions() == 1
    assert reminding.note_conversions() == 0
    gift.refresh_from_db()
    assert gift.converted_at == donation.payments.get().paid_at


@pytest.mark.parametrize("code", ["0b5e7c52-4c55-4f57-9d2b-9a6a5f3f5d10", "no code", "' OR 1=1", "\x00", "9" * 100])
def test_a_code_that_names_nothing_costs_the_reader_nothing(reader: Reader, code: str) -> None:
    make_reminder()
    assert isinstance(reader.start(reminder=code), Donation)
    assert not ReminderGift.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"span": "0-months"},
        {"email": "Reader@Example.org"},
        {"state": "forgotten"},
        {"state": "sent", "sent_at": None},
        {"state": "skipped", "skip_reason": ""},
        {"state": "cancelled", "cancelled_at": None},
        {"confirmed_at": None},
        {"proof": ""},
        {"state": "queued", "mail": None},
        {"amount": 1_000},
        {"amount": 0, "frequency": "once", "currency": "USD"},
    ],
)
def test_the_database_refuses_what_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_reminder(**wrong)


def test_the_database_keeps_one_per_person_and_month() -> None:
    make_reminder(email=EMAIL, due_date=NOW.date().replace(day=1))
    make_reminder(email=EMAIL, due_date=NOW.date().replace(year=2027))
    with pytest.raises(IntegrityError), transaction.atomic():
        make_reminder(email=EMAIL, due_date=NOW.date().replace(day=30), state="sent")
