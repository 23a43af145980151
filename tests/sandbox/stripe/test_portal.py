"""The billing portal and the hosted invoice page."""

from typing import Any

import pytest
import stripe

from sandbox.stripe.testing import StripeSandbox
from tests.sandbox.stripe.browser import Browser
from tests.sandbox.stripe.shop import VISA, Shop


@pytest.fixture
def visitor(sandbox: StripeSandbox) -> Browser:
    return Browser(sandbox.url)


def portal(shop: Shop, subscription: stripe.Subscription, **more: Any) -> str:
    parameters: Any = {"customer": str(subscription.customer), "return_url": "http://news.example/me/", **more}
    return shop.v1.billing_portal.sessions.create(parameters).url


def test_page_shows_what_runs_and_what_was_paid(shop: Shop, visitor: Browser) -> None:
    page = visitor.open(portal(shop, shop.subscription()))
    for words in ("A gift", "$10.00 per month", "Renews on", "Visa ···· 4242", "http://news.example/me/", "paid"):
        assert words in page
    assert "<script" not in page


def test_cancelling_and_taking_it_back(shop: Shop, visitor: Browser) -> None:
    subscription = shop.subscription()
    visitor.open(portal(shop, subscription))
    assert "Ends on" in visitor.submit()
    assert shop.v1.subscriptions.retrieve(subscription.id).cancel_at_period_end is True
    assert "Renews on" in visitor.submit()
    assert shop.v1.subscriptions.retrieve(subscription.id).cancel_at_period_end is False


def test_new_card_becomes_the_customers_default(shop: Shop, visitor: Browser) -> None:
    subscription = shop.subscription()
    flow = {"type": "payment_method_update"}
    visitor.open(portal(shop, subscription, flow_data=flow))
    page = visitor.submit(number="5555555555554444")
    assert "Mastercard ···· 4444" in page
    customer = shop.v1.customers.retrieve(
        str(subscription.customer), {"expand": ["invoice_settings.default_payment_method"]}
    )
    assert customer.invoice_settings
    default = customer.invoice_settings.default_payment_method
    assert isinstance(default, stripe.PaymentMethod)
    assert default.card
    assert default.card.last4 == "4444"
    assert shop.types()[-2:] == ["payment_method.attached", "customer.updated"]


def test_new_card_for_one_subscription(shop: Shop, visitor: Browser) -> None:
    subscription = shop.subscription()
    visitor.open(portal(shop, subscription))
    visitor.submit(1, number="5555555555554444")
    method = shop.v1.payment_methods.retrieve(
        str(shop.v1.subscriptions.retrieve(subscription.id).default_payment_method)
    )
    assert method.card
    assert method.card.last4 == "4444"


def test_declined_card_changes_nothing(shop: Shop, visitor: Browser) -> None:
    subscription = shop.subscription()
    visitor.open(portal(shop, subscription, flow_data={"type": "payment_method_update"}))
    assert "Your card was declined." in visitor.submit(number="4000000000000002")
    customer = shop.v1.customers.retrieve(str(subscription.customer))
    assert customer.invoice_settings
    assert customer.invoice_settings.default_payment_method is None


def test_flow_leads_straight_back_when_asked(shop: Shop, visitor: Browser) -> None:
    completion = {"type": "redirect", "redirect": {"return_url": "http://news.example/done/"}}
    flow = {"type": "payment_method_update", "after_completion": completion}
    visitor.open(portal(shop, shop.subscription(), flow_data=flow))
    visitor.submit(number=VISA)
    assert visitor.left_for == "http://news.example/done/"


def test_configuration_decides_what_the_page_offers(shop: Shop, visitor: Browser) -> None:
    features: Any = {"payment_method_update": {"enabled": True}, "subscription_cancel": {"enabled": False}}
    configuration = shop.v1.billing_portal.configurations.create({"features": features})
    page = visitor.open(portal(shop, shop.subscription(), configuration=configuration.id))
    assert "Save this card" in page
    assert "Cancel" not in page


def test_return_url_and_customer_are_needed(shop: Shop) -> None:
    customer = shop.customer()
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.v1.billing_portal.sessions.create({"customer": customer.id})
    assert refusal.value.param == "return_url"
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.v1.billing_portal.sessions.create({"customer": "cus_x", "return_url": "http://news.example/"})
    assert refusal.value.code == "resource_missing"


def test_somebody_elses_subscription_is_not_there(shop: Shop, visitor: Browser) -> None:
    mine, other = shop.subscription(), shop.subscription()
    visitor.open(portal(shop, mine))
    assert "There is no such subscription." in visitor.submit(subscription=other.id)
    assert shop.v1.subscriptions.retrieve(other.id).cancel_at_period_end is False


def test_unknown_link_is_gone(visitor: Browser) -> None:
    visitor.open("/p/session/test_nothing")
    assert visitor.status == 410


def test_open_invoice_is_paid_on_its_page(shop: Shop, sandbox: StripeSandbox, visitor: Browser) -> None:
    subscription = shop.subscription()
    sandbox.fail_next(subscription.id)
    sandbox.advance(months=1, days=1)
    invoice = shop.v1.invoices.list({"status": "open"}).data[0]
    visitor.open(str(invoice.hosted_invoice_url))
    assert "insufficient funds" in visitor.submit(number="4000000000009995")
    visitor.submit(number="4000000000003220")
    visitor.submit(result="complete")
    assert shop.v1.invoices.retrieve(invoice.id).status == "paid"
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "active"
