"""What the form says and what the code does, read from the same sentence; and the arithmetic of months."""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from donations import reminders
from donations.models import Donor, Reminder, Span
from donations.reminder_words import LENGTHS, add_months, due_date, due_moment, statement
from newsroom.models import OutgoingMail, Outlet, Suppression
from newsroom.suppressions import suppress
from subscriptions.models import Consent, Subscriber
from tests.donations.factories import make_appeal, make_donation, make_payment
from tests.donations.reminder_factories import NOW, ask, make_choices, make_reminder
from tests.donations.reminder_life import confirm_button, send_due, work
from tests.mailbox import Mailbox
from tests.subscriptions.factories import make_policy

SECOND = timedelta(seconds=1)


class Told:
    """The numbers and promises that stand in the words themselves."""

    def __init__(self, client: Client) -> None:
        page = client.get("/remind/").content.decode()
        parts = re.findall(r'<p (?:class="hint" )?id="remind-(?:lead|words)">(.*?)</p>', page, re.DOTALL)
        assert len(parts) == 2
        self.text = unescape(re.sub(r"<[^>]+>", "", " ".join(parts)))
        self.time, self.zone = self._read(r"one mail, at (\d\d:\d\d) \(([^)]+)\) on the day you choose")
        (apart,) = self._read(r"if we reminded you within the (\d+) days before")
        (confirm,) = self._read(r"unless it is pressed within (\d+) days")
        (kept,) = self._read(r"the address are deleted (\d+) days after it was sent, skipped or cancelled")
        self.apart, self.confirm, self.kept = (timedelta(days=int(number)) for number in (apart, confirm, kept))

    def _read(self, pattern: str) -> tuple[str, ...]:
        found = re.search(pattern, self.text)
        assert found is not None, (pattern, self.text)
        return found.groups()


@pytest.fixture
def told(client: Client, db: None) -> Told:
    Outlet.objects.create(pk=1, name="The Meridian", contact_email="a@example.org", time_zone="Europe/Prague")
    make_choices()
    make_policy()
    return Told(client)


def test_one_mail_leaves_at_the_hour_that_was_named(told: Told, client: Client, smtp: Mailbox) -> None:
    ask(client)
    work()
    confirm_button(client)
    reminder = Reminder.objects.get()
    local = reminder.due_at.astimezone(ZoneInfo(told.zone))
    assert (local.date(), f"{local:%H:%M}") == (reminder.due_date, told.time)
    before = len(smtp.messages)
    send_due(reminder.due_at - SECOND)
    assert len(smtp.messages) == before
    for later in (timedelta(), timedelta(minutes=1), timedelta(days=40), timedelta(days=400)):
        send_due(reminder.due_at + later)
    assert len(smtp.messages) == before + 1


def test_the_mail_leads_back_to_the_form_and_each_has_a_link_to_cancel(
    told: Told, client: Client, smtp: Mailbox
) -> None:
    assert "Each of these mails has a link to cancel." in told.text
    assert "leads back to this form" in told.text
    ask(client)
    work()
    confirm_button(client)
    send_due(Reminder.objects.get().due_at)
    key = Reminder.objects.get().key
    assert len(smtp.messages) == 2
    for message in smtp.messages:
        for kind in ("plain", "html"):
            part = message.get_body([kind])
            assert part is not None
            assert f"/remind/{key}/cancel/" in part.get_content()
    part = smtp.messages[1].get_body(["plain"])
    assert part is not None
    assert "/support/?" in part.get_content()


@pytest.mark.parametrize("has_waited_long_enough", [True, False])
def test_no_second_reminder_within_the_days_that_were_named(
    told: Told, smtp: Mailbox, has_waited_long_enough: bool
) -> None:
    later = NOW + told.apart - (timedelta() if has_waited_long_enough else SECOND)
    make_reminder(email="a@example.org", state="sent", sent_at=NOW, due_date=NOW.date())
    second = make_reminder(email="a@example.org", due_date=later.date(), due_at=later)
    send_due(later)
    second.refresh_from_db()
    assert (second.state, second.skip_reason) == (("sent", "") if has_waited_long_enough else ("skipped", "reminded"))
    assert len(smtp.messages) == has_waited_long_enough


def test_not_sent_to_who_gave_refused_or_when_the_appeal_has_ended(told: Told, smtp: Mailbox) -> None:
    for words in (
        "if you give before then",
        "if the appeal has ended",
        "if you or your mailbox have refused our mails",
    ):
        assert words in told.text
    make_payment(donation=make_donation(email="gave@example.org", state="given"))
    make_reminder(email="gave@example.org")
    make_reminder(email="ended@example.org", appeal=make_appeal(ends_at=NOW))
    make_reminder(email="bounced@example.org")
    make_reminder(email="left@example.org")
    scope = Suppression.Scope.NEWSLETTERS
    suppress("bounced@example.org", reason=Suppression.Reason.BOUNCED, scope=scope, at=NOW)
    suppress("left@example.org", reason=Suppression.Reason.UNSUBSCRIBED, scope=scope, at=NOW)
    send_due(NOW)
    reasons = dict(Reminder.objects.values_list("email", "skip_reason"))
    assert reasons == {
        "gave@example.org": "gave",
        "ended@example.org": "appeal ended",
        "bounced@example.org": "suppressed",
        "left@example.org": "suppressed",
    }
    assert smtp.messages == []


