"""From the attempt's page to a payment that Stripe confirmed."""

import re
import uuid
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from donations.models import Dispute, Donation, Donor, Payment, RecurringGift, Refund
from newsroom.models import OutgoingMail
from tests.donations.factories import make_appeal, make_recurring_gift
from tests.donations.reader import Reader
from tests.newsroom.factories import make_article

pytestmark = pytest.mark.django_db


def test_the_attempt_page_shows_the_sum_and_stores_nothing(client: Client, amounts: None) -> None:
    response = client.get(f"/support/{uuid.uuid4()}/", {"frequency": "monthly", "amount": "500", "currency": "USD"})
    assert response.status_code == 200
    assert "Give $5 every month" in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert not response.cookies
    assert not Donation.objects.exists()


def back_from_stripe(reader: Reader, donation: Donation) -> str:
    """Return the address behind the link "Back" on Stripe's page."""
    address: str = reader.session_of(donation).parameters["cancel_url"]
    assert address.startswith(f"http://testserver/support/{donation.attempt_key}/?")
    return address.removeprefix("http://testserver")


def test_an_attempt_without_a_choice_leads_to_the_form(client: Client, amounts: None) -> None:
    response = client.get(f"/support/{uuid.uuid4()}/", {"frequency": "once", "amount": "1", "currency": "USD"})
    assert response.status_code == 303
    assert response["Location"].startswith("/support/?")


def test_the_button_commits_the_donation_and_leads_to_stripes_page(reader: Reader) -> None:
    article, appeal = make_article(), make_appeal()
    donation = reader.start(article=article.pk, appeal=appeal.pk, note="For Vera", name=" Ana  Ito ")
    session = donation.sessions.get()
    assert (donation.frequency, donation.amount, donation.currency) == ("once", 2000, "USD")
    assert (donation.article, donation.appeal, donation.note, donation.name) == (article, appeal, "For Vera", "Ana Ito")
    assert donation.email == "reader@example.org"
    assert donation.state == "started"
    assert session.state == "open"
    assert session.stripe_id is not None
    assert session.stripe_id.startswith("cs_test_")
    assert session.url.startswith(reader.sandbox.url)
    assert not Payment.objects.exists()


@pytest.mark.parametrize("email", ["", "reader", "reader@", "a b@example.org", "reader@example.org\nBcc: x"])
def test_an_address_that_is_none_is_refused_and_everything_kept(reader: Reader, email: str) -> None:
    response = reader.submit(email=email, note="For Vera")
    assert response.status_code == 422
    assert "For Vera" in response.content.decode()
    assert not Donation.objects.exists()


def test_a_gift_that_was_paid_is_one_payment_and_one_receipt(reader: Reader) -> None:
    donation = reader.give()
    payment = Payment.objects.get()
    assert donation.state == "given"
    assert payment.donation == donation
    assert (payment.state, payment.gross, payment.currency, payment.refunded) == ("paid", 2000, "USD", 0)
    assert payment.settled is not None
    assert payment.fee is not None
    assert payment.net == payment.settled - payment.fee
    assert payment.paid_at is not None
    assert not payment.livemode
    mail = OutgoingMail.objects.get()
    assert mail.key == f"receipt:{payment.pk}"
    assert mail.address == "reader@example.org"


def test_the_donors_address_moves_from_the_donation_to_the_donor(reader: Reader) -> None:
    first, second = reader.give(email="Reader@Example.org"), reader.give(email="reader@example.ORG")
    donor = Donor.objects.get()
    assert donor.email == "reader@example.org"
    assert (first.donor, second.donor) == (donor, donor)
    assert (first.email, second.email) == ("", "")


def test_the_receipt_arrives_as_text_and_html(reader: Reader, send_mail_now: Any) -> None:
    reader.give(name="Ana")
    (message,) = send_mail_now()
    text = message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    for part in (text, html):
        assert "$20.00" in part
        assert "Ana" in part
    assert message["To"] == "reader@example.org"


@pytest.mark.parametrize(
    ("frequency", "currency", "amount"),
    [("once", "JPY", "5000"), ("monthly", "USD", "200"), ("annual", "USD", "6000"), ("monthly", "EUR", "500")],
)
def test_each_frequency_and_kind_of_currency_can_be_given(
    reader: Reader, frequency: str, currency: str, amount: str
) -> None:
    donation = reader.give(frequency=frequency, currency=currency, amount=amount)
    payment = Payment.objects.get()
    assert donation.state == "given"
    assert (payment.gross, payment.currency) == (int(amount), currency)
    if frequency != "once":
        gift = RecurringGift.objects.get()
        assert (gift.state, gift.amount, gift.currency) == ("active", int(amount), currency)
        assert gift.customer is not None
        assert gift.customer.donor == donation.donor
        assert payment.recurring_gift == gift


