"""What donors do with a gift that runs, and what they are told."""

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from donations import keeping, mine, notices, stripe_api
from donations.models import Donation, Donor, DonorLink, LinkRequest, Payment, RecurringGift, StripeEvent
from donations.truth import payment_intents
from newsroom.models import OutgoingMail
from tests.donations.factories import make_donation, make_donor, make_recurring_gift, make_session
from tests.donations.reader import Reader

pytestmark = pytest.mark.django_db


def enter(reader: Reader, donor: Donor) -> None:
    """Ask for a link, press its button, and hold the session."""
    with reader._commits(execute=True):
        reader.client.post("/support/mine/", {"email": donor.email})
    reader.work()
    link = OutgoingMail.objects.filter(template="gift_link").latest("pk").context["url"]
    response = reader.client.post(link.replace("http://testserver", ""))
    assert response.status_code == 303, response.content.decode()


def monthly(reader: Reader) -> RecurringGift:
    return RecurringGift.objects.get(donation=reader.give(frequency="monthly", amount="500"))


def templates() -> list[str]:
    return sorted(OutgoingMail.objects.exclude(template="gift_link").values_list("template", flat=True))


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
    for what in ("amount", "pause", "card", "cancel"):
        response = reader.client.post(f"/support/mine/{gift.pk}/{what}/", {"amount": "900", "months": "1"})
        assert response["Location"] == "/support/mine/"
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


def test_everything_held_can_be_taken_along(reader: Reader) -> None:
    gift = monthly(reader)
    assert gift.donation.donor is not None
    enter(reader, gift.donation.donor)
    document = json.loads(reader.client.post("/support/mine/export/").content)
    assert document["address"] == "reader@example.org"
    assert document["gifts"]["payments"][0]["amount"] == "5.00"
    assert document["gifts"]["donations"][0]["frequency"] == "monthly"


def test_erasing_ends_the_gift_and_keeps_the_money_without_the_person(reader: Reader) -> None:
    gift = monthly(reader)
    donor = gift.donation.donor
    assert donor is not None
    enter(reader, donor)
    assert "You are erased" in reader.client.post("/support/mine/erase/").content.decode()
    donor.refresh_from_db()
    gift.refresh_from_db()
    assert (donor.email, donor.name) == (None, "")
    assert gift.state == "ended"
    assert Payment.objects.get().gross == 500
    assert not OutgoingMail.objects.filter(address="reader@example.org").exists()
    reader.webhooks(times=2)
    assert not Donor.objects.filter(email="reader@example.org").exists()
    assert Donation.objects.get().email == ""
    assert "Send me a link" in reader.client.get("/support/mine/").content.decode()


def open_readers_page(reader: Reader) -> str:
    """Open the page of everything held, which the newsletters' package has, and return the proof its forms carry."""
    with reader._commits(execute=True):
        reader.client.post("/newsletter/mine/ask/", {"email": "reader@example.org"})
    reader.work()
    link = OutgoingMail.objects.filter(template="own_page").latest("pk").context["url"]
    assert reader.client.post(link.replace("http://testserver", "")).status_code == 303
    page = reader.client.get("/newsletter/mine/erase/").content.decode()
    return re.findall(r'name="proof" value="(\w+)"', page)[0]


def test_erasing_on_the_readers_own_page_ends_the_gift_too(reader: Reader) -> None:
    gift = monthly(reader)
    proof = open_readers_page(reader)
    assert "It is erased" in reader.client.post("/newsletter/mine/erase/", {"proof": proof}).content.decode()
    gift.refresh_from_db()
    assert gift.state == "ended"
    assert stripe_api.retrieve_subscription(gift.stripe_id).status == "canceled"
    assert not Donor.objects.filter(email="reader@example.org").exists()


def test_nothing_is_erased_while_the_gift_cannot_be_ended(reader: Reader, settings: Any) -> None:
    monthly(reader)
    proof = open_readers_page(reader)
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    response = reader.client.post("/newsletter/mine/erase/", {"proof": proof})
    assert response.status_code == 503
    assert "nothing was erased" in response.content.decode()
    assert Donor.objects.filter(email="reader@example.org").exists()
    assert OutgoingMail.objects.filter(address="reader@example.org").exists()


def test_erasing_empties_every_call_to_stripe_that_named_the_donor(db: None) -> None:
    donation = make_donation(state="given", donor=make_donor(email="reader@example.org"), email="")
    session = make_session(donation, state="broken", parameters={"customer_email": "reader@example.org"})
    mine.erase_person("reader@example.org", timezone.now())
    session.refresh_from_db()
    assert (session.parameters, session.url) == ({}, "")


