"""SEPA direct debit: paid only when the bank has answered."""

from typing import Any

import pytest

from sandbox.stripe.testing import StripeSandbox
from tests.sandbox.stripe.shop import Shop

SUCCEEDS = "AT611904300234573201"
FAILS = "AT861904300235473202"


def debit(shop: Shop, iban: str = SUCCEEDS, mode: str = "payment") -> Any:
    session = shop.session(mode, currency="eur", allowed_payment_method_types=["sepa_debit"])
    return shop.pay(session, iban=iban)


def test_debit_is_complete_but_unpaid_until_the_bank_answers(shop: Shop, sandbox: StripeSandbox) -> None:
    session = debit(shop)
    assert (session.status, session.payment_status) == ("complete", "unpaid")
    intent = shop.v1.payment_intents.retrieve(session.payment_intent)
    assert (intent.status, intent.amount_received) == ("processing", 0)
    assert sandbox.ledger()["movements"] == []
    sandbox.advance(days=6)
    assert shop.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert shop.v1.payment_intents.retrieve(session.payment_intent).status == "succeeded"
    assert [row["type"] for row in sandbox.ledger()["movements"]] == ["payment"]
    assert shop.types()[-1] == "checkout.session.async_payment_succeeded"


def test_failing_debit_takes_nothing(shop: Shop, sandbox: StripeSandbox) -> None:
    session = debit(shop, FAILS)
    assert sandbox.settle() == [session.payment_intent]
    intent = shop.v1.payment_intents.retrieve(session.payment_intent)
    assert intent.status == "requires_payment_method"
    assert shop.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"
    assert shop.types()[-1] == "checkout.session.async_payment_failed"
    assert sandbox.ledger()["movements"] == []


@pytest.mark.parametrize(("outcome", "status"), [("succeeded", "paid"), ("failed", "unpaid")])
def test_outcome_can_be_chosen(shop: Shop, sandbox: StripeSandbox, outcome: str, status: str) -> None:
    session = debit(shop)
    sandbox.settle(session.payment_intent, outcome)
    assert shop.v1.checkout.sessions.retrieve(session.id).payment_status == status


def test_subscription_by_debit_is_active_while_its_first_payment_is_under_way(
    shop: Shop, sandbox: StripeSandbox
) -> None:
    session = debit(shop, mode="subscription")
    subscription = shop.v1.subscriptions.retrieve(session.subscription)
    assert (subscription.status, session.payment_status) == ("active", "unpaid")
    assert shop.v1.invoices.retrieve(session.invoice).status == "open"
    sandbox.settle()
    assert shop.v1.invoices.retrieve(session.invoice).status == "paid"


def test_failed_first_debit_leaves_the_subscription_past_due(shop: Shop, sandbox: StripeSandbox) -> None:
    session = debit(shop, FAILS, mode="subscription")
    sandbox.settle()
    assert shop.v1.subscriptions.retrieve(session.subscription).status == "past_due"
    assert "invoice.payment_failed" in shop.types()


def test_debit_that_is_taken_back_is_lost_at_once(shop: Shop, sandbox: StripeSandbox) -> None:
    debit(shop, "AT591904300235473203")
    sandbox.advance(days=7)
    (dispute,) = shop.v1.disputes.list().data
    assert dispute.status == "lost"
    assert sum(row["amount"] for row in sandbox.ledger()["movements"]) == 0


def test_wrong_iban_is_refused_by_its_check_digits(shop: Shop, sandbox: StripeSandbox) -> None:
    session = shop.session(currency="eur")
    with pytest.raises(Exception, match="IBAN"):
        sandbox.pay(session.id, iban="AT621904300234573201")
