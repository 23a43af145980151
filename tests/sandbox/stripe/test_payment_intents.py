"""Payment intents without a session: confirming, manual capture, cancelling, and what their states refuse."""

from typing import Any

import pytest
import stripe

from sandbox.stripe.testing import StripeSandbox
from tests.sandbox.stripe.shop import Shop


def make(shop: Shop, **more: Any) -> stripe.PaymentIntent:
    parameters: Any = {"amount": 1000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True, **more}
    return shop.v1.payment_intents.create(parameters)


def authorised(shop: Shop) -> stripe.PaymentIntent:
    return make(shop, capture_method="manual")


def test_confirming_takes_the_money(shop: Shop) -> None:
    waiting = make(shop, confirm=False)
    assert waiting.status == "requires_confirmation"
    assert shop.v1.payment_intents.confirm(waiting.id).status == "succeeded"


def test_declined_card_raises_with_the_intent_and_its_charge(shop: Shop) -> None:
    with pytest.raises(stripe.CardError) as refusal:
        make(shop, payment_method="pm_card_chargeDeclinedInsufficientFunds")
    assert (refusal.value.http_status, refusal.value.code) == (402, "card_declined")
    error = refusal.value.error
    assert error
    assert error.decline_code == "insufficient_funds"
    intent = shop.v1.payment_intents.retrieve(error.payment_intent.id, {"expand": ["latest_charge"]})
    assert intent.status == "requires_payment_method"
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert intent.latest_charge.status == "failed"


def test_card_that_needs_its_holder_is_declined_off_session(shop: Shop) -> None:
    with pytest.raises(stripe.CardError) as refusal:
        make(shop, payment_method="pm_card_authenticationRequired", off_session=True)
    assert refusal.value.code == "authentication_required"


def test_card_that_needs_its_holder_asks_for_him_on_session(shop: Shop) -> None:
    intent = make(shop, payment_method="pm_card_authenticationRequired", return_url="http://news.example/back/")
    assert intent.status == "requires_action"
    assert intent.next_action
    assert intent.next_action.redirect_to_url
    assert "/c/authenticate/pi_" in str(intent.next_action.redirect_to_url.url)


def test_manual_capture_takes_the_money_later(shop: Shop, sandbox: StripeSandbox) -> None:
    intent = authorised(shop)
    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 1000, 0)
    assert sandbox.ledger()["movements"] == []
    captured = shop.v1.payment_intents.capture(intent.id)
    assert (captured.status, captured.amount_capturable, captured.amount_received) == ("succeeded", 0, 1000)
    assert [row["amount"] for row in sandbox.ledger()["movements"]] == [1000]


def test_capturing_less_releases_the_rest(shop: Shop, sandbox: StripeSandbox) -> None:
    intent = shop.v1.payment_intents.capture(authorised(shop).id, {"amount_to_capture": 600})
    charge = shop.v1.charges.retrieve(str(intent.latest_charge))
    assert (intent.amount_received, charge.amount_captured, charge.amount_refunded) == (600, 600, 400)
    assert [row["amount"] for row in sandbox.ledger()["movements"]] == [600]


def test_capturing_more_is_refused(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.v1.payment_intents.capture(authorised(shop).id, {"amount_to_capture": 1001})
    assert refusal.value.code == "amount_too_large"


def test_cancelling_an_authorisation_moves_no_money(shop: Shop, sandbox: StripeSandbox) -> None:
    intent = authorised(shop)
    cancelled = shop.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "fraudulent"})
    assert (cancelled.status, cancelled.cancellation_reason) == ("canceled", "fraudulent")
    charge = shop.v1.charges.retrieve(str(intent.latest_charge))
    assert (charge.captured, charge.refunded, charge.amount_refunded) == (False, True, 1000)
    assert sandbox.ledger()["movements"] == []


def test_authorisation_expires_after_a_week(shop: Shop, sandbox: StripeSandbox) -> None:
    intent = authorised(shop)
    sandbox.advance(days=8)
    intent = shop.v1.payment_intents.retrieve(intent.id)
    assert (intent.status, intent.cancellation_reason) == ("canceled", "automatic")
    (refund,) = shop.v1.refunds.list().data
    assert (refund.reason, refund.balance_transaction) == ("expired_uncaptured_charge", None)


@pytest.mark.parametrize("verb", ["capture", "cancel", "confirm"])
def test_paid_intent_refuses(shop: Shop, verb: str) -> None:
    intent = make(shop)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        getattr(shop.v1.payment_intents, verb)(intent.id)
    assert refusal.value.code == "payment_intent_unexpected_state"


def test_cancelled_intent_cannot_be_captured(shop: Shop) -> None:
    intent = authorised(shop)
    shop.v1.payment_intents.cancel(intent.id)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.v1.payment_intents.capture(intent.id)
    assert refusal.value.code == "payment_intent_unexpected_state"


def test_authorisation_cannot_be_refunded(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="not refundable"):
        shop.v1.refunds.create({"payment_intent": authorised(shop).id})


def test_metadata_is_merged_and_unset(shop: Shop) -> None:
    intent = make(shop, metadata={"a": "1", "b": "2"})
    changed = shop.v1.payment_intents.update(intent.id, {"metadata": {"a": "", "c": "3"}})
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    assert shop.v1.payment_intents.update(intent.id, {"metadata": ""}).metadata.to_dict() == {}


def test_search_finds_by_metadata(shop: Shop) -> None:
    mine = make(shop, metadata={"gift": "7"})
    make(shop, metadata={"gift": "8"})
    found = shop.v1.payment_intents.search({"query": "metadata['gift']:'7' AND status:'succeeded'"})
    assert [intent.id for intent in found.data] == [mine.id]


def test_saved_intent_of_a_card_can_be_cancelled(shop: Shop) -> None:
    intent = shop.v1.setup_intents.create({"usage": "off_session"})
    assert shop.v1.setup_intents.cancel(intent.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.v1.setup_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert refusal.value.code == "setup_intent_unexpected_state"
