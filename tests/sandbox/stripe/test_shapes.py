"""Each object that the API answers with has the fields, and the kinds of values, that the SDK's classes declare."""

import types
from decimal import Decimal
from importlib import import_module
from typing import Any, ForwardRef, Literal, Union, get_args, get_origin

import pytest
import stripe
from stripe import StripeObject
from stripe._list_object import ListObject
from stripe._object_classes import OBJECT_CLASSES
from stripe._stripe_object import UntypedStripeObject

from sandbox.stripe.testing import StripeSandbox
from tests.sandbox.stripe.shop import Shop

# The SDK declares this request-side note as required, but Stripe's events of deleted objects carry only these.
DELETED = {"id", "object", "deleted"}


def assert_shape(value: dict[str, Any], sdk_class: Any, where: str) -> None:
    """Fail unless an object has every required field of its SDK class, no undeclared one, and values of their types."""
    if value.get("deleted"):
        assert set(value) == DELETED
        return
    hints = {name: hint for name, hint in sdk_class.__annotations__.items() if not name.startswith("_")}
    assert not set(value) - set(hints), f"{where} carries undeclared fields"
    required = {name for name, hint in hints.items() if type(None) not in get_args(hint) and name != "OBJECT_NAME"}
    assert not required - set(value), f"{where} lacks required fields"
    for name, inner in value.items():
        assert fits(inner, hints[name], f"{where}.{name}"), f"{where}.{name} = {inner!r} is not {hints[name]}"


def fits(value: Any, hint: Any, where: str) -> bool:
    """Say whether a JSON value is what an annotation of the SDK promises, looking into objects."""
    origin, members = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return fits_one_of(value, members, where)
    if origin is Literal:
        return value in members
    if origin is list:
        return isinstance(value, list) and all(fits(inner, members[0], f"{where}[]") for inner in value)
    if origin is ListObject:
        if not isinstance(value, dict):
            return False
        assert value["object"] == "list"
        assert {"data", "has_more", "url"} <= set(value)
        return all(fits(inner, members[0], f"{where}.data[]") for inner in value["data"])
    if UntypedStripeObject in (origin, hint):
        return isinstance(value, dict)
    if isinstance(hint, ForwardRef | str) or issubclass(hint, StripeObject):
        return fits_object(value, hint, where)
    return fits_plain(value, hint)


def fits_one_of(value: Any, members: tuple[Any, ...], where: str) -> bool:
    choices = [choice for member in members if get_origin(member) is Literal for choice in get_args(member)]
    if choices and isinstance(value, str) and not any(isinstance(member, ForwardRef) for member in members):
        # `str` beside an enumeration is there for values of later versions only.
        return value in choices
    return any(fits(value, member, where) for member in members)


def fits_object(value: Any, hint: Any, where: str) -> bool:
    """Check an object by its own name where it has one, else by the class that the annotation holds."""
    named = isinstance(hint, ForwardRef | str) or get_origin(hint.__annotations__.get("object")) is Literal
    if not isinstance(value, dict) or (named and "object" not in value):
        return False
    assert_shape(value, class_of(value["object"]) if named else hint, where)
    return True


def fits_plain(value: Any, hint: Any) -> bool:
    if hint is Decimal:
        # The API writes such numbers as text, and the SDK reads them as decimals.
        return isinstance(value, str | Decimal) and Decimal(value).is_finite()
    if hint in (int, float):
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def class_of(kind: str) -> Any:
    module, name = OBJECT_CLASSES[kind]
    return getattr(import_module(module), name)


def check(thing: StripeObject) -> None:
    raw = thing.last_response.data if thing.last_response else thing.to_dict()
    assert_shape(raw, class_of(raw["object"]), raw["object"])


def test_objects_of_a_gift(shop: Shop) -> None:
    session = shop.pay(shop.session(payment_intent_data={"metadata": {"gift": "1"}}))
    check(session)
    check(shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["line_items", "payment_intent"]}))
    intent = shop.v1.payment_intents.retrieve(
        str(session.payment_intent), {"expand": ["latest_charge.balance_transaction", "payment_method"]}
    )
    check(intent)
    check(shop.v1.charges.list({"expand": ["data.refunds"]}).data[0])
    check(shop.v1.balance_transactions.list().data[0])
    check(shop.v1.balance.retrieve())


def test_objects_of_an_open_and_of_an_expired_session(shop: Shop) -> None:
    session = shop.session(after_expiration={"recovery": {"enabled": True}})
    check(session)
    check(shop.v1.checkout.sessions.expire(session.id))


def test_objects_of_a_declined_gift(shop: Shop, sandbox: StripeSandbox) -> None:
    session = shop.session()
    sandbox.pay(session.id, "4000000000000002")
    session = shop.v1.checkout.sessions.retrieve(session.id)
    check(shop.v1.payment_intents.retrieve(str(session.payment_intent), {"expand": ["latest_charge"]}))


def test_objects_of_a_subscription(shop: Shop, sandbox: StripeSandbox) -> None:
    subscription = shop.subscription(subscription_data={"metadata": {"gift": "1"}})
    sandbox.advance(months=1, days=1)
    expand = ["latest_invoice.payments", "customer", "default_payment_method"]
    check(shop.v1.subscriptions.retrieve(subscription.id, {"expand": expand}))
    check(shop.v1.subscription_items.list({"subscription": subscription.id}).data[0])
    check(shop.v1.invoices.list().data[0])
    check(shop.v1.invoices.create_preview({"subscription": subscription.id}))
    check(shop.v1.invoice_payments.list({"expand": ["data.payment.payment_intent"]}).data[0])
    check(shop.v1.prices.list({"expand": ["data.product"]}).data[0])
    check(shop.v1.products.list().data[0])
    check(shop.v1.customers.retrieve(str(subscription.customer), {"expand": ["subscriptions"]}))
    check(shop.v1.payment_methods.list({"customer": str(subscription.customer)}).data[0])
    check(shop.v1.subscriptions.cancel(subscription.id))


