"""The control page: every button, without a script."""

import json
import urllib.error
import urllib.request

import pytest

from sandbox.stripe.testing import Refused, StripeSandbox
from tests.sandbox.stripe.browser import Browser
from tests.sandbox.stripe.shop import Shop


@pytest.fixture
def visitor(sandbox: StripeSandbox) -> Browser:
    return Browser(sandbox.url)


def test_page_lists_everything(shop: Shop, visitor: Browser) -> None:
    subscription = shop.subscription()
    waiting = shop.session()
    page = visitor.open("/")
    for words in (subscription.id, "$10.00", "reader@example.org", f"/c/pay/{waiting.id}", "invoice.paid"):
        assert words in page
    assert "<script" not in page


def test_clock_buttons_renew(shop: Shop, visitor: Browser, sandbox: StripeSandbox) -> None:
    shop.subscription()
    page = visitor.open("/control/advance", {"months": "1"})
    visitor.open("/control/advance", {"days": "1"})
    assert "days ahead of the real time" in page
    assert len(sandbox.ledger()["movements"]) == 2


def test_refund_button_returns_a_part_and_then_the_rest(shop: Shop, visitor: Browser) -> None:
    charge = shop.charge()
    assert "$4.00 refunded" in visitor.open("/control/refund", {"charge": charge.id, "amount": "400"})
    visitor.open("/control/refund", {"charge": charge.id, "amount": ""})
    assert shop.v1.charges.retrieve(charge.id).refunded is True


def test_refusal_is_shown_on_the_page(shop: Shop, visitor: Browser) -> None:
    charge = shop.charge()
    page = visitor.open("/control/refund", {"charge": charge.id, "amount": "99999"})
    assert visitor.status == 400
    assert "greater than unrefunded amount" in page


def test_dispute_buttons(shop: Shop, visitor: Browser) -> None:
    charge = shop.charge()
    assert "disputed: needs_response" in visitor.open("/control/dispute", {"charge": charge.id})
    (dispute,) = shop.v1.disputes.list().data
    assert "disputed: won" in visitor.open("/control/dispute", {"dispute": dispute.id, "outcome": "won"})


def test_failing_the_next_renewal(shop: Shop, visitor: Browser, sandbox: StripeSandbox) -> None:
    subscription = shop.subscription()
    visitor.open("/control/fail-next", {"subscription": subscription.id, "code": "lost_card"})
    sandbox.advance(months=1, days=1)
    assert shop.v1.charges.list().data[0].outcome
    assert "past_due" in visitor.open("/")


def test_settling_a_debit(shop: Shop, visitor: Browser) -> None:
    session = shop.pay(shop.session(currency="eur"), iban="AT611904300234573201")
    visitor.open("/control/settle", {"payment_intent": str(session.payment_intent), "outcome": "succeeded"})
    assert shop.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_delivery_mode_and_misbehaviour(visitor: Browser, sandbox: StripeSandbox) -> None:
    visitor.open("/control/mode", {"webhooks": "duplicated", "delay_seconds": "3"})
    page = visitor.open("/control/fault", {"kind": "slow", "count": "2", "seconds": "0.1"})
    assert "Answer slowly: 2 more" in page
    state = sandbox.mode()
    assert state["mode"]["webhooks"] == "duplicated"
    assert state["faults"][0] | {"seconds": 0} == {"kind": "slow", "count": 2, "seconds": 0, "method": "", "path": ""}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("mode", {"webhooks": "sideways"}),
        ("mode", {"after_retries": "party"}),
        ("pay", {"session": "cs_test_nothing"}),
        ("fail-next", {"subscription": "sub_x"}),
        ("nothing", {}),
    ],
)
def test_control_api_says_what_is_wrong(sandbox: StripeSandbox, name: str, given: dict[str, str]) -> None:
    with pytest.raises(Refused):
        sandbox.control(name, **given)


def test_control_api_refuses_what_is_not_json(sandbox: StripeSandbox) -> None:
    request = urllib.request.Request(f"{sandbox.url}/_control/mode", data=b"webhooks=normal")  # noqa: S310
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request)  # noqa: S310
    with refusal.value as answer:
        assert "Invalid JSON" in json.load(answer)["error"]["message"]
