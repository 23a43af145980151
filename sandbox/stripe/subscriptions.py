"""Subscriptions and their items, as requests create and change them."""

from typing import Any

from sandbox.stripe import billing, events, invoices, listing, payment_methods, subscription_items
from sandbox.stripe.errors import ApiError, invalid, missing, not_simulated
from sandbox.stripe.ids import new_id
from sandbox.stripe.money import check_amount
from sandbox.stripe.rules import merged_metadata
from sandbox.stripe.shapes import Thing, complete
from sandbox.stripe.world import World

Params = dict[str, Any]

NOT_SIMULATED: tuple[str, ...] = (
    "add_invoice_items",
    "application_fee_percent",
    "backdate_start_date",
    "billing_cycle_anchor",
    "billing_cycle_anchor_config",
    "billing_schedules",
    "billing_thresholds",
    "default_source",
    "discounts",
    "pending_invoice_item_interval",
    "transfer_data",
    "trial_end",
    "trial_from_plan",
    "trial_period_days",
    "on_behalf_of",
    "default_tax_rates",
)
ENDED = ("canceled", "incomplete_expired")


def create(world: World, params: Params) -> Thing:
    """Create a subscription and charge its first invoice."""
    _refuse_not_simulated(params)
    if "customer" not in params:
        raise invalid("Missing required param: customer.", param="customer", code="parameter_missing")
    customer = world.fetch("customer", params["customer"], param="customer")
    with world.clock_of(customer):
        prices = subscription_items.prices_of(world, params.get("items") or [])
        behaviour = params.get("payment_behavior", "allow_incomplete")
        if behaviour == "pending_if_incomplete":
            raise not_simulated("payment_behavior=pending_if_incomplete")
        method = params.get("default_payment_method")
        if method:
            _owned_method(world, customer["id"], method)
        subscription = build(
            world,
            customer,
            prices,
            metadata=merged_metadata({}, params.get("metadata", {})),
            default_payment_method=method,
            description=params.get("description"),
            cancel_at_period_end=params.get("cancel_at_period_end", False),
            payment_settings=payment_settings(params.get("payment_settings")),
        )
        if params.get("cancel_at") is not None:
            _set_cancel_at(world, subscription, params["cancel_at"])
        events.emit(world, "customer.subscription.created", subscription)
        invoice = first_invoice(world, subscription)
        if behaviour != "default_incomplete" and invoice["status"] == "open":
            billing.collect(world, invoice)
            intent = invoices.intent_of(world, invoice)
            if behaviour == "error_if_incomplete" and intent:
                _make_nothing_unless_paid(world, intent)
        return world.fetch("subscription", subscription["id"])


def _make_nothing_unless_paid(world: World, intent: Thing) -> None:
    try:
        billing.raise_unless_paid(world, intent, "subscription")
    except ApiError as error:
        error.keep = False
        raise


def _refuse_not_simulated(params: Params) -> None:
    for name in NOT_SIMULATED:
        if params.get(name):
            raise not_simulated(name)
    if (params.get("automatic_tax") or {}).get("enabled"):
        raise not_simulated("automatic_tax[enabled]")
    if params.get("collection_method", "charge_automatically") != "charge_automatically":
        raise not_simulated("collection_method=send_invoice")


def payment_settings(given: Params | None) -> Params:
    """Return payment settings with their defaults."""
    chosen = given or {}
    for kind in chosen.get("payment_method_types") or []:
        if kind not in payment_methods.TYPES:
            raise not_simulated(f"payment_settings[payment_method_types]={kind}")
    return {
        "payment_method_options": None,
        "payment_method_types": chosen.get("payment_method_types") or None,
        "save_default_payment_method": chosen.get("save_default_payment_method", "off"),
    }


