"""Gifts that would endanger their giver are not kept, and their giver is forgotten."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from donations import stripe_api
from donations.models import Donation, Donor, GivingTerms, Payment, RecurringGift, SafetyReturn, StripeEvent
from newsroom.models import HistoryEntry, OutgoingMail
from tests.donations.reader import Reader

CARDS = {"BY": "4000001120000005", "US": "4242424242424242"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def blocked(db: None) -> GivingTerms:
    return GivingTerms.objects.create(pk=1, blocked_card_countries=["RU", "BY"])


def forgotten(donation: Donation) -> bool:
    donation.refresh_from_db()
    return donation.erased_at is not None and donation.email == donation.name == donation.note == ""


def pay_from(reader: Reader, country: str, **fields: Any) -> Donation:
    donation = reader.start(name="Ana", note="For Vera", **fields)
    assert reader.pay(donation, CARDS[country])["error"] is None
    return donation


def test_a_single_gift_from_a_blocked_country_is_never_charged(reader: Reader, blocked: GivingTerms) -> None:
    donation = pay_from(reader, "BY")
    reader.webhooks(times=2, shuffle=1)
    assert forgotten(donation)
    assert donation.state == "returned"
    assert not Payment.objects.exists()
    assert not Donor.objects.exists()
    assert not OutgoingMail.objects.exists()
    assert reader.sandbox.ledger()["movements"] == []
    entry = HistoryEntry.objects.get(action="donation.refused_for_safety")
    assert entry.after == {"country": "BY"}
    assert "reader@example.org" not in f"{entry.object_text} {entry.reason} {entry.before}"


def test_a_single_gift_from_elsewhere_is_captured_and_kept(reader: Reader, blocked: GivingTerms) -> None:
    donation = reader.give()
    assert (donation.state, Payment.objects.get().state) == ("given", "paid")
    assert OutgoingMail.objects.count() == 1


def test_a_capture_that_broke_at_stripe_is_tried_again_under_the_next_key(reader: Reader, blocked: GivingTerms) -> None:
    donation = reader.start()
    reader.pay(donation)
    (intent,) = stripe_api.each_payment_intent(timezone.now() - timedelta(days=1))
    # One request goes wrong, and Stripe repeats that answer to its key for a day.
    reader.sandbox.mode(server_error=1, method="POST", path=f"/v1/payment_intents/{intent.id}/capture")
    reader.webhooks(only="payment_intent.")
    assert stripe_api.retrieve_payment_intent(intent.id).status == "requires_capture"
    StripeEvent.objects.update(not_before=timezone.now())
    reader.tick()
    donation.refresh_from_db()
    assert (donation.state, Payment.objects.get().gross) == ("given", 2000)
    assert OutgoingMail.objects.filter(template="receipt").count() == 1


def test_the_giver_is_forgotten_before_the_reservation_is_let_go(reader: Reader, blocked: GivingTerms) -> None:
    donation = pay_from(reader, "BY")
    (intent,) = stripe_api.each_payment_intent(timezone.now() - timedelta(days=1))
    cancelling = {"method": "POST", "path": f"/v1/payment_intents/{intent.id}/cancel"}
    reader.sandbox.mode(server_error=-1, **cancelling)
    reader.webhooks()
    assert forgotten(donation)
    assert stripe_api.retrieve_payment_intent(intent.id).status == "requires_capture"
    reader.sandbox.mode(server_error=0, **cancelling)
    StripeEvent.objects.update(not_before=timezone.now())
    reader.tick()
    assert stripe_api.retrieve_payment_intent(intent.id).status == "canceled"
    assert HistoryEntry.objects.filter(action="donation.refused_for_safety").count() == 1


@pytest.mark.parametrize(("country", "state"), [("BY", "returned"), ("US", "failed")])
def test_a_reservation_that_was_let_go_elsewhere_closes_the_gift(
    reader: Reader, blocked: GivingTerms, country: str, state: str
) -> None:
    donation = pay_from(reader, country)
    (intent,) = stripe_api.each_payment_intent(timezone.now() - timedelta(days=1))
    stripe_api.cancel_payment_intent(intent.id)
    reader.webhooks(times=2, shuffle=1)
    assert forgotten(donation) is (country == "BY")
    assert donation.state == state
    assert not Payment.objects.exists()


def block(*countries: str) -> None:
    GivingTerms.objects.create(pk=1, blocked_card_countries=list(countries))


def test_a_recurring_gift_charged_before_its_country_was_blocked_is_ended_returned_and_forgotten(
    reader: Reader,
) -> None:
    donation = pay_from(reader, "BY", frequency="monthly", amount="500")
    block("RU", "BY")
    reader.webhooks(times=2, shuffle=4)
    customer_id = stripe_api.id_of(stripe_api.retrieve_subscription(RecurringGift.objects.get().stripe_id).customer)
    reader.tick()
    reader.webhooks(times=2, shuffle=5)
    assert forgotten(donation)
    gift = RecurringGift.objects.get()
    payment = Payment.objects.get()
    assert (donation.state, gift.state) == ("returned", "ended")
    assert (payment.refunded, payment.kept) == (500, 0)
    assert SafetyReturn.objects.get().state == "done"
    assert stripe_api.retrieve_customer(customer_id).deleted
    assert not Donor.objects.exists()
    # Staff hear that the comparison repaired something; the giver hears nothing.
    assert not OutgoingMail.objects.exclude(template="notice").exists()
    assert HistoryEntry.objects.filter(action__endswith="for_safety").count() == 1
    page = reader.client.get(f"/support/{donation.attempt_key}/thanks/").content.decode()
    assert "For your safety" in page


def test_a_return_is_tried_again_until_stripe_has_done_it(reader: Reader, settings: Any) -> None:
    donation = pay_from(reader, "BY", frequency="monthly", amount="500")
    block("BY")
    reader.webhooks()
    base = settings.STRIPE_API_BASE
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    reader.tick()
    waiting = SafetyReturn.objects.get()
    assert (waiting.state, waiting.tries) == ("waiting", 1)
    assert waiting.error
    settings.STRIPE_API_BASE = base
    SafetyReturn.objects.update(not_before=timezone.now())
    reader.tick()
    reader.webhooks()
    assert SafetyReturn.objects.get().state == "done"
    assert Payment.objects.get(donation=donation).refunded == 500


@pytest.mark.parametrize("fault", ["server_error", "error_after"])
def test_a_refund_that_broke_at_stripe_is_made_once_under_the_next_key(reader: Reader, fault: str) -> None:
    """Stripe repeats a 5xx to its key for a day, whether the refund behind it was made or not."""
    donation = pay_from(reader, "BY", frequency="monthly", amount="500")
    block("BY")
    reader.webhooks()
    reader.sandbox.mode(**{fault: 1}, method="POST", path="/v1/refunds")
    reader.tick()
    assert SafetyReturn.objects.get().state == "waiting"
    SafetyReturn.objects.update(not_before=timezone.now())
    reader.tick()
    reader.webhooks()
    assert (SafetyReturn.objects.get().state, SafetyReturn.objects.get().tries) == ("done", 2)
    assert Payment.objects.get(donation=donation).refunded == 500
    assert [refund.amount for refund in stripe_api.refunds_of(Payment.objects.get().payment_intent_id)] == [500]


def test_a_country_that_is_blocked_later_stops_at_the_next_renewal(reader: Reader) -> None:
    donation = pay_from(reader, "BY", frequency="monthly", amount="500")
    reader.webhooks()
    donor = Donor.objects.get()
    assert donor.email == "reader@example.org"
    block("BY")
    reader.sandbox.advance(months=1, days=1)
    reader.webhooks()
    reader.tick()
    reader.webhooks()
    assert forgotten(donation)
    donor.refresh_from_db()
    assert (donor.email, donor.name) == (None, "")
    first, renewal = Payment.objects.order_by("created_at")
    assert (first.refunded, renewal.refunded) == (0, 500)
    assert RecurringGift.objects.get().state == "ended"


def test_a_new_card_of_a_blocked_country_ends_the_gift_before_it_is_charged(
    reader: Reader, blocked: GivingTerms
) -> None:
    donation = reader.give(frequency="monthly", amount="500")
    gift = RecurringGift.objects.get()
    assert gift.customer is not None
    reader.sandbox.change_card(gift.customer.stripe_id, CARDS["BY"])
    reader.webhooks(times=2, shuffle=2)
    assert forgotten(donation)
    reader.tick()
    reader.webhooks(times=2, shuffle=6)
    gift.refresh_from_db()
    donation.refresh_from_db()
    assert (gift.state, donation.state) == ("ended", "ended")
    assert stripe_api.retrieve_customer(gift.customer.stripe_id).deleted
    assert Payment.objects.get().refunded == 0, "what another card gave before stays"
    entry = HistoryEntry.objects.get(action__endswith="for_safety")
    assert (entry.action, entry.after) == ("recurring_gift.ended_for_safety", {"country": "BY"})
    # The receipt of the gift before had been asked for; nothing was added since.
    assert set(OutgoingMail.objects.values_list("template", "state")) <= {
        ("receipt", "cancelled"),
        ("notice", "queued"),
    }


def test_cards_are_only_reserved_where_other_ways_to_pay_stand_beside_them(
    reader: Reader, blocked: GivingTerms
) -> None:
    donation = pay_from(reader, "BY", currency="EUR")
    reader.webhooks()
    assert forgotten(donation)
    assert reader.sandbox.ledger()["movements"] == []


def test_what_stripe_still_tells_never_refills_the_person(reader: Reader) -> None:
    donation = pay_from(reader, "BY", frequency="monthly", amount="500")
    block("BY")
    reader.webhooks()
    reader.tick()
    deliveries = reader.webhooks()
    for delivery in deliveries:
        reader.deliver(delivery)
    reader.work()
    assert forgotten(donation)
    assert not Donor.objects.exists()


def test_live_mode_is_read_from_the_key(settings: Any) -> None:
    for key, is_live in (("sk_live_x", True), ("rk_live_x", True), ("sk_test_x", False), ("", False)):
        settings.STRIPE_SECRET_KEY = key
        assert stripe_api.uses_live_mode() is is_live
