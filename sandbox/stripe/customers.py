"""Customers."""

from typing import Any

from sandbox.stripe import events, listing, payment_methods, subscriptions
from sandbox.stripe.errors import invalid, not_simulated
from sandbox.stripe.ids import new_id, random_text
from sandbox.stripe.rules import merged_metadata
from sandbox.stripe.shapes import Thing, complete
from sandbox.stripe.world import World

Params = dict[str, Any]

COPIED: tuple[str, ...] = (
    "address",
    "balance",
    "description",
    "email",
    "name",
    "phone",
    "preferred_locales",
    "shipping",
    "tax_exempt",
    "business_name",
    "individual_name",
)


def create(world: World, params: Params) -> Thing:
    """Create a customer."""
    for name in ("source", "tax_id_data", "cash_balance", "tax"):
        if name in params:
            raise not_simulated(name)
    clock = params.get("test_clock")
    if clock:
        world.fetch("test_helpers.test_clock", clock, param="test_clock")
    with world.clock_of({"test_clock": clock}):
        customer = build(world, **{name: params[name] for name in COPIED if name in params}, test_clock=clock)
        customer["metadata"] = merged_metadata({}, params.get("metadata", {}))
        events.save(world, customer, "customer.created")
        if "payment_method" in params:
            payment_methods.attach(world, {"customer": customer["id"]}, payment_method=params["payment_method"])
        default = params.get("invoice_settings", {}).get("default_payment_method")
        if default:
            _set_default(world, customer, default)
        return customer


def build(world: World, **values: Any) -> Thing:
    """Return a new customer that is not stored yet."""
    defaults: Params = {
        "balance": 0,
        "created": world.now(),
        "delinquent": False,
        "id": new_id("customer"),
        "invoice_prefix": random_text(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "tax_exempt": "none",
    }
    return complete("customer", **(defaults | values))


def retrieve(world: World, params: Params, customer: str) -> Thing:
    """Return a customer, or what is left of a deleted one."""
    return world.fetch("customer", customer)


def update(world: World, params: Params, customer: str) -> Thing:
    """Change a customer."""
    for name in ("source", "default_source", "cash_balance", "tax"):
        if name in params:
            raise not_simulated(name)
    thing = existing(world, customer)
    changes = {name: params[name] or None for name in COPIED if name in params}
    if "metadata" in params:
        changes["metadata"] = merged_metadata(thing["metadata"], params["metadata"])
    settings = params.get("invoice_settings", {})
    if "default_payment_method" in settings:
        method = settings["default_payment_method"] or None
        if method:
            _owned(world, thing, method, "invoice_settings[default_payment_method]")
        changes["invoice_settings"] = thing["invoice_settings"] | {"default_payment_method": method}
    return events.update(world, thing, "customer.updated", **changes)


def existing(world: World, customer: str, *, param: str | None = None) -> Thing:
    """Return a customer that was not deleted."""
    thing = world.fetch("customer", customer, param=param)
    if thing.get("deleted"):
        raise invalid(f"No such customer: '{customer}'", code="resource_missing", param=param or "id")
    return thing


def _owned(world: World, customer: Thing, method: str, param: str) -> None:
    found = world.fetch("payment_method", method, param=param)
    if found["customer"] != customer["id"]:
        raise invalid(
            "The customer does not have a payment method with the ID "
            f"{method}. The payment method must be attached to the customer.",
            param=param,
        )


def _set_default(world: World, customer: Thing, method: str) -> None:
    _owned(world, customer, method, "invoice_settings[default_payment_method]")
    settings = customer["invoice_settings"] | {"default_payment_method": method}
    events.update(world, customer, None, invoice_settings=settings)


def delete(world: World, params: Params, customer: str) -> Thing:
    """Delete a customer for good: subscriptions end at once and payment methods are detached."""
    thing = existing(world, customer)
    with world.clock_of(thing):
        for subscription in world.store.select("subscription", customer=customer):
            if subscription["status"] not in ("canceled", "incomplete_expired"):
                subscriptions.end(world, subscription, reason="cancellation_requested")
        for method in world.store.select("payment_method", customer=customer):
            events.update(world, method, None, customer=None)
        events.emit(world, "customer.deleted", thing)
    return world.store.put({"id": customer, "object": "customer", "created": thing["created"], "deleted": True})


def list_all(world: World, params: Params) -> Thing:
    """Return a page of customers."""
    return listing.page(world, "customer", params, "/v1/customers", **listing.equal_to(params, "email", "test_clock"))


def list_payment_methods(world: World, params: Params, customer: str) -> Thing:
    """Return a page of a customer's payment methods."""
    existing(world, customer)
    url = f"/v1/customers/{customer}/payment_methods"
    return listing.page(world, "payment_method", params, url, customer=customer, **listing.equal_to(params, "type"))
