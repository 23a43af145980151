"""A history is played in the past of an empty sandbox, and ends at the present."""

import time
from collections.abc import Iterator

import pytest
import stripe

from sandbox.stripe.testing import Refused, StripeSandbox
from tests.sandbox.stripe.shop import Shop

DAY = 86_400


@pytest.fixture
def sandbox() -> Iterator[StripeSandbox]:
    with StripeSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def shop(sandbox: StripeSandbox) -> Shop:
    return Shop(stripe.StripeClient("sk_test_x", base_addresses={"api": sandbox.url}), sandbox)


def test_subscription_of_the_past_is_renewed_up_to_the_present(sandbox: StripeSandbox, shop: Shop) -> None:
    begin = int(time.time()) - 100 * DAY
    sandbox.begin_in_the_past(begin)
    subscription = shop.subscription()
    assert 0 <= subscription.created - begin < 60
    sandbox.return_to_present()
    assert abs(sandbox.now() - time.time()) < 5
    invoices = shop.v1.invoices.list({"subscription": subscription.id}).data
    assert [invoice.status for invoice in invoices] == ["paid"] * 4
    assert begin <= invoices[-1].created < invoices[0].created < time.time()


def test_session_of_the_past_is_made_and_expires_there(sandbox: StripeSandbox, shop: Shop) -> None:
    begin = int(time.time()) - 100 * DAY
    sandbox.begin_in_the_past(begin)
    session = shop.session(expires_at=begin + 3600)
    assert 0 <= session.created - begin < 60
    assert session.status == "open"
    sandbox.advance(days=1)
    assert shop.v1.checkout.sessions.retrieve(session.id).status == "expired"


def test_sandbox_with_objects_has_no_past(sandbox: StripeSandbox, shop: Shop) -> None:
    shop.session()
    with pytest.raises(Refused, match="Only an empty sandbox"):
        sandbox.begin_in_the_past(int(time.time()) - DAY)


def test_past_is_not_in_the_future(sandbox: StripeSandbox) -> None:
    with pytest.raises(Refused, match="before the present"):
        sandbox.begin_in_the_past(int(time.time()) + DAY)