def build(
    world: World,
    customer: Thing,
    prices: list[tuple[Thing, int, dict[str, str]]],
    *,
    status: str = "incomplete",
    **values: Any,
) -> Thing:
    """Store a new subscription with its items, without an event or an invoice."""
    now = world.now()
    currency = prices[0][0]["currency"]
    check_amount(sum(price["unit_amount"] * quantity for price, quantity, _ in prices), currency)
    defaults: Params = {
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": now,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible", "updated_at": None},
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": dict.fromkeys(("comment", "feedback", "feedback_option", "reason")),
        "collection_method": "charge_automatically",
        "created": now,
        "currency": currency,
        "customer": customer["id"],
        "default_tax_rates": [],
        "discounts": [],
        "id": new_id("subscription"),
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"account": None, "type": "self"},
        },
        "items": None,
        "livemode": False,
        "metadata": {},
        "payment_settings": payment_settings(None),
        "start_date": now,
        "status": status,
        "test_clock": customer["test_clock"],
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
    }
    subscription = world.store.put(complete("subscription", **(defaults | values)))
    for price, quantity, metadata in prices:
        world.store.put(subscription_items.build(world, subscription, price, quantity, metadata))
    following = billing.following_period_end(world, subscription, now)
    for item in billing.items_of(world, subscription):
        events.update(world, item, None, current_period_end=following)
    if subscription["cancel_at_period_end"]:
        events.update(world, subscription, None, cancel_at=following, canceled_at=now)
    billing.plan_period(world, subscription)
    if status == "incomplete":
        world.schedule(now + billing.INCOMPLETE_HOURS * billing.HOUR, "expire_incomplete", subscription)
    return subscription


def first_invoice(world: World, subscription: Thing, *, intent: Thing | None = None) -> Thing:
    """Make and finalize a new subscription's first invoice, for a payment intent that may exist already."""
    start, end_at = billing.period_of(world, subscription)
    lines = billing.lines_for(world, subscription, start, end_at)
    invoice = invoices.draft(world, subscription, lines, reason="subscription_create", period=(start, start))
    events.update(world, subscription, None, latest_invoice=invoice["id"])
    return invoices.finalize(world, invoice, intent=intent)


def _owned_method(world: World, customer: str, method: str) -> None:
    found = world.fetch("payment_method", method, param="default_payment_method")
    if found["customer"] != customer:
        raise invalid(
            f"The customer does not have a payment method with the ID {method}. The payment method must be attached to"
            " the customer.",
            code="resource_missing",
            param="default_payment_method",
        )


def retrieve(world: World, params: Params, subscription: str) -> Thing:
    """Return a subscription."""
    return world.fetch("subscription", subscription)


def update(world: World, params: Params, subscription: str) -> Thing:
    """Change a subscription: its amount, its payment method, a pause, its end."""
    _refuse_not_simulated(params)
    thing = world.fetch("subscription", subscription)
    if thing["status"] in ENDED and set(params) - {"metadata", "cancellation_details"}:
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.")
    with world.clock_of(thing):
        changes: Params = {}
        if "description" in params:
            changes["description"] = params["description"] or None
        if "metadata" in params:
            changes["metadata"] = merged_metadata(thing["metadata"], params["metadata"])
        if "default_payment_method" in params:
            _owned_method(world, thing["customer"], params["default_payment_method"])
            changes["default_payment_method"] = params["default_payment_method"]
        if "payment_settings" in params:
            chosen = {
                name: value for name, value in params["payment_settings"].items() if name in thing["payment_settings"]
            }
            changes["payment_settings"] = thing["payment_settings"] | chosen
        if "cancellation_details" in params:
            details = {name: value or None for name, value in params["cancellation_details"].items()}
            changes["cancellation_details"] = thing["cancellation_details"] | details
        if "pause_collection" in params:
            changes["pause_collection"] = _pause(world, thing, params["pause_collection"])
        changes |= _ending(world, thing, params)
        changed_items = subscription_items.change(world, thing, params) if params.get("items") else {}
        if changed_items and all(thing.get(name) == value for name, value in changes.items()):
            events.emit(world, "customer.subscription.updated", thing, previous=changed_items)
        else:
            events.update(world, thing, "customer.subscription.updated", **changes)
        return thing