def test_the_covered_fee_is_charged_and_remembered_apart(reader: Reader) -> None:
    donation = reader.give(covers_fee="on")
    payment = Payment.objects.get()
    assert (donation.amount, donation.fee_cover) == (2000, 91)
    assert payment.gross == 2091


def test_a_renewal_is_a_payment_of_its_own_with_its_own_receipt(reader: Reader) -> None:
    donation = reader.give(frequency="monthly", amount="500")
    reader.sandbox.advance(months=1, days=1)
    reader.webhooks()
    first, second = Payment.objects.order_by("created_at")
    assert (first.is_renewal, second.is_renewal) == (False, True)
    assert first.donation == second.donation == donation
    assert first.recurring_gift == second.recurring_gift == donation.recurring_gifts.get()
    assert first.invoice_id != second.invoice_id
    assert sorted(OutgoingMail.objects.values_list("template", flat=True)) == ["receipt", "renewal_receipt"]


def test_a_declined_card_moves_no_money_and_can_be_followed_by_a_good_one(reader: Reader) -> None:
    donation = reader.start()
    answer = reader.pay(donation, "4000000000009995")
    assert answer["error"]["decline_code"] == "insufficient_funds"
    reader.webhooks()
    donation.refresh_from_db()
    assert donation.state == "started"
    assert not Payment.objects.exists()
    assert donation.declines.count() == 1
    assert not OutgoingMail.objects.exists()
    assert reader.pay(donation)["error"] is None
    reader.webhooks()
    assert Payment.objects.get().state == "paid"


def test_a_session_that_runs_out_leaves_the_donation_abandoned_and_the_way_open(reader: Reader) -> None:
    donation = reader.start()
    reader.sandbox.advance(days=2)
    reader.webhooks()
    donation.refresh_from_db()
    assert donation.state == "abandoned"
    page = reader.client.get(f"/support/{donation.attempt_key}/thanks/").content.decode()
    assert "You have not been charged." in page
    assert reader.submit(donation.attempt_key).status_code == 303
    donation.refresh_from_db()
    assert donation.state == "started"
    assert donation.sessions.count() == 2


def test_a_debit_is_pending_until_the_bank_has_paid(reader: Reader) -> None:
    donation = reader.start(currency="EUR")
    reader.sandbox.pay(str(reader.session_of(donation).stripe_id), "", iban="DE89370400440532013000")
    reader.webhooks()
    donation.refresh_from_db()
    assert (donation.state, Payment.objects.get().state) == ("pending", "pending")
    assert not OutgoingMail.objects.exists()
    page = reader.client.get(f"/support/{donation.attempt_key}/thanks/").content.decode()
    assert "The money has not arrived yet" in page
    reader.sandbox.settle(outcome="succeeded")
    reader.webhooks()
    donation.refresh_from_db()
    assert (donation.state, Payment.objects.get().state) == ("given", "paid")
    assert OutgoingMail.objects.count() == 1


def test_a_debit_that_the_bank_refuses_is_failed_and_never_receipted(reader: Reader) -> None:
    donation = reader.start(currency="EUR")
    reader.sandbox.pay(str(reader.session_of(donation).stripe_id), "", iban="DE89370400440532013000")
    reader.webhooks()
    reader.sandbox.settle(outcome="failed")
    reader.webhooks()
    donation.refresh_from_db()
    assert (donation.state, Payment.objects.get().state) == ("failed", "failed")
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize(("frequency", "amount"), [("once", "2000"), ("monthly", "500")])
def test_after_a_refused_debit_trying_again_is_a_new_attempt(reader: Reader, frequency: str, amount: str) -> None:
    donation = reader.start(currency="EUR", frequency=frequency, amount=amount)
    reader.sandbox.pay(str(reader.session_of(donation).stripe_id), "", iban="DE89370400440532013000")
    reader.webhooks()
    reader.sandbox.settle(outcome="failed")
    reader.webhooks()
    donation.refresh_from_db()
    assert donation.state == "failed"
    response = reader.submit(donation.attempt_key, currency="EUR", frequency=frequency, amount=amount)
    assert response["Location"] == f"/support/{donation.attempt_key}/thanks/"
    assert donation.sessions.count() == 1
    link = re.search(r'href="(/support/[^"]+)">Try again', reader.open(response["Location"]))
    assert link is not None
    address = unescape(link[1])
    assert str(donation.attempt_key) not in address
    assert "€" in reader.client.get(address).content.decode()
    response = reader.submit(
        uuid.UUID(address.split("/")[2]), **dict(parse_qsl(urlsplit(address).query)), email="reader@example.org"
    )
    assert response.status_code == 303
    again = Donation.objects.exclude(pk=donation.pk).get()
    assert (again.frequency, again.amount, again.currency) == (frequency, int(amount), "EUR")
    reader.pay(again)
    reader.webhooks()
    assert Payment.objects.get(state="paid").donation == again


