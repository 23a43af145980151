"""Disputes: opened by a test card or by hand, won, lost, and unanswered."""

import pytest
import stripe

from sandbox.stripe.testing import Refused, StripeSandbox
from tests.sandbox.stripe.shop import Shop


def test_opening_takes_the_money_and_a_fee(shop: Shop, sandbox: StripeSandbox) -> None:
    charge = shop.charge(amount=1000)
    dispute = sandbox.dispute(charge=charge.id)
    assert (dispute["status"], dispute["reason"], dispute["amount"]) == ("needs_response", "fraudulent", 1000)
    assert shop.v1.charges.retrieve(charge.id).disputed is True
    movement = sandbox.ledger()["movements"][-1]
    assert (movement["type"], movement["reporting_category"]) == ("adjustment", "dispute")
    assert (movement["amount"], movement["fee"], movement["net"]) == (-1000, 1500, -2500)
    assert shop.types()[-3:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.updated"]


def test_winning_brings_the_money_back_without_the_fee(shop: Shop, sandbox: StripeSandbox) -> None:
    dispute = sandbox.dispute(charge=shop.charge(amount=1000).id)
    assert sandbox.decide(dispute["id"], "won")["status"] == "won"
    movements = sandbox.ledger()["movements"]
    assert sum(row["amount"] for row in movements) == 1000
    assert sum(row["fee"] for row in movements) == 59 + 1500
    assert shop.types()[-2:] == ["charge.dispute.funds_reinstated", "charge.dispute.closed"]
    with pytest.raises(Refused, match="already closed"):
        sandbox.decide(dispute["id"], "lost")


def test_losing_leaves_the_money_gone(shop: Shop, sandbox: StripeSandbox) -> None:
    dispute = sandbox.dispute(charge=shop.charge(amount=1000).id)
    sandbox.decide(dispute["id"], "lost")
    assert sum(row["amount"] for row in sandbox.ledger()["movements"]) == 0
    assert shop.v1.disputes.retrieve(dispute["id"]).status == "lost"


def test_card_that_disputes_does_so_a_day_later(shop: Shop, sandbox: StripeSandbox) -> None:
    charge = shop.charge("4000000000000259")
    assert shop.v1.disputes.list().data == []
    sandbox.advance(days=1, seconds=60)
    (dispute,) = shop.v1.disputes.list({"charge": charge.id}).data
    assert (dispute.status, dispute.reason) == ("needs_response", "fraudulent")


def test_refunded_charge_is_not_disputed_any_more(shop: Shop, sandbox: StripeSandbox) -> None:
    charge = shop.charge("4000000000000259")
    shop.v1.refunds.create({"charge": charge.id})
    sandbox.advance(days=2)
    assert shop.v1.disputes.list().data == []


def test_unanswered_dispute_is_lost(shop: Shop, sandbox: StripeSandbox) -> None:
    dispute = sandbox.dispute(charge=shop.charge().id)
    sandbox.advance(days=10)
    assert shop.v1.disputes.retrieve(dispute["id"]).status == "lost"


def test_winning_evidence_wins(shop: Shop, sandbox: StripeSandbox) -> None:
    dispute = sandbox.dispute(charge=shop.charge().id)
    answered = shop.v1.disputes.update(dispute["id"], {"evidence": {"uncategorized_text": "winning_evidence"}})
    assert answered.status == "won"


def test_closing_accepts_the_loss(shop: Shop, sandbox: StripeSandbox) -> None:
    dispute = sandbox.dispute(charge=shop.charge().id)
    assert shop.v1.disputes.close(dispute["id"]).status == "lost"
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.disputes.close(dispute["id"])


def test_charge_is_disputed_once(shop: Shop, sandbox: StripeSandbox) -> None:
    charge = shop.charge()
    sandbox.dispute(charge=charge.id)
    with pytest.raises(Refused, match="disputed already"):
        sandbox.dispute(charge=charge.id)
