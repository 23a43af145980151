"""Refunds, whole, partial, failing, and the ones that are refused."""

import pytest
import stripe

from sandbox.stripe.testing import StripeSandbox
from tests.sandbox.stripe.shop import Shop


def test_whole_refund_returns_the_amount_and_keeps_the_fee(shop: Shop, sandbox: StripeSandbox) -> None:
    charge = shop.charge(amount=1000)
    refund = shop.v1.refunds.create(
        {"charge": charge.id, "reason": "requested_by_customer"}, {"idempotency_key": "refund:a"}
    )
    assert (refund.status, refund.amount, refund.payment_intent) == ("succeeded", 1000, charge.payment_intent)
    charge = shop.v1.charges.retrieve(charge.id, {"expand": ["refunds"]})
    assert (charge.refunded, charge.amount_refunded) == (True, 1000)
    assert charge.refunds
    assert [one.id for one in charge.refunds.data] == [refund.id]
    assert [(row["type"], row["amount"], row["fee"]) for row in sandbox.ledger()["movements"]] == [
        ("charge", 1000, 59),
        ("refund", -1000, 0),
    ]


def test_parts_add_up_to_the_charge_and_no_further(shop: Shop) -> None:
    charge = shop.charge(amount=1000)
    for amount in (300, 300):
        shop.v1.refunds.create({"payment_intent": str(charge.payment_intent), "amount": amount})
    assert shop.v1.charges.retrieve(charge.id).refunded is False
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount") as refusal:
        shop.v1.refunds.create({"charge": charge.id, "amount": 401})
    assert refusal.value.param == "amount"
    assert shop.v1.refunds.create({"charge": charge.id}).amount == 400
    assert shop.v1.charges.retrieve(charge.id).refunded is True


def test_second_full_refund_is_refused(shop: Shop) -> None:
    charge = shop.charge()
    shop.v1.refunds.create({"charge": charge.id})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.v1.refunds.create({"charge": charge.id})
    assert refusal.value.code == "charge_already_refunded"


def test_disputed_charge_is_not_refunded(shop: Shop, sandbox: StripeSandbox) -> None:
    charge = shop.charge()
    sandbox.dispute(charge=charge.id)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.v1.refunds.create({"charge": charge.id})
    assert refusal.value.code == "charge_disputed"


def test_declined_charge_is_not_refunded(shop: Shop, sandbox: StripeSandbox) -> None:
    session = shop.session()
    sandbox.pay(session.id, "4000000000000002")
    (charge,) = shop.v1.charges.list().data
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.refunds.create({"charge": charge.id})


def test_refund_that_the_bank_sends_back_is_failed_and_the_money_is_there_again(
    shop: Shop, sandbox: StripeSandbox
) -> None:
    charge = shop.charge("4000000000005126", amount=1000)
    refund = shop.v1.refunds.create({"charge": charge.id})
    assert refund.status == "succeeded"
    sandbox.advance(days=4)
    refund = shop.v1.refunds.retrieve(refund.id)
    assert (refund.status, refund.failure_reason) == ("failed", "expired_or_canceled_card")
    charge = shop.v1.charges.retrieve(charge.id)
    assert (charge.refunded, charge.amount_refunded) == (False, 0)
    assert sum(row["amount"] for row in sandbox.ledger()["movements"]) == 1000
    assert "refund.failed" in shop.types()


def test_slow_refund_is_pending_first(shop: Shop, sandbox: StripeSandbox) -> None:
    refund = shop.v1.refunds.create({"charge": shop.charge("4000000000007726").id})
    assert refund.status == "pending"
    sandbox.advance(days=4)
    assert shop.v1.refunds.retrieve(refund.id).status == "succeeded"


def test_refund_in_the_dashboard_makes_the_same_events(shop: Shop, sandbox: StripeSandbox) -> None:
    charge = shop.charge()
    sandbox.refund(charge=charge.id, amount=100)
    assert shop.types()[-2:] == ["refund.created", "charge.refunded"]


def test_refunds_are_listed_by_charge_and_by_payment(shop: Shop) -> None:
    charge = shop.charge()
    refund = shop.v1.refunds.create({"charge": charge.id})
    shop.v1.refunds.create({"charge": shop.charge().id})
    by_charge = shop.v1.refunds.list({"charge": charge.id})
    by_intent = shop.v1.refunds.list({"payment_intent": str(charge.payment_intent)})
    assert [[one.id for one in listed.data] for listed in (by_charge, by_intent)] == [[refund.id]] * 2