def test_a_failed_renewal_asks_for_the_card_once_for_each_try_and_ends_with_a_goodbye(reader: Reader) -> None:
    gift = monthly(reader)
    reader.sandbox.fail_next(gift.stripe_id, times=20)
    reader.sandbox.advance(months=1, days=1)
    reader.webhooks(times=2, shuffle=5)
    gift.refresh_from_db()
    assert gift.state == "past due"
    assert templates() == ["receipt", "renewal_failed"]
    for _ in range(8):
        reader.sandbox.advance(days=7)
        reader.webhooks(times=2, shuffle=5)
    gift.refresh_from_db()
    assert gift.state == "ended"
    assert templates().count("gift_goodbye") == 1
    assert "gift_ended" not in templates()
    keys = list(OutgoingMail.objects.filter(template="renewal_failed").values_list("key", flat=True))
    assert len(keys) == len(set(keys)) >= 2
    assert Payment.objects.filter(state="paid").count() == 1


def test_a_renewal_that_a_bank_still_works_on_is_not_refused(reader: Reader) -> None:
    donation = reader.start(currency="EUR", frequency="monthly", amount="500")
    answer = reader.sandbox.pay(str(reader.session_of(donation).stripe_id), "", iban="DE89370400440532013000")
    assert answer["error"] is None
    reader.sandbox.settle()
    reader.webhooks()
    reader.sandbox.advance(months=1, seconds=7200)
    reader.webhooks(times=2, shuffle=3)
    renewal = Payment.objects.get(is_renewal=True)
    assert renewal.state == "pending"
    assert not RecurringGift.objects.get().has_failed_renewal
    assert "renewal_failed" not in templates()
    invoice = stripe_api.retrieve_invoice(str(renewal.invoice_id))
    assert (invoice.status, invoice.attempt_count) == ("open", 1)


def test_the_last_failure_is_followed_to_its_end_although_stripe_breaks_meanwhile(reader: Reader) -> None:
    gift = monthly(reader)
    reader.sandbox.fail_next(gift.stripe_id, times=20)
    reader.sandbox.advance(months=1, days=27)
    reader.sandbox.mode(server_error=-1, method="DELETE", path="/v1/subscriptions")
    reader.webhooks()
    reader.sandbox.mode(server_error=0, method="DELETE", path="/v1/subscriptions")
    StripeEvent.objects.update(not_before=timezone.now())
    reader.tick()
    reader.webhooks()
    gift.refresh_from_db()
    assert gift.state == "ended"
    assert stripe_api.retrieve_subscription(gift.stripe_id).status == "canceled"
    assert stripe_api.open_invoices_of(gift.stripe_id) == []
    assert templates().count("gift_goodbye") == 1


def test_an_invoice_that_was_left_open_is_voided_after_the_gift_has_ended(reader: Reader) -> None:
    gift = monthly(reader)
    reader.sandbox.fail_next(gift.stripe_id, times=20)
    reader.sandbox.advance(months=1, days=27)
    reader.sandbox.mode(server_error=-1, method="POST", path="/v1/invoices")
    reader.webhooks()
    gift.refresh_from_db()
    assert gift.state == "ended"
    assert stripe_api.open_invoices_of(gift.stripe_id)
    reader.sandbox.mode(server_error=0, method="POST", path="/v1/invoices")
    StripeEvent.objects.update(not_before=timezone.now())
    reader.tick()
    assert stripe_api.open_invoices_of(gift.stripe_id) == []


def test_a_new_card_mends_a_failed_renewal(reader: Reader) -> None:
    gift = monthly(reader)
    reader.sandbox.fail_next(gift.stripe_id, times=1)
    reader.sandbox.advance(months=1, days=1)
    reader.webhooks()
    assert gift.customer is not None
    reader.sandbox.change_card(gift.customer.stripe_id)
    reader.sandbox.advance(days=8)
    reader.webhooks()
    gift.refresh_from_db()
    assert (gift.state, gift.has_failed_renewal) == ("active", False)
    assert Payment.objects.filter(state="paid").count() == 2


def test_a_refund_is_confirmed_once(reader: Reader) -> None:
    reader.give()
    payment = Payment.objects.get()
    keeping.refund(payment, amount=500, key=uuid.uuid4(), by=None, reason="asked for it", at=timezone.now())
    reader.webhooks(times=2, shuffle=2)
    payment.refresh_from_db()
    assert payment.refunded == 500
    assert templates() == ["receipt", "refund_confirmed"]


