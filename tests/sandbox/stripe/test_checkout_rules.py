"""What Stripe refuses of a Checkout Session although each parameter has its right type: one row for each rule."""

import time
from typing import Any

import pytest
import stripe

from tests.sandbox.stripe.shop import Shop

HOUR = 3600
RECURRING = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "x"}, "recurring": {"interval": "month"}}
ONCE = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "x"}}


def item(price: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"price_data": {**ONCE, **(price or {})}, "quantity": 1, **more}


RULES: list[tuple[str, str, dict[str, Any], str, str | None]] = [
    # name, mode, changed parameters, the parameter that the refusal names, its code
    ("mode is required", "payment", {"mode": None}, "mode", "parameter_missing"),
    ("success_url is required", "payment", {"success_url": None}, "success_url", "parameter_missing"),
    ("success_url is an address", "payment", {"success_url": "thanks"}, "success_url", "url_invalid"),
    ("line_items are required", "payment", {"line_items": None}, "line_items", "parameter_missing"),
    (
        "payment data only for payments",
        "subscription",
        {"payment_intent_data": {"description": "x"}},
        "payment_intent_data",
        None,
    ),
    (
        "subscription data only for subscriptions",
        "payment",
        {"subscription_data": {"description": "x"}},
        "subscription_data",
        None,
    ),
    ("setup data only for setup", "payment", {"setup_intent_data": {"description": "x"}}, "setup_intent_data", None),
    ("no line items in setup", "setup", {"line_items": [item()]}, "line_items", None),
    (
        "no customer creation for subscriptions",
        "subscription",
        {"customer_creation": "always"},
        "customer_creation",
        None,
    ),
    ("no submit type in setup", "setup", {"submit_type": "donate"}, "submit_type", None),
    ("no donating by subscription", "subscription", {"submit_type": "donate"}, "submit_type", None),
    (
        "method collection only for subscriptions",
        "payment",
        {"payment_method_collection": "always"},
        "payment_method_collection",
        None,
    ),
    ("setup needs a currency", "setup", {"currency": None}, "currency", "parameter_missing"),
    ("a subscription needs a recurring price", "subscription", {"line_items": [item()]}, "line_items", None),
    ("a payment takes no recurring price", "payment", {"line_items": [item(RECURRING)]}, "line_items[0]", None),
    ("one currency", "payment", {"line_items": [item(), item({"currency": "eur"})]}, "line_items", None),
    (
        "a known currency",
        "payment",
        {"line_items": [item({"currency": "xxx"})]},
        "line_items[0][price_data][currency]",
        None,
    ),
    ("a quantity", "payment", {"line_items": [item(quantity=0)]}, "line_items[0][quantity]", None),
    ("a price or its data", "payment", {"line_items": [{"quantity": 1}]}, "line_items[0]", "parameter_missing"),
    (
        "at least half a dollar",
        "payment",
        {"line_items": [item({"unit_amount": 49})]},
        "line_items",
        "amount_too_small",
    ),
    (
        "at least thirty pence",
        "payment",
        {"line_items": [item({"currency": "gbp", "unit_amount": 29})]},
        "line_items",
        "amount_too_small",
    ),
    (
        "at least fifty yen",
        "payment",
        {"line_items": [item({"currency": "jpy", "unit_amount": 49})]},
        "line_items",
        "amount_too_small",
    ),
    (
        "at least two złoty",
        "payment",
        {"line_items": [item({"currency": "pln", "unit_amount": 199})]},
        "line_items",
        "amount_too_small",
    ),
    (
        "less than a million",
        "payment",
        {"line_items": [item({"unit_amount": 99_999_999}, quantity=2)]},
        "line_items",
        "amount_too_large",
    ),
    ("half an hour at least", "payment", {"expires_at": -29 * 60}, "expires_at", None),
    ("a day at most", "payment", {"expires_at": -25 * HOUR}, "expires_at", None),
    ("customer or email", "payment", {"customer": "cus_x"}, "customer_email", None),
    (
        "a customer that exists",
        "payment",
        {"customer": "cus_x", "customer_email": None},
        "customer",
        "resource_missing",
    ),
    ("an email address", "payment", {"customer_email": "reader"}, "customer_email", "email_invalid"),
    ("updates need a customer", "payment", {"customer_update": {"name": "auto"}}, "customer_update", None),
    ("a plain reference", "payment", {"client_reference_id": "a b"}, "client_reference_id", None),
    (
        "fifty keys of metadata",
        "payment",
        {"metadata": {f"key{n}": "x" for n in range(51)}},
        "metadata",
        "metadata_too_many_keys",
    ),
    ("five hundred characters of metadata", "payment", {"metadata": {"key": "x" * 501}}, "metadata[key]", None),
    ("forty characters of a metadata key", "payment", {"metadata": {"k" * 41: "x"}}, "metadata", None),
    (
        "metadata inside other parameters",
        "payment",
        {"payment_intent_data": {"metadata": {"key": "x" * 501}}},
        "payment_intent_data[metadata][key]",
        None,
    ),
    (
        "twenty-two characters of a descriptor suffix",
        "payment",
        {"payment_intent_data": {"statement_descriptor_suffix": "x" * 23}},
        "payment_intent_data[statement_descriptor_suffix]",
        None,
    ),
    (
        "a letter in a descriptor suffix",
        "payment",
        {"payment_intent_data": {"statement_descriptor_suffix": "123"}},
        "payment_intent_data[statement_descriptor_suffix]",
        None,
    ),
    (
        "no bank debits in dollars",
        "payment",
        {"allowed_payment_method_types": ["sepa_debit"]},
        "allowed_payment_method_types",
        None,
    ),
    ("hosted pages only", "payment", {"return_url": "http://news.example/"}, "return_url", None),
    (
        "three years of interval at most",
        "subscription",
        {"line_items": [item({**RECURRING, "recurring": {"interval": "year", "interval_count": 4}})]},
        "line_items[0][price_data][recurring][interval_count]",
        None,
    ),
]


