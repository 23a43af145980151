"""Checkout Sessions, as requests create, list and expire them."""

import re
import time
from typing import Any
from urllib.parse import quote

from sandbox.stripe import (
    catalogue,
    checkout_rules,
    events,
    listing,
    payment_intents,
    payment_methods,
    setup_intents,
    subscription_items,
)
from sandbox.stripe.errors import invalid
from sandbox.stripe.ids import new_id, random_text
from sandbox.stripe.money import check_amount, check_currency
from sandbox.stripe.presenting import present
from sandbox.stripe.rules import merged_metadata
from sandbox.stripe.shapes import Thing, complete, list_object
from sandbox.stripe.world import World

Params = dict[str, Any]

DAY = 86_400
# How long the link that recovers an expired session works.
RECOVERY_DAYS = 30


def create(world: World, params: Params) -> Thing:
    """Create a session and its hosted page."""
    # A session lives by the real time, as its reader does; only where the past is played do both live in the past.
    now = int(time.time()) + min(world.offset(), 0)
    checkout_rules.check(params, now=now)
    mode = params["mode"]
    customer = world.fetch("customer", params["customer"], param="customer") if "customer" in params else None
    session_id = new_id("checkout.session")
    items = [
        _line_item(world, item, f"line_items[{position}]", mode)
        for position, item in enumerate(params.get("line_items") or [])
    ]
    currency, total = _total(params, items, mode)
    values = _simple_values(params, mode)
    values["payment_method_types"] = payment_methods.offered(params, currency)
    if customer and not params.get("customer_email"):
        values["customer_details"] = _customer_details(customer.get("email"))
    elif params.get("customer_email"):
        values["customer_details"] = _customer_details(params["customer_email"])
    session = complete(
        "checkout.session",
        id=session_id,
        amount_subtotal=total,
        amount_total=total,
        created=now,
        currency=currency,
        customer=params.get("customer"),
        expires_at=params.get("expires_at", now + DAY),
        status="open",
        url=f"/c/pay/{session_id}",
        **values,
        _path=f"/c/pay/{session_id}",
        _params={name: params.get(name) for name in ("payment_intent_data", "subscription_data", "setup_intent_data")},
        _line_items=items,
        _offset=world.offset(),
        # It ends with the sandbox's clock as well: an advance passes over it.
        _deadline=params.get("expires_at", now + DAY) + max(world.offset(), 0),
    )
    if mode == "setup":
        data = params.get("setup_intent_data") or {}
        intent = setup_intents.build(
            world,
            customer=params.get("customer"),
            description=data.get("description"),
            metadata=merged_metadata({}, data.get("metadata", {})),
            payment_method_types=values["payment_method_types"],
            _session=session_id,
        )
        session["setup_intent"] = events.save(world, intent, "setup_intent.created")["id"]
    world.store.put(session)
    world.schedule(session["_deadline"], "expire_session", session)
    return session


def _eligible(allowed: list[str] | None) -> list[str]:
    """Return the ways to pay that this account has, as far as the request allows them: a filter, not a list."""
    return [kind for kind in ("card", "sepa_debit") if kind in (allowed or ["card"])] or ["card"]


def _simple_values(params: Params, mode: str) -> Params:
    """Return the session's fields that the request gives directly, with their defaults."""
    recovery = (params.get("after_expiration") or {}).get("recovery")
    if recovery:
        recovery = {
            "allow_promotion_codes": recovery.get("allow_promotion_codes", False),
            "enabled": recovery["enabled"],
            "expires_at": None,
            "url": None,
        }
    words = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
    creation = params.get("customer_creation")
    if creation is None and mode != "subscription" and "customer" not in params:
        creation = "if_required"
    return {
        "adaptive_pricing": {"enabled": False} if mode == "payment" else None,
        "after_expiration": {"recovery": recovery} if recovery else None,
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "excluded_payment_method_types": params.get("excluded_payment_method_types"),
        "billing_address_collection": params.get("billing_address_collection"),
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "custom_fields": [],
        "custom_text": dict.fromkeys(words) | (params.get("custom_text") or {}),
        "customer_creation": "always" if mode == "subscription" and "customer" not in params else creation,
        "customer_email": params.get("customer_email"),
        "livemode": False,
        "locale": params.get("locale"),
        "metadata": merged_metadata({}, params.get("metadata", {})),
        "mode": mode,
        "payment_method_collection": params.get(
            "payment_method_collection", "always" if mode == "subscription" else "if_required"
        ),
        "payment_method_options": {
            "card": {"request_three_d_secure": "automatic"}
            | (params.get("payment_method_options") or {}).get("card", {})
        },
        "payment_method_types": _eligible(params.get("allowed_payment_method_types")),
        "payment_status": "no_payment_required" if mode == "setup" else "unpaid",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "submit_type": params.get("submit_type"),
        "success_url": params.get("success_url"),
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0} if mode != "setup" else None,
        "ui_mode": params.get("ui_mode", "hosted_page"),
        "wallet_options": params.get("wallet_options"),
    }


def _customer_details(email: str | None) -> Params:
    names = ("address", "business_name", "individual_name", "name", "phone", "tax_ids")
    return dict.fromkeys(names) | {"email": email, "tax_exempt": "none"}