def test_a_debit_that_takes_two_weeks_has_its_receipt(reader: Reader, time_machine: Any) -> None:
    donation = reader.start(currency="EUR")
    reader.sandbox.pay(str(reader.session_of(donation).stripe_id), "", iban="DE89370400440532013000")
    reader.webhooks()
    assert (Payment.objects.get().state, templates()) == ("pending", [])
    reader.sandbox.settle()
    time_machine.move_to(timezone.now() + timedelta(days=14))
    for _ in range(2):
        reader.tick()
    assert Payment.objects.get().state == "paid"
    assert templates() == ["receipt"]


def test_a_refund_that_takes_two_weeks_is_confirmed(reader: Reader, time_machine: Any) -> None:
    reader.give(card="4000000000007726")
    payment = Payment.objects.get()
    reader.sandbox.refund(payment_intent=payment.payment_intent_id)
    reader.webhooks()
    assert payment.refunds.get().state == "pending"
    reader.sandbox.advance(days=14)
    time_machine.move_to(timezone.now() + timedelta(days=14))
    payment_intents.learn(payment.payment_intent_id)
    assert payment.refunds.get().state == "succeeded"
    assert templates() == ["receipt", "refund_confirmed"]


def test_more_than_was_kept_is_not_refunded(reader: Reader) -> None:
    reader.give()
    payment = Payment.objects.get()
    with pytest.raises(keeping.NotPossible):
        keeping.refund(payment, amount=2001, key=uuid.uuid4(), by=None, reason="", at=timezone.now())


@pytest.mark.parametrize(
    ("today", "is_told"),
    [
        (datetime(2026, 12, 1, 9, tzinfo=UTC), False),
        (datetime(2027, 1, 1, 9, tzinfo=UTC), True),
        (datetime(2027, 1, 31, 9, tzinfo=UTC), True),
        (datetime(2027, 2, 1, 9, tzinfo=UTC), False),
    ],
)
def test_a_card_that_expires_next_month_is_told_once(today: datetime, is_told: bool) -> None:
    make_recurring_gift(card_expires=datetime(2027, 2, 28).date())
    for _ in range(2):
        notices.queue_due_notices(at=today)
    assert templates() == ["card_expiring"] * is_told


def test_an_annual_gift_is_announced_fourteen_days_before(amounts: None) -> None:
    donation = make_donation(frequency="annual", amount=6_000, state="given", donor=make_donor(), email="")
    renews = datetime(2027, 3, 20, 12, tzinfo=UTC)
    make_recurring_gift(donation=donation, period_ends_at=renews)
    make_recurring_gift(period_ends_at=renews)
    notices.queue_due_notices(at=renews - timedelta(days=15))
    assert templates() == []
    for days in (14, 13, 1):
        notices.queue_due_notices(at=renews - timedelta(days=days))
    assert templates() == ["annual_notice"]


def test_months_end_where_they_end() -> None:
    end_of_january = datetime(2027, 1, 31, 9, tzinfo=UTC)
    assert keeping.months_after(end_of_january, 1) == datetime(2027, 2, 28, 9, tzinfo=UTC)
    assert keeping.months_after(end_of_january, 11) == datetime(2027, 12, 31, 9, tzinfo=UTC)
    assert keeping.months_after(datetime(2026, 12, 30, tzinfo=UTC), 2) == datetime(2027, 2, 28, tzinfo=UTC)


def test_abandoned_attempts_forget_their_reader_after_a_week(amounts: None) -> None:
    left = make_donation(state="abandoned")
    mine.forget_old(at=left.state_at + timedelta(days=6))
    left.refresh_from_db()
    assert left.email
    mine.forget_old(at=left.state_at + timedelta(days=8))
    left.refresh_from_db()
    assert left.email == ""


def test_a_session_cookie_that_was_altered_opens_nothing(reader: Reader) -> None:
    donor = make_donor()
    value = mine.session_value(donor)
    assert mine.donor_of_session(value) == donor
    assert mine.donor_of_session(value[:-1] + ("a" if value[-1] != "a" else "b")) is None
    assert mine.donor_of_session("") is None


def test_stripe_words_for_trouble_become_ours() -> None:
    assert issubclass(stripe_api.StripeMissing, stripe_api.StripeRefused)
