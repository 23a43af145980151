"""Parameters are held against the SDK's own types: unknown, missing and ill-typed ones are refused as Stripe does."""

from inspect import signature
from typing import Any

import pytest
import stripe

from sandbox.stripe import parameters, routes
from tests.sandbox.stripe.shop import Shop

UNKNOWN = "parameter_unknown"


@pytest.mark.parametrize(
    ("given", "message", "param", "code"),
    [
        ({"foo": "x"}, "Received unknown parameter: foo", "foo", UNKNOWN),
        (
            {"payment_intent_data": {"colour": "x"}},
            "Received unknown parameter: payment_intent_data[colour]",
            "payment_intent_data[colour]",
            UNKNOWN,
        ),
        ({"payment_method_types": ["card"]}, "Received unknown parameter: payment_method_types", None, UNKNOWN),
        ({"expires_at": "soon"}, "Invalid integer: soon", "expires_at", "parameter_invalid_integer"),
        ({"allow_promotion_codes": "perhaps"}, "Invalid boolean: perhaps", "allow_promotion_codes", None),
        ({"mode": "gift"}, "Invalid mode: must be one of payment, setup, or subscription", "mode", None),
        ({"line_items": "x"}, "Invalid array", "line_items", None),
        ({"after_expiration": "x"}, "Invalid object", "after_expiration", None),
        ({"success_url": {"a": "b"}}, "Invalid string: {...}", "success_url", None),
        ({"client_reference_id": ""}, "You passed an empty string for 'client_", None, "parameter_invalid_empty"),
        (
            {"line_items": [{"price_data": {"unit_amount": 500}, "quantity": 1}]},
            "Missing required param: line_items[0][price_data][currency].",
            "line_items[0][price_data][currency]",
            "parameter_missing",
        ),
        (
            {"line_items": [{"price_data": {"currency": "usd", "unit_amount": "5.00"}, "quantity": 1}]},
            "Invalid integer: 5.00",
            "line_items[0][price_data][unit_amount]",
            "parameter_invalid_integer",
        ),
    ],
)
def test_refusal(shop: Shop, given: dict[str, Any], message: str, param: str | None, code: str | None) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.session(**given)
    assert message in str(refusal.value.user_message)
    assert refusal.value.code == code
    assert param in (None, refusal.value.param)


def test_every_route_has_the_sdks_parameters() -> None:
    for route in routes.ROUTES:
        for name, (hint, _) in parameters.fields(parameters.parameter_class(route.service)).items():
            assert hint is not None, f"{route.service} {name}"


def test_every_route_is_the_address_that_the_sdk_calls(shop: Shop) -> None:
    """A route's pattern is compared with what the SDK's method really requests."""
    asked: list[tuple[str, str]] = []

    class Recorder(stripe.HTTPClient):
        name = "recorder"

        def request(self, method: str, url: str, headers: Any, post_data: Any = None) -> Any:
            asked.append((method.upper(), url.removeprefix("http://sandbox").partition("?")[0]))
            return "{}", 200, {}

    client = stripe.StripeClient("sk_test_x", base_addresses={"api": "http://sandbox"}, http_client=Recorder())
    for route in routes.ROUTES:
        *services, name = route.service.split(".")
        service: Any = client.v1
        for part in services:
            service = getattr(service, part)
        call = getattr(service, name)
        needed = [one for one in signature(call).parameters.values() if one.default is one.empty]
        call(*({"query": "x"} if one.name == "params" else "some_id" for one in needed))
        method, path = asked[-1]
        found = routes.find(method, path)
        assert found, f"{route.service} calls {method} {path}"
        assert found[0] is route


@pytest.mark.parametrize("service", ["customers", "products", "prices", "invoices", "events", "charges", "disputes"])
def test_unknown_id_in_the_path_is_404(shop: Shop, service: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such") as refusal:
        getattr(shop.v1, service).retrieve("nothing")
    assert (refusal.value.http_status, refusal.value.code, refusal.value.param) == (404, "resource_missing", "id")


def test_unknown_id_in_a_parameter_is_400(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such customer: 'cus_x'") as refusal:
        shop.v1.payment_intents.create({"amount": 500, "currency": "usd", "customer": "cus_x"})
    assert (refusal.value.http_status, refusal.value.param) == (400, "customer")


def test_unknown_address_is_404(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        shop.v1.payouts.list()


@pytest.mark.parametrize("key", ["sk_live_123456789012345678", "pk_test_1", "nothing"])
def test_keys_other_than_test_keys_are_refused(shop: Shop, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError) as refusal:
        shop.v1.customers.list(options={"api_key": key})
    assert refusal.value.http_status == 401
    assert key not in str(refusal.value)


def test_another_version_is_refused_and_the_own_one_echoed(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Invalid Stripe API version"):
        shop.v1.customers.list(options={"stripe_version": "2020-08-27"})
    listed = shop.v1.customers.list()
    assert listed.last_response
    headers = {name.lower(): value for name, value in dict(listed.last_response.headers or {}).items()}
    assert headers["stripe-version"] == stripe.api_version
    assert headers["request-id"].startswith("req_")


def test_expanding_what_is_no_object_is_refused(shop: Shop) -> None:
    session = shop.session()
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["amount_total"]})
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        shop.v1.checkout.sessions.list({"expand": ["payment_intent"]})