def _line_item(world: World, item: Params, where: str, mode: str) -> Thing:
    price = subscription_items.price_of(world, item, where)
    if price["type"] == "recurring" and mode == "payment":
        raise invalid(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use"
            " only one-time prices.",
            param=where,
        )
    product = catalogue.retrieve_product(world, {}, price["product"])
    quantity = item.get("quantity", 1)
    amount = price["unit_amount"] * quantity
    return complete(
        "item",
        id=new_id("item"),
        amount_discount=0,
        amount_subtotal=amount,
        amount_tax=0,
        amount_total=amount,
        currency=price["currency"],
        description=product["name"],
        metadata=item.get("metadata") or {},
        price=present(world, price),
        quantity=quantity,
    )


def _total(params: Params, items: list[Thing], mode: str) -> tuple[str | None, int | None]:
    if mode == "setup":
        return (check_currency(params["currency"]) if "currency" in params else None), None
    currencies = {item["currency"] for item in items} | (
        {params["currency"].lower()} if "currency" in params else set()
    )
    if len(currencies) > 1:
        raise invalid("All line items must have the same currency.", param="line_items")
    recurring = [item for item in items if item["price"]["type"] == "recurring"]
    if mode == "subscription" and not recurring:
        raise invalid(
            "You must provide at least one recurring price in `subscription` mode when using prices.",
            param="line_items",
        )
    if mode == "subscription" and len(recurring) != len(items):
        raise invalid("The sandbox does not simulate one-time prices in `subscription` mode.", param="line_items")
    total = sum(item["amount_total"] for item in items)
    check_amount(total, items[0]["currency"], param="line_items", subject="The Checkout Session's total amount due")
    return items[0]["currency"], total


def retrieve(world: World, params: Params, session: str) -> Thing:
    """Return a session."""
    return world.fetch("checkout.session", session)


def update(world: World, params: Params, session: str) -> Thing:
    """Change a session's metadata."""
    thing = world.fetch("checkout.session", session)
    for name in set(params) - {"metadata", "expand"}:
        raise invalid(f"The sandbox updates only the metadata of a session, not {name}.", param=name)
    return events.update(world, thing, None, metadata=merged_metadata(thing["metadata"], params.get("metadata", {})))


def list_all(world: World, params: Params) -> Thing:
    """Return a page of sessions."""
    filters = listing.equal_to(params, "customer", "payment_intent", "status", "subscription")
    if "customer_details" in params:
        filters["customer_details__email"] = params["customer_details"]["email"]
    return listing.page(world, "checkout.session", params, "/v1/checkout/sessions", **filters)


def list_line_items(world: World, params: Params, session: str) -> Thing:
    """Return what a session sells."""
    thing = world.fetch("checkout.session", session)
    return list_object(f"/v1/checkout/sessions/{session}/line_items", thing["_line_items"])


def expire(world: World, params: Params, session: str) -> Thing:
    """End an open session on request."""
    thing = world.fetch("checkout.session", session)
    if thing["status"] != "open":
        raise invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of'
            f" {thing['status']}.",
            param="session",
        )
    return close(world, thing)


def close(world: World, session: Thing) -> Thing:
    """End an open session, and make the link that recovers it when one was asked for."""
    if session["status"] != "open":
        return session
    after = session["after_expiration"]
    if after and after["recovery"] and after["recovery"]["enabled"]:
        token = random_text(40)
        recovery = after["recovery"] | {
            "expires_at": int(time.time()) + RECOVERY_DAYS * DAY,
            "url": f"{world.base_url}/r/{token}",
        }
        events.update(world, session, None, after_expiration={"recovery": recovery}, _recovery=token)
    if session["setup_intent"]:
        intent = world.fetch("setup_intent", session["setup_intent"])
        if intent["status"] in setup_intents.CANCELABLE:
            setup_intents.cancel(world, {"cancellation_reason": "abandoned"}, intent["id"])
    if session.get("_intent"):
        payment = world.fetch("payment_intent", session["_intent"])
        if payment["status"] in payment_intents.CANCELABLE:
            payment_intents.abandon(world, payment, "expired")
    world.unschedule("expire_session", session)
    events.update(world, session, None, status="expired", url=None)
    events.emit(world, "checkout.session.expired", session)
    return session


def recover(world: World, token: str) -> Thing | None:
    """Return a fresh session with the content of an expired one, for its recovery link."""
    rows = world.store.select("checkout.session", _recovery=token)
    if not rows or rows[0]["after_expiration"]["recovery"]["expires_at"] < time.time():
        return None
    old = rows[0]
    again = world.store.select("checkout.session", recovered_from=old["id"], status="open")
    if again:
        return again[0]
    now = int(time.time())
    session_id = new_id("checkout.session")
    session = old | {
        "id": session_id,
        "created": now,
        "expires_at": now + DAY,
        "status": "open",
        "url": f"/c/pay/{session_id}",
        "payment_intent": None,
        "recovered_from": old["id"],
        "_path": f"/c/pay/{session_id}",
        "_offset": world.offset(),
        "_deadline": now + DAY + world.offset(),
        "_recovery": None,
    }
    world.store.put(session)
    world.schedule(session["_deadline"], "expire_session", session)
    return session


def return_address(session: Thing) -> str:
    """Return where the reader goes after success, with the session's id filled in."""
    return re.sub(r"\{CHECKOUT_SESSION_ID\}", quote(session["id"]), session["success_url"] or "")