def test_without_the_button_nothing_else_is_sent_and_the_address_goes(
    told: Told, client: Client, smtp: Mailbox
) -> None:
    ask(client)
    work()
    reminder = Reminder.objects.get()
    assert len(smtp.messages) == 1
    last = reminder.asked_at + told.confirm
    send_due(last + timedelta(days=400))
    assert len(smtp.messages) == 1
    assert reminders.is_confirmable(reminder, at=last - SECOND)
    assert not reminders.is_confirmable(reminder, at=last)
    reminders.forget_old(at=last - SECOND)
    assert Reminder.objects.count() == 1
    reminders.forget_old(at=last)
    assert not Reminder.objects.exists()


@pytest.mark.parametrize("state", ["sent", "skipped", "cancelled"])
def test_the_address_goes_after_the_days_that_were_named(told: Told, state: str) -> None:
    make_reminder(state=state)
    reminders.forget_old(at=NOW + told.kept - SECOND)
    assert Reminder.objects.count() == 1
    reminders.forget_old(at=NOW + told.kept)
    assert not Reminder.objects.exists()


def test_it_is_used_for_nothing_else(told: Told, client: Client, smtp: Mailbox) -> None:
    assert "for this and for nothing else" in told.text
    ask(client)
    work()
    confirm_button(client)
    send_due(Reminder.objects.get().due_at)
    assert set(Consent.objects.values_list("purpose", flat=True)) == {"reminder"}
    assert not Subscriber.objects.exists()
    assert not Donor.objects.exists()
    assert set(OutgoingMail.objects.values_list("template", flat=True)) == {"confirm_reminder", "reminder"}


def test_the_words_on_the_form_are_the_words_in_the_ledger(told: Told, client: Client, smtp: Mailbox) -> None:
    ask(client)
    work()
    confirm_button(client)
    assert set(Consent.objects.values_list("wording", flat=True)) == {told.text}


def test_new_words_have_another_fingerprint(told: Told) -> None:
    now = timezone.now()
    first = statement("en", at=now)
    Outlet.objects.update(time_zone="Asia/Tokyo")
    second = statement("en", at=now)
    assert first is not None
    assert second is not None
    assert first.fingerprint != second.fingerprint


DAYS = st.dates(min_value=date(2024, 1, 1), max_value=date(2060, 12, 31))


@given(day=DAYS, months=st.integers(min_value=0, max_value=24))
def test_a_month_later_is_in_the_next_month_and_never_after_its_end(day: date, months: int) -> None:
    later = add_months(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day == min(day.day, monthrange(later.year, later.month)[1])


@given(
    at=st.datetimes(min_value=datetime(2024, 1, 1), max_value=datetime(2060, 1, 1), timezones=st.just(UTC)),
    span=st.sampled_from(list(Span)),
    zone=st.sampled_from(["UTC", "Europe/Prague", "America/St_Johns", "Pacific/Kiritimati", "Pacific/Apia"]),
)
def test_every_reminder_is_due_in_the_future_at_nine_by_the_outlets_clock(at: datetime, span: Span, zone: str) -> None:
    day = due_date(span, at=at, time_zone=zone)
    moment = due_moment(day, time_zone=zone)
    assert moment > at
    local = moment.astimezone(ZoneInfo(zone))
    assert (local.date(), local.hour, local.minute) == (day, 9, 0)


@pytest.mark.parametrize(
    ("asked", "span", "due"),
    [
        (date(2027, 1, 31), Span.ONE_MONTH, date(2027, 2, 28)),
        (date(2028, 1, 31), Span.ONE_MONTH, date(2028, 2, 29)),
        (date(2026, 12, 31), Span.TWO_MONTHS, date(2027, 2, 28)),
        (date(2026, 11, 30), Span.THREE_MONTHS, date(2027, 2, 28)),
        (date(2028, 2, 29), Span.ONE_YEAR, date(2029, 2, 28)),
        (date(2026, 12, 28), Span.ONE_WEEK, date(2027, 1, 4)),
    ],
)
def test_month_ends(asked: date, span: Span, due: date) -> None:
    assert due_date(span, at=datetime(asked.year, asked.month, asked.day, 12, tzinfo=UTC), time_zone="UTC") == due


def test_the_day_is_the_outlets_own() -> None:
    late_evening = datetime(2027, 1, 30, 23, 30, tzinfo=UTC)
    assert due_date(Span.ONE_MONTH, at=late_evening, time_zone="Europe/Prague") == date(2027, 2, 28)
    assert due_date(Span.ONE_WEEK, at=late_evening, time_zone="Europe/Prague") == date(2027, 2, 7)
    assert due_date(Span.ONE_WEEK, at=late_evening, time_zone="America/New_York") == date(2027, 2, 6)


def test_every_time_has_a_length_and_none_is_zero() -> None:
    assert set(LENGTHS) == set(Span)
    assert all(length > (0, 0) for length in LENGTHS.values())
