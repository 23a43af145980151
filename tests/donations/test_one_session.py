"""However often the button is pressed, one attempt is one session and one charge."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from donations import checkout, retention
from donations.models import CheckoutSession, Donation, Payment, StripeEvent
from donations.truth import sessions as checkout_truth
from donations.truth import sweeping
from newsroom.models import OutgoingMail
from sandbox.stripe.testing import StripeSandbox
from tests.donations.factories import NOW, make_donation, make_payment, make_session
from tests.donations.reader import Reader

pytestmark = pytest.mark.django_db


def sessions_at(sandbox: StripeSandbox) -> list[dict[str, Any]]:
    return list(sandbox.ledger()["checkout_sessions"])


def test_pressing_the_button_again_leads_to_the_same_session(reader: Reader) -> None:
    attempt = uuid.uuid4()
    first, second = reader.submit(attempt), reader.submit(attempt)
    assert first["Location"] == second["Location"]
    assert CheckoutSession.objects.count() == 1
    assert Donation.objects.count() == 1


def test_two_visits_are_two_donations(reader: Reader) -> None:
    assert reader.submit()["Location"] != reader.submit()["Location"]
    assert Donation.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_sixteen_presses_at_once_are_one_session(reader: Reader) -> None:
    attempt = uuid.uuid4()
    barrier = threading.Barrier(16)
    addresses: list[str] = []

    def press() -> None:
        values = {"frequency": "once", "amount": "2000", "currency": "USD", "email": "reader@example.org"}
        try:
            barrier.wait(10)
            response = Client().post(f"/support/{attempt}/", values)
            addresses.append(response.get("Location", f"status {response.status_code}"))
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Donation.objects.count() == 1
    session = CheckoutSession.objects.get()
    # Some may be told to wait: Stripe answers 409 while the first call under the key runs. None gets another.
    assert set(addresses) <= {session.url, "status 503", "status 429"}
    assert session.url in addresses


def test_a_changed_amount_closes_the_old_session_and_opens_the_next(reader: Reader) -> None:
    attempt = uuid.uuid4()
    first = reader.submit(attempt)["Location"]
    second = reader.submit(attempt, amount="5000")["Location"]
    assert first != second
    old, new = CheckoutSession.objects.order_by("number")
    assert (old.state, new.state) == ("expired", "open")
    assert new.idempotency_key == f"checkout:{attempt}:2"
    assert Donation.objects.get().amount == 5000
    assert reader.sandbox.pay(str(new.stripe_id))["error"] is None
    reader.webhooks()
    assert Payment.objects.get().gross == 5000


def test_a_changed_choice_after_the_old_session_was_paid_takes_no_second_payment(reader: Reader) -> None:
    donation = reader.start()
    reader.pay(donation)
    response = reader.submit(donation.attempt_key, amount="5000")
    assert response["Location"].endswith("/thanks/")
    assert CheckoutSession.objects.count() == 1
    donation.refresh_from_db()
    assert donation.amount == 2000, "the decision is what was paid"
    reader.webhooks()
    payment = Payment.objects.get()
    assert payment.gross == 2000


def test_a_changed_choice_is_not_stored_while_the_old_session_cannot_be_closed(reader: Reader, settings: Any) -> None:
    donation = reader.start()
    base, settings.STRIPE_API_BASE = settings.STRIPE_API_BASE, "http://127.0.0.1:9"
    assert reader.submit(donation.attempt_key, amount="5000").status_code == 503
    settings.STRIPE_API_BASE = base
    reader.pay(donation)
    reader.webhooks()
    donation.refresh_from_db()
    assert (donation.amount, donation.state, Payment.objects.get().gross) == (2000, "given", 2000)


def test_a_donation_that_says_something_else_learns_what_was_paid(reader: Reader) -> None:
    donation = reader.start(covers_fee="on")
    reader.pay(donation)
    Donation.objects.update(frequency="monthly", amount=5000, fee_cover=0, currency="EUR")
    reader.webhooks()
    donation.refresh_from_db()
    assert (donation.frequency, donation.amount, donation.fee_cover, donation.currency) == ("once", 2000, 91, "USD")


def test_a_session_whose_answer_was_lost_is_found_under_the_same_key(reader: Reader) -> None:
    attempt = uuid.uuid4()
    reader.sandbox.mode(lose_answer=2, seconds=0, path="/v1/checkout/sessions", method="POST")
    response = reader.submit(attempt)
    assert response.status_code == 503
    page = response.content.decode()
    assert "No money was taken" in page
    assert 'value="reader@example.org"' in page
    lost = CheckoutSession.objects.get()
    assert (lost.state, lost.stripe_id) == ("preparing", None)
    assert reader.submit(attempt).status_code == 303
    found = CheckoutSession.objects.get()
    assert (found.pk, found.state) == (lost.pk, "open")


def test_a_session_made_before_stripe_broke_is_found_by_our_metadata(reader: Reader) -> None:
    attempt = uuid.uuid4()
    reader.sandbox.mode(error_after=2, path="/v1/checkout/sessions", method="POST")
    response = reader.submit(attempt)
    if response.status_code == 503:
        response = reader.submit(attempt)
    assert response.status_code == 303
    open_ones = CheckoutSession.objects.filter(state="open")
    assert open_ones.count() == 1


def test_an_error_before_the_work_moves_to_the_next_key(reader: Reader) -> None:
    attempt = uuid.uuid4()
    reader.sandbox.mode(server_error=2, path="/v1/checkout/sessions", method="POST")
    response = reader.submit(attempt)
    assert response.status_code == 503
    assert "No money was taken" in response.content.decode()
    assert reader.submit(attempt).status_code == 303
    states = list(CheckoutSession.objects.order_by("number").values_list("number", "state"))
    assert states == [(1, "broken"), (2, "open")]
    assert CheckoutSession.objects.get(number=1).parameters == {}


def test_stripe_being_away_takes_no_money_and_loses_nothing(reader: Reader, settings: Any) -> None:
    base = settings.STRIPE_API_BASE
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    attempt = uuid.uuid4()
    response = reader.submit(attempt, note="For Vera")
    assert response.status_code == 503
    assert "For Vera" in response.content.decode()
    assert Donation.objects.get().note == "For Vera"
    settings.STRIPE_API_BASE = base
    assert reader.submit(attempt).status_code == 303
    assert CheckoutSession.objects.get().state == "open"


def test_a_rate_limit_at_stripe_is_told_kindly(reader: Reader) -> None:
    reader.sandbox.mode(rate_limit=2, path="/v1/checkout/sessions", method="POST")
    assert reader.submit().status_code == 503


def test_every_parameter_of_the_call_is_stored_and_emptied_when_the_session_is_over(reader: Reader) -> None:
    donation = reader.start()
    session = donation.sessions.get()
    assert session.parameters["expires_at"] == int(session.expires_at.timestamp())
    assert session.parameters["customer_email"] == "reader@example.org"
    assert session.expires_at - session.created_at <= checkout.SESSION_LIFE
    assert session.expires_at - session.created_at > checkout.SESSION_LIFE - timedelta(seconds=2)
    reader.pay(donation)
    reader.webhooks()
    session.refresh_from_db()
    assert (session.state, session.parameters, session.url) == ("complete", {}, "")


def test_the_sweep_finds_a_gift_whose_webhooks_were_all_lost(reader: Reader) -> None:
    donation = reader.start()
    reader.pay(donation)
    reader.sandbox.deliveries()
    CheckoutSession.objects.update(created_at=donation.created_at - timedelta(minutes=4))
    reader.tick()
    donation.refresh_from_db()
    assert (donation.state, Payment.objects.get().state) == ("given", "paid")
    assert not StripeEvent.objects.exists()


def test_a_session_that_was_never_asked_about_stands_first(db: None) -> None:
    old = NOW - timedelta(hours=1)
    for _ in range(sweeping.BATCH):
        make_session(make_donation(), created_at=old, asked_at=old)
    fresh = make_session(make_donation(), created_at=NOW - timedelta(minutes=4))
    assert sweeping.donations_to_ask_about(at=NOW)[0] == fresh.donation_id


def test_a_session_that_stripe_does_not_know_ends_a_day_after_its_time(reader: Reader) -> None:
    session = make_session(make_donation(), parameters={"customer_email": "reader@example.org"})
    sweeping.learn_donation(session.donation_id, at=session.expires_at + timedelta(hours=23))
    session.refresh_from_db()
    assert session.state == "open"
    sweeping.learn_donation(session.donation_id, at=session.expires_at + timedelta(hours=25))
    session.refresh_from_db()
    assert (session.state, session.parameters, session.url) == ("expired", {}, "")
    assert Donation.objects.get().state == "abandoned"


def test_what_the_other_mode_left_is_not_asked_about_and_emptied(reader: Reader, settings: Any) -> None:
    session = make_session(make_donation(), parameters={"customer_email": "reader@example.org"}, declines=9)
    payment = make_payment(settled=None)
    later = NOW + timedelta(days=2)
    assert sweeping.donations_to_ask_about(at=later) == [session.donation_id]
    assert sweeping.payments_to_ask_about(at=later) == [payment.pk]
    settings.STRIPE_SECRET_KEY = "sk_live_of_the_tests"
    assert sweeping.donations_to_ask_about(at=later) == []
    assert sweeping.payments_to_ask_about(at=later) == []
    retention.end_attempts(later - timedelta(days=7), later, False)
    session.refresh_from_db()
    assert (session.state, session.parameters, session.url) == ("expired", {}, "")


def test_without_a_broker_the_page_works_and_the_sweep_catches_up(reader: Reader, broker: Any) -> None:
    broker.leave()
    donation = reader.start()
    reader.pay(donation)
    for delivery in reader.sandbox.deliveries():
        assert reader.deliver(delivery).status_code == 200
    assert "One moment" in reader.open(f"/support/{donation.attempt_key}/thanks/")
    assert not Payment.objects.exists()
    broker.come_back()
    reader.tick()
    assert Payment.objects.get().state == "paid"
    assert OutgoingMail.objects.filter(template="receipt").count() == 1


@pytest.mark.django_db(transaction=True)
def test_thirty_two_parallel_deliveries_of_one_event_are_one_row_and_one_receipt(reader: Reader) -> None:
    donation = reader.start()
    reader.pay(donation)
    (delivery,) = [one for one in reader.sandbox.deliveries() if one["type"] == "payment_intent.succeeded"]
    barrier = threading.Barrier(32)
    statuses: list[int] = []

    def deliver() -> None:
        try:
            barrier.wait(10)
            response = Client().generic(
                "POST", "/stripe/webhook/", delivery["body"], "application/json", headers=delivery["headers"]
            )
            statuses.append(response.status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=deliver) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader.work()
    assert statuses == [200] * 32
    assert StripeEvent.objects.get().state == "applied"
    assert Payment.objects.get().state == "paid"
    assert OutgoingMail.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_eight_workers_that_learn_one_gift_at_once_write_it_once(reader: Reader) -> None:
    donation = reader.start(frequency="monthly", amount="500")
    reader.pay(donation)
    session_id = str(CheckoutSession.objects.get().stripe_id)
    barrier = threading.Barrier(8)
    errors: list[BaseException] = []

    def learn() -> None:
        try:
            barrier.wait(10)
            checkout_truth.learn(session_id)
        except BaseException as error:  # noqa: BLE001 - a thread's error would be lost.
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=learn) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert Payment.objects.get().state == "paid"
    assert OutgoingMail.objects.count() == 1
    donation.refresh_from_db()
    assert donation.state == "given"
