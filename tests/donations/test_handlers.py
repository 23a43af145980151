"""Every kind of event that Stripe may send about a gift finds a handler that works."""

import pytest
from django.utils import timezone

from donations import keeping
from donations.models import Payment, RecurringGift, Refund, StripeEvent
from donations.truth.events import LEARNERS
from tests.donations.reader import Reader

pytestmark = pytest.mark.django_db


def test_each_handler_is_reached_by_a_life_and_none_fails(reader: Reader) -> None:
    gift = RecurringGift.objects.get(donation=reader.give(frequency="monthly", amount="500"))
    disputed, refunded = reader.give(amount="3000"), reader.give(amount="4000")
    reader.sandbox.dispute(payment_intent=disputed.payments.get().payment_intent_id)
    for amount in (700, 800):
        reader.sandbox.refund(payment_intent=refunded.payments.get().payment_intent_id, amount=amount)
    assert gift.customer is not None
    reader.sandbox.change_card(gift.customer.stripe_id)
    reader.sandbox.advance(months=1, days=1)
    reader.webhooks(shuffle=7)
    keeping.cancel(gift, at=timezone.now())
    reader.webhooks(times=2, shuffle=8)

    events = list(StripeEvent.objects.values_list("type", "state", "error"))
    assert [one for one in events if one[1] not in ("applied", "ignored")] == []
    applied = {kind for kind, state, _error in events if state == "applied"}
    prefixes = [prefix for prefix, _learn in LEARNERS]
    unreached = {one for one in prefixes if not any(kind.startswith(one) for kind in applied)}
    # The first is the same object as a refund event under an older name; the second has its story in test_card_first.
    assert unreached <= {"charge.refund.", "setup_intent.setup_failed"}


def test_several_refunds_of_one_payment_are_each_applied_by_their_own_id(reader: Reader) -> None:
    payment = reader.give(amount="4000").payments.get()
    for amount in (700, 800, 2500):
        reader.sandbox.refund(payment_intent=payment.payment_intent_id, amount=amount)
    reader.webhooks(times=2, shuffle=5)
    payment = Payment.objects.get()
    assert (payment.refunded, payment.kept) == (4000, 0)
    assert sorted(Refund.objects.values_list("amount", flat=True)) == [700, 800, 2500]
