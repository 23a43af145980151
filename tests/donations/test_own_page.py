"""The donor's own page: a mailed link that works once, and what is changed behind it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from donations import keeping, mine
from donations.models import DonorLink, LinkRequest, Payment, Reminder
from newsroom.models import OutgoingMail
from tests.donations.factories import make_donor
from tests.donations.living import enter, monthly, templates
from tests.donations.reader import Reader
from tests.donations.reminder_factories import make_choices, wish_fields

pytestmark = pytest.mark.django_db


def test_the_answer_to_a_request_is_the_same_for_a_known_and_an_unknown_address(
    reader: Reader,
) -> None:
    donor = make_donor()
    reader.client.post("/support/mine/", {"email": "first@example.org"})
    answers = []
    for email in (str(donor.email), "nobody@example.org"):
        with CaptureQueriesContext(connection) as queries:
            page = reader.client.post("/support/mine/", {"email": email}).content
        answers.append((page, len(queries)))
    assert answers[0] == answers[1]
    assert LinkRequest.objects.count() == 3
    reader.tick()
    assert not LinkRequest.objects.exists()
    assert [mail.address for mail in OutgoingMail.objects.filter(template="gift_link")] == [donor.email]


def test_the_link_works_once_and_is_stored_as_a_hash(reader: Reader) -> None:
    donor = make_donor()
    with reader._commits(execute=True):
        reader.client.post("/support/mine/", {"email": donor.email})
    reader.work()
    url = OutgoingMail.objects.get().context["url"].replace("http://testserver", "")
    token = url.rstrip("/").rsplit("/", 1)[1]
    assert token not in str(DonorLink.objects.values().get())
    assert "Open my gifts" in reader.client.get(url).content.decode()
    assert "Open my gifts" in reader.client.get(url).content.decode(), "looking at it must not spend it"
    response = reader.client.post(url)
    assert response.status_code == 303
    cookie = response.cookies["donor"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/support/mine/")
    donor.refresh_from_db()
    assert donor.email_confirmed_at is not None
    assert reader.client.post(url).status_code == 410
    assert reader.client.get(url).status_code == 410


def test_a_link_ends_after_fifteen_minutes(reader: Reader, time_machine: Any) -> None:
    donor = make_donor()
    with reader._commits(execute=True):
        reader.client.post("/support/mine/", {"email": donor.email})
    reader.work()
    url = OutgoingMail.objects.get().context["url"].replace("http://testserver", "")
    time_machine.move_to(timezone.now() + timedelta(minutes=16))
    assert reader.client.post(url).status_code == 410


def test_the_page_needs_the_session_and_its_end_closes_it(reader: Reader, time_machine: Any) -> None:
    gift = monthly(reader)
    assert gift.donation.donor is not None
    address = f"/support/mine/{gift.pk}/stop/"
    assert reader.client.get(address)["Location"] == "/support/mine/"
    enter(reader, gift.donation.donor)
    assert "$5 every month" in reader.client.get("/support/mine/").content.decode()
    assert "no-store" in reader.client.get("/support/mine/")["Cache-Control"]
    time_machine.move_to(timezone.now() + timedelta(minutes=31))
    assert "Send me a link" in reader.client.get("/support/mine/").content.decode()


def test_nobody_touches_the_gift_of_another(reader: Reader) -> None:
    gift = monthly(reader)
    enter(reader, make_donor())
    for what in ("amount", "pause", "resume", "card", "cancel"):
        response = reader.client.post(f"/support/mine/{gift.pk}/{what}/", {"amount": "900", "months": "1"})
        assert response["Location"] == "/support/mine/"
        assert reader.client.get(f"/support/mine/{gift.pk}/{what}/").status_code == 405
    for what in ("stop", "stopped"):
        assert reader.client.get(f"/support/mine/{gift.pk}/{what}/")["Location"] == "/support/mine/"
    gift.refresh_from_db()
    assert (gift.state, gift.amount) == ("active", 500)
    assert "$5 every month" not in reader.client.get("/support/mine/").content.decode()


def test_the_amount_changes_from_the_next_turn_on(reader: Reader) -> None:
    gift = monthly(reader)
    assert gift.donation.donor is not None
    enter(reader, gift.donation.donor)
    assert reader.client.post(f"/support/mine/{gift.pk}/amount/", {"amount": "7.50"}).status_code == 303
    gift.refresh_from_db()
    assert gift.amount == 750
    assert Payment.objects.count() == 1
    reader.sandbox.advance(months=1, days=1)
    reader.webhooks()
    assert Payment.objects.get(is_renewal=True).gross == 750


@pytest.mark.parametrize("amount", ["1.99", "1000.01", "x", ""])
def test_an_amount_outside_the_forms_own_rule_is_refused_here_too(reader: Reader, amount: str) -> None:
    gift = monthly(reader)
    assert gift.donation.donor is not None
    enter(reader, gift.donation.donor)
    assert reader.client.post(f"/support/mine/{gift.pk}/amount/", {"amount": amount}).status_code == 422
    gift.refresh_from_db()
    assert gift.amount == 500


def test_a_pause_skips_exactly_the_turns_it_names(reader: Reader) -> None:
    gift = monthly(reader)
    assert gift.donation.donor is not None
    enter(reader, gift.donation.donor)
    reader.client.post(f"/support/mine/{gift.pk}/pause/", {"months": "2"})
    gift.refresh_from_db()
    assert gift.state == "paused"
    for months, payments in ((1, 1), (1, 1), (1, 2)):
        reader.sandbox.advance(months=months, days=1)
        reader.webhooks()
        assert Payment.objects.filter(state="paid").count() == payments
    gift.refresh_from_db()
    assert gift.state == "active"


def test_a_pause_can_be_ended(reader: Reader) -> None:
    gift = keeping.pause(monthly(reader), months=3, at=timezone.now())
    assert gift.state == "paused"
    assert keeping.resume(gift, at=timezone.now()).state == "active"


def test_the_end_takes_two_clicks_and_is_confirmed_once(reader: Reader) -> None:
    gift = monthly(reader)
    assert gift.donation.donor is not None
    enter(reader, gift.donation.donor)
    assert "Stop your gift of $5?" in reader.client.get(f"/support/mine/{gift.pk}/stop/").content.decode()
    for _ in range(2):
        assert reader.client.post(f"/support/mine/{gift.pk}/cancel/").status_code == 303
    gift.refresh_from_db()
    gift.donation.refresh_from_db()
    reader.webhooks(times=2, shuffle=3)
    assert (gift.state, gift.donation.state) == ("ended", "ended")
    assert templates() == ["gift_ended", "receipt"]


def test_the_card_is_changed_on_stripes_own_page(reader: Reader) -> None:
    gift = monthly(reader)
    assert gift.donation.donor is not None
    enter(reader, gift.donation.donor)
    response = reader.client.post(f"/support/mine/{gift.pk}/card/")
    assert response.status_code == 303
    assert response["Location"].startswith(reader.sandbox.url)


def test_stripe_being_away_changes_nothing_and_says_so(reader: Reader, settings: Any) -> None:
    gift = monthly(reader)
    assert gift.donation.donor is not None
    enter(reader, gift.donation.donor)
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    response = reader.client.post(f"/support/mine/{gift.pk}/amount/", {"amount": "9"})
    assert response.status_code == 503
    assert "Nothing was changed" in response.content.decode()


def test_months_end_where_they_end() -> None:
    end_of_january = datetime(2027, 1, 31, 9, tzinfo=UTC)
    assert keeping.months_after(end_of_january, 1) == datetime(2027, 2, 28, 9, tzinfo=UTC)
    assert keeping.months_after(end_of_january, 11) == datetime(2027, 12, 31, 9, tzinfo=UTC)
    assert keeping.months_after(datetime(2026, 12, 30, tzinfo=UTC), 2) == datetime(2027, 2, 28, tzinfo=UTC)


def test_a_session_cookie_that_was_altered_opens_nothing(reader: Reader) -> None:
    donor = make_donor()
    value = mine.session_value(donor)
    assert mine.donor_of_session(value) == donor
    assert mine.donor_of_session(value[:-1] + ("a" if value[-1] != "a" else "b")) is None
    assert mine.donor_of_session("") is None


def test_the_end_offers_one_reminder_in_three_months(reader: Reader) -> None:
    gift = monthly(reader)
    assert gift.donation.donor is not None
    enter(reader, gift.donation.donor)
    address = f"/support/mine/{gift.pk}/stopped/"
    assert reader.client.get(address)["Location"] == "/support/mine/", "a gift that runs has no such page"
    assert reader.client.post(f"/support/mine/{gift.pk}/cancel/")["Location"] == address
    make_choices("1-week")
    assert "Remind me in three months" not in reader.client.get(address).content.decode()
    make_choices("1-week", "3-months")
    fields = wish_fields(when="3-months", email=gift.donation.donor.email)
    page = reader.client.get(address).content.decode()
    assert "Nothing more is charged." in page
    for name in ("when", "statement", "email"):
        assert re.search(rf'name="{name}"[^>]*value="{re.escape(str(fields[name]))}"', page), name
    assert reader.client.post("/remind/", fields).status_code == 303
    reader.work()
    assert Reminder.objects.get().span == "3-months"
    assert not Reminder.objects.exclude(email=gift.donation.donor.email).exists()


def test_each_change_is_confirmed_on_the_page(reader: Reader) -> None:
    gift = monthly(reader)
    assert gift.donation.donor is not None
    enter(reader, gift.donation.donor)
    for what, fields, words in (
        ("amount", {"amount": "7"}, "The amount is changed from the next gift on."),
        ("pause", {"months": "1"}, "Your gift is paused."),
        ("resume", {}, "The pause has ended."),
    ):
        answer = reader.client.post(f"/support/mine/{gift.pk}/{what}/", fields)
        assert words in reader.client.get(answer["Location"]).content.decode()
    assert 'role="status"' not in reader.client.get("/support/mine/?done=<b>").content.decode()
