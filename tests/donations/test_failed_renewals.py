"""A renewal that is refused: the donor is asked, the card is mended, or the gift ends with a goodbye."""

import pytest
from django.utils import timezone

from donations import stripe_api
from donations.models import Payment, RecurringGift, StripeEvent
from newsroom.models import OutgoingMail
from tests.donations.living import monthly, templates
from tests.donations.reader import Reader

pytestmark = pytest.mark.django_db


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