def test_objects_of_a_paused_and_ending_subscription(shop: Shop) -> None:
    subscription = shop.subscription()
    changes: Any = {"pause_collection": {"behavior": "void"}, "cancel_at_period_end": True}
    check(shop.v1.subscriptions.update(subscription.id, changes))


def test_objects_of_a_failed_renewal(shop: Shop, sandbox: StripeSandbox) -> None:
    subscription = shop.subscription()
    sandbox.fail_next(subscription.id)
    sandbox.advance(months=1, days=1)
    expand = ["latest_invoice.payments.data.payment.payment_intent"]
    check(shop.v1.subscriptions.retrieve(subscription.id, {"expand": expand}))


def test_objects_of_a_saved_card(shop: Shop) -> None:
    session = shop.pay(shop.session("setup", customer_creation="always"))
    check(session)
    check(shop.v1.setup_intents.retrieve(str(session.setup_intent), {"expand": ["payment_method"]}))


def test_objects_of_a_bank_debit(shop: Shop, sandbox: StripeSandbox) -> None:
    session = shop.session(currency="eur", allowed_payment_method_types=["sepa_debit"])
    session = shop.pay(session, iban="AT611904300234573201")
    intent = shop.v1.payment_intents.retrieve(
        str(session.payment_intent), {"expand": ["latest_charge", "payment_method"]}
    )
    check(intent)
    assert isinstance(intent.latest_charge, stripe.Charge)
    details = intent.latest_charge.payment_method_details
    assert details
    assert details.sepa_debit
    check(shop.v1.mandates.retrieve(str(details.sepa_debit.mandate)))
    sandbox.settle()
    check(shop.v1.charges.retrieve(intent.latest_charge.id))


def test_objects_of_refunds_and_disputes(shop: Shop, sandbox: StripeSandbox) -> None:
    charge = shop.charge()
    check(shop.v1.refunds.create({"charge": charge.id, "amount": 100}))
    dispute = sandbox.dispute(charge=shop.charge().id)
    check(shop.v1.disputes.retrieve(dispute["id"]))
    sandbox.decide(dispute["id"], "won")
    check(shop.v1.disputes.retrieve(dispute["id"]))
    check(shop.v1.charges.retrieve(str(dispute["charge"]), {"expand": ["balance_transaction"]}))


def test_objects_of_the_portal_and_of_webhooks(shop: Shop) -> None:
    customer = shop.customer()
    flow: Any = {"type": "payment_method_update"}
    check(
        shop.v1.billing_portal.sessions.create(
            {"customer": customer.id, "return_url": "http://news.example/", "flow_data": flow}
        )
    )
    check(shop.v1.billing_portal.configurations.list().data[0])
    endpoint = shop.v1.webhook_endpoints.create(
        {"url": "http://news.example/hook/", "enabled_events": ["charge.succeeded"]}
    )
    check(endpoint)
    check(shop.v1.webhook_endpoints.retrieve(endpoint.id))
    check(shop.v1.accounts.retrieve_current())


def test_objects_of_test_clocks(shop: Shop) -> None:
    clock = shop.v1.test_helpers.test_clocks.create({"frozen_time": 1_800_000_000, "name": "a clock"})
    check(clock)
    check(shop.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": 1_800_100_000}))


def test_every_event_and_the_object_inside_it(shop: Shop, sandbox: StripeSandbox) -> None:
    subscription = shop.subscription()
    sandbox.fail_next(subscription.id)
    sandbox.advance(months=2)
    charge = shop.charge("4000000000005126")
    shop.v1.refunds.create({"charge": charge.id})
    sandbox.dispute(charge=shop.charge().id)
    sandbox.advance(months=1)
    shop.v1.customers.delete(str(subscription.customer))
    events = sandbox.events()
    assert len({event["type"] for event in events}) > 25
    for raw in events:
        assert_shape(raw, stripe.Event, raw["type"])
        inside = raw["data"]["object"]
        assert raw["type"] in get_args(stripe.Event.__annotations__["type"]), raw["type"]
        if raw["type"] == "invoice.upcoming":
            # A renewal that is only announced has no id yet.
            inside = {"id": "none", **inside}
        assert_shape(inside, class_of(inside["object"]), raw["type"])


@pytest.mark.parametrize(
    ("service", "gone"),
    [
        ("invoices", {"subscription", "charge", "payment_intent"}),
        ("charges", {"invoice"}),
        ("payment_intents", {"invoice", "charges"}),
        ("subscriptions", {"current_period_start", "current_period_end"}),
    ],
)
def test_fields_that_this_version_no_longer_has(shop: Shop, service: str, gone: set[str]) -> None:
    shop.subscription()
    (thing,) = getattr(shop.v1, service).list().data
    assert not gone & set(thing.to_dict())


def test_the_period_is_on_the_item_and_the_payment_on_the_invoice(shop: Shop) -> None:
    subscription = shop.subscription()
    item = subscription["items"].data[0]
    assert item.current_period_start == subscription.billing_cycle_anchor < item.current_period_end
    (invoice,) = shop.v1.invoices.list({"subscription": subscription.id, "expand": ["data.payments"]}).data
    assert invoice.parent
    assert invoice.parent.subscription_details
    assert invoice.parent.subscription_details.subscription == subscription.id
    assert invoice.payments
    (payment,) = invoice.payments.data
    assert str(payment.payment.payment_intent).startswith("pi_")