def _pause(world: World, subscription: Thing, given: Any) -> Params | None:
    world.unschedule("resume_collection", subscription)
    if not given:
        return None
    resumes_at = given.get("resumes_at")
    if resumes_at is not None:
        if resumes_at <= world.now():
            raise invalid("The `resumes_at` timestamp must be in the future.", param="pause_collection[resumes_at]")
        world.schedule(resumes_at, "resume_collection", subscription)
    return {"behavior": given["behavior"], "resumes_at": resumes_at}


def _ending(world: World, subscription: Thing, params: Params) -> Params:
    """Return the changes that plan a subscription's end, or take the plan back."""
    if "cancel_at_period_end" in params and params.get("cancel_at"):
        raise invalid(
            "You may only specify one of these parameters: cancel_at, cancel_at_period_end.", param="cancel_at"
        )
    if "cancel_at_period_end" in params:
        details = subscription["cancellation_details"]
        _, end_at = billing.period_of(world, subscription)
        if params["cancel_at_period_end"]:
            details = details | {"reason": "cancellation_requested"}
            return {
                "cancel_at": end_at,
                "cancel_at_period_end": True,
                "canceled_at": world.now(),
                "cancellation_details": details | _details(params),
            }
        if subscription["cancel_at_period_end"]:
            details = details | {"reason": None}
            return {
                "cancel_at": None,
                "cancel_at_period_end": False,
                "canceled_at": None,
                "cancellation_details": details | _details(params),
            }
    if "cancel_at" in params:
        world.unschedule("cancel_subscription", subscription)
        if not params["cancel_at"]:
            return {"cancel_at": None, "canceled_at": None}
        _set_cancel_at(world, subscription, params["cancel_at"])
        return {"canceled_at": world.now()}
    return {}


def _details(params: Params) -> Params:
    return {name: value or None for name, value in (params.get("cancellation_details") or {}).items()}


def _set_cancel_at(world: World, subscription: Thing, at: Any) -> None:
    if not isinstance(at, int):
        raise not_simulated(f"cancel_at={at}")
    if at <= world.now():
        raise invalid("The `cancel_at` timestamp must be in the future.", param="cancel_at")
    events.update(world, subscription, "customer.subscription.updated", cancel_at=at)
    world.schedule(at, "cancel_subscription", subscription)


def cancel(world: World, params: Params, subscription: str) -> Thing:
    """End a subscription now."""
    thing = world.fetch("subscription", subscription)
    if thing["status"] in ENDED:
        raise missing("subscription", subscription)
    for name in ("invoice_now", "prorate"):
        if params.get(name):
            raise not_simulated(name)
    with world.clock_of(thing):
        return end(world, thing, reason="cancellation_requested", details=_details(params))


def end(world: World, subscription: Thing, *, reason: str, details: Params | None = None) -> Thing:
    """End a subscription now, for a reason of Stripe's."""
    return billing.end(world, subscription, reason=reason, details=details)


def list_all(world: World, params: Params) -> Thing:
    """Return a page of subscriptions; ended ones only when asked for by status."""
    filters = listing.equal_to(params, "customer", "collection_method", "test_clock")
    status = params.get("status")
    where = "json_extract(body, '$.status') != 'canceled'"
    if status == "ended":
        where = "json_extract(body, '$.status') IN ('canceled', 'incomplete_expired')"
    elif status == "all":
        where = ""
    elif status:
        filters["status"], where = status, ""
    for name in ("price", "plan", "current_period_end", "current_period_start", "automatic_tax"):
        if name in params:
            raise not_simulated(name)
    return listing.page(world, "subscription", params, "/v1/subscriptions", where_sql=where, **filters)


def update_item(world: World, params: Params, item: str) -> Thing:
    """Change a subscription item, as an update of its subscription would."""
    thing = world.fetch("subscription_item", item)
    own = {name: params[name] for name in ("price", "price_data", "quantity", "metadata") if name in params}
    rest = {name: params[name] for name in ("proration_behavior",) if name in params}
    update(world, {"items": [own | {"id": item}]} | rest, thing["subscription"])
    return world.fetch("subscription_item", item)