@pytest.mark.parametrize(
    ("mode", "changes", "param", "code"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES]
)
def test_rule(shop: Shop, mode: str, changes: dict[str, Any], param: str, code: str | None) -> None:
    if "expires_at" in changes:
        # The table's times are measured from now, when the request is made.
        changes = {"expires_at": int(time.time()) - changes["expires_at"]}
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.v1.checkout.sessions.create(shop.parameters(mode, **changes))
    assert (refusal.value.http_status, refusal.value.param, refusal.value.code) == (400, param, code)


@pytest.mark.parametrize(
    ("mode", "changes"),
    [
        ("payment", {"line_items": [item({"unit_amount": 50})]}),
        ("payment", {"line_items": [item({"unit_amount": 99_999_999})]}),
        ("payment", {"metadata": {f"key{n}": "x" * 500 for n in range(50)}}),
        ("payment", {"payment_intent_data": {"statement_descriptor_suffix": "x" * 22}}),
        ("payment", {"submit_type": "donate"}),
        ("subscription", {"submit_type": "subscribe"}),
        ("setup", {"currency": None, "allowed_payment_method_types": ["card"]}),
    ],
)
def test_the_other_side_of_the_rules(shop: Shop, mode: str, changes: dict[str, Any]) -> None:
    assert shop.v1.checkout.sessions.create(shop.parameters(mode, **changes)).status == "open"


@pytest.mark.parametrize("life", [31 * 60, 24 * HOUR])
def test_lives_that_are_allowed(shop: Shop, life: int) -> None:
    session = shop.session(expires_at=int(time.time()) + life)
    assert session.status == "open"


def test_what_the_sandbox_does_not_simulate_is_refused_and_said(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="does not simulate"):
        shop.session(automatic_tax={"enabled": True})


def test_methods_are_those_that_suit_the_currency_and_are_allowed(shop: Shop) -> None:
    assert shop.session(currency="eur").payment_method_types == ["card", "sepa_debit"]
    assert shop.session(currency="usd").payment_method_types == ["card"]
    chosen = shop.session(currency="eur", allowed_payment_method_types=["card", "link"])
    assert chosen.payment_method_types == ["card"]
    assert chosen.allowed_payment_method_types == ["card", "link"]
