"""Invoices that other systems stumbled over: of zero, and of a gift that has ended."""

import pytest
from django.utils import timezone

from donations import keeping, stripe_api
from donations.models import Payment, StripeEvent
from donations.reconcile import reconcile
from donations.truth import invoices
from tests.donations.living import monthly, templates
from tests.donations.reader import Reader

pytestmark = pytest.mark.django_db


def test_an_invoice_of_zero_has_no_payment_and_breaks_nothing(reader: Reader) -> None:
    gift = monthly(reader)
    # A turn that is given away, as staff do in Stripe's dashboard after a complaint.
    price = stripe_api.retrieve_subscription(gift.stripe_id).items.data[0].price
    free = {
        "currency": "usd",
        "product": stripe_api.id_of(price.product),
        "unit_amount": 0,
        "recurring": {"interval": "month"},
    }
    stripe_api.update_subscription(
        gift.stripe_id, {"items": [{"id": gift.item_id, "price_data": free}], "proration_behavior": "none"}
    )
    reader.sandbox.advance(months=1, days=1)
    reader.webhooks(times=2, shuffle=3)
    (zero,) = (one for one in stripe_api.invoices_of(gift.stripe_id) if one.total == 0)
    assert (zero.status, invoices.intents_of(stripe_api.retrieve_invoice(zero.id))) == ("paid", [])
    gift.refresh_from_db()
    assert (gift.state, Payment.objects.count(), templates()) == ("active", 1, ["receipt"])
    assert not StripeEvent.objects.filter(state__in=("failed", "received")).exists()
    assert reconcile(since=gift.started_at).is_clean


def test_a_failed_invoice_that_is_heard_of_after_the_end_changes_nothing(reader: Reader) -> None:
    gift = monthly(reader)
    reader.sandbox.fail_next(gift.stripe_id, times=9)
    reader.sandbox.advance(months=1, days=1)
    late = [one for one in reader.sandbox.deliveries() if one["type"].startswith(("invoice.", "payment_intent."))]
    assert "invoice.payment_failed" in {one["type"] for one in late}
    keeping.cancel(gift, at=timezone.now())
    reader.webhooks(times=2, shuffle=3)
    for delivery in [*late, *reversed(late)]:
        assert reader.deliver(delivery).status_code == 200
    reader.work()
    gift.refresh_from_db()
    gift.donation.refresh_from_db()
    assert (gift.state, gift.donation.state) == ("ended", "ended")
    assert (Payment.objects.count(), templates()) == (1, ["gift_ended", "receipt"])
    assert set(StripeEvent.objects.values_list("state", flat=True)) <= {"applied", "ignored"}