def test_money_of_a_second_subscription_under_one_donation_is_recorded(reader: Reader) -> None:
    donation = reader.start(frequency="monthly", amount="500")
    make_recurring_gift(donation=donation, state="ended", ended_at=timezone.now())
    reader.pay(donation)
    reader.webhooks()
    donation.refresh_from_db()
    assert (donation.state, Payment.objects.get().state) == ("given", "paid")
    assert sorted(donation.recurring_gifts.values_list("state", flat=True)) == ["active", "ended"]


def test_refunds_in_parts_add_up_and_are_applied_by_their_own_ids(reader: Reader) -> None:
    reader.give()
    payment = Payment.objects.get()
    for amount in (500, 700):
        reader.sandbox.refund(payment_intent=payment.payment_intent_id, amount=amount)
    reader.webhooks(times=2, shuffle=7)
    payment.refresh_from_db()
    assert payment.refunded == 1200
    assert payment.kept == 800
    assert sorted(Refund.objects.values_list("amount", flat=True)) == [500, 700]
    reader.sandbox.refund(payment_intent=payment.payment_intent_id)
    reader.webhooks()
    payment.refresh_from_db()
    assert (payment.refunded, payment.state) == (2000, "paid")


@pytest.mark.parametrize(("outcome", "held"), [("won", 0), ("lost", 2000)])
def test_a_dispute_holds_the_money_until_it_is_decided(reader: Reader, outcome: str, held: int) -> None:
    reader.give()
    payment = Payment.objects.get()
    dispute = reader.sandbox.dispute(payment_intent=payment.payment_intent_id)
    reader.webhooks()
    payment.refresh_from_db()
    assert (payment.disputed, Dispute.objects.get().state) == (2000, "needs_response")
    reader.sandbox.decide(dispute["id"], outcome)
    reader.webhooks()
    payment.refresh_from_db()
    assert (payment.disputed, Dispute.objects.get().state) == (held, outcome)


def test_the_page_after_stripes_tells_the_state_from_the_database_alone(reader: Reader) -> None:
    donation = reader.start()
    address = f"/support/{donation.attempt_key}/thanks/"
    assert "One moment" in reader.client.get(address, {"session_id": "cs_test_forged"}).content.decode()
    reader.pay(donation)
    assert "One moment" in reader.client.get(address).content.decode()
    reader.webhooks()
    page = reader.client.get(address).content.decode()
    assert "Your gift of $20 has arrived." in page
    assert "reader@example.org" not in page


def test_the_page_after_stripes_wakes_the_worker_that_asks(reader: Reader) -> None:
    donation = reader.start()
    reader.pay(donation)
    reader.open(f"/support/{donation.attempt_key}/thanks/")
    reader.work()
    donation.refresh_from_db()
    assert donation.state == "given"
    assert Payment.objects.get().state == "paid"


def test_coming_back_from_stripe_finds_everything_filled_in(reader: Reader) -> None:
    donation = reader.start(note="For Vera")
    assert reader.pay(donation, "4000000000009995")["error"] is not None
    page = reader.client.get(back_from_stripe(reader, donation)).content.decode()
    assert 'value="reader@example.org"' in page
    assert "For Vera" in page
    assert "$20" in page
    assert "No money was taken" in page


def test_the_attempts_address_alone_shows_the_sum_and_nothing_of_the_reader(reader: Reader) -> None:
    donation, other = reader.start(note="For Vera", name="Ana Ito"), reader.start()
    address = f"/support/{donation.attempt_key}/"
    token_of_other = back_from_stripe(reader, other).partition("?")[2]
    for query in ("", "back=", "back=x", token_of_other, "frequency=once&amount=2000&currency=USD"):
        page = reader.client.get(f"{address}?{query}").content.decode()
        assert "$20" in page
        for word in ("reader@example.org", "For Vera", "Ana Ito"):
            assert word not in page


def test_the_link_back_fills_the_form_for_one_day(reader: Reader, time_machine: Any) -> None:
    donation = reader.start()
    address = back_from_stripe(reader, donation)
    time_machine.move_to(timezone.now() + timedelta(hours=25), tick=False)
    assert "reader@example.org" not in reader.client.get(address).content.decode()


def test_an_attempt_that_was_paid_shows_its_thanks_and_takes_no_more(reader: Reader) -> None:
    donation = reader.give()
    for response in (reader.client.get(f"/support/{donation.attempt_key}/"), reader.submit(donation.attempt_key)):
        assert response.status_code == 303
        assert response["Location"] == f"/support/{donation.attempt_key}/thanks/"
    assert donation.sessions.count() == 1
