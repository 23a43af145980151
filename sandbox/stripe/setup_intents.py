"""Setup intents: a payment method saved for later, without a payment."""

from typing import Any

from sandbox.stripe import cards, events, listing, payment_intents, payment_methods
from sandbox.stripe.errors import card_error, invalid
from sandbox.stripe.ids import client_secret, new_id
from sandbox.stripe.presenting import present
from sandbox.stripe.rules import merged_metadata
from sandbox.stripe.shapes import Thing, complete
from sandbox.stripe.world import World

Params = dict[str, Any]

CANCELABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


def build(world: World, **values: Any) -> Thing:
    """Return a setup intent that is not stored yet."""
    intent_id = new_id("setup_intent")
    defaults: Params = {
        "client_secret": client_secret(intent_id),
        "created": world.now(),
        "id": intent_id,
        "livemode": False,
        "metadata": {},
        "payment_method_options": {
            "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
        },
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
        "usage": "off_session",
    }
    return complete("setup_intent", **(defaults | values))


def attempt(world: World, intent: Thing, method: Thing, *, authenticated: bool = False) -> Thing:
    """Try to save a payment method; the intent's status tells how it ended."""
    events.update(world, intent, None, payment_method=method["id"], last_setup_error=None, next_action=None)
    if method["type"] == "card":
        card = payment_methods.card_of(method)
        if card.authentication and not authenticated:
            action = {
                "redirect_to_url": {
                    "return_url": intent.get("_return_url"),
                    "url": f"{world.base_url}/c/authenticate/{intent['id']}",
                },
                "type": "redirect_to_url",
            }
            events.update(world, intent, None, status="requires_action", next_action=action)
            events.emit(world, "setup_intent.requires_action", intent)
            return intent
        if card.decline and not card.attaches:
            code, decline_code, words = cards.DECLINES[card.decline]
            error = {"code": code, "decline_code": decline_code, "message": words, "type": "card_error"}
            return _refuse(world, intent, method, error)
    events.update(world, method, None, _authenticated=True)
    if intent["customer"]:
        payment_methods.attach(world, {"customer": intent["customer"]}, payment_method=method["id"])
    events.update(world, intent, None, status="succeeded")
    events.emit(world, "setup_intent.succeeded", intent)
    return intent


def _refuse(world: World, intent: Thing, method: Thing, error: Thing) -> Thing:
    events.update(
        world,
        intent,
        None,
        status="requires_payment_method",
        last_setup_error=error | {"payment_method": present(world, method)},
        next_action=None,
        payment_method=None,
    )
    events.emit(world, "setup_intent.setup_failed", intent)
    return intent


def authenticate(world: World, intent: Thing, *, succeeded: bool) -> Thing:
    """Go on after the card's holder confirmed with the bank, or did not."""
    method = world.fetch("payment_method", intent["payment_method"])
    if succeeded:
        return attempt(world, intent, method, authenticated=True)
    error = {
        "code": "setup_intent_authentication_failure",
        "message": payment_intents.AUTHENTICATION_FAILED,
        "type": "invalid_request_error",
    }
    return _refuse(world, intent, method, error)


def create(world: World, params: Params) -> Thing:
    """Create a setup intent, and confirm it at once when asked."""
    if "customer" in params:
        world.fetch("customer", params["customer"], param="customer")
    names = ("allowed_payment_method_types", "customer", "description", "usage")
    values = {name: params[name] for name in names if name in params}
    intent = build(world, payment_method_types=payment_methods.offered(params, None), **values)
    intent["metadata"] = merged_metadata({}, params.get("metadata", {}))
    intent["_return_url"] = params.get("return_url")
    if "payment_method" in params:
        method = payment_methods.resolve(world, params["payment_method"])
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    events.save(world, intent, "setup_intent.created")
    return confirm(world, params, intent["id"]) if params.get("confirm") else intent


def confirm(world: World, params: Params, intent: str) -> Thing:
    """Try to save the payment method."""
    thing = world.fetch("setup_intent", intent)
    if thing["status"] not in CANCELABLE:
        raise _unexpected(world, thing, "confirm")
    chosen = params.get("payment_method") or thing["payment_method"]
    if not chosen:
        raise invalid(
            "You cannot confirm this SetupIntent because it's missing a payment method.", param="payment_method"
        )
    attempt(world, thing, payment_methods.resolve(world, chosen))
    error = thing["last_setup_error"]
    if error:
        code, decline_code = error["code"], error.get("decline_code")
        raise card_error(error["message"], code=code, decline_code=decline_code, setup_intent=present(world, thing))
    return thing


def cancel(world: World, params: Params, intent: str) -> Thing:
    """Give up saving a payment method."""
    thing = world.fetch("setup_intent", intent)
    if thing["status"] not in CANCELABLE:
        raise _unexpected(world, thing, "cancel")
    reason = params.get("cancellation_reason")
    events.update(world, thing, None, status="canceled", cancellation_reason=reason, next_action=None)
    events.emit(world, "setup_intent.canceled", thing)
    return thing


def _unexpected(world: World, intent: Thing, verb: str) -> Exception:
    return invalid(
        f"You cannot {verb} this SetupIntent because it has a status of {intent['status']}.",
        code="setup_intent_unexpected_state",
        setup_intent=present(world, intent),
    )


def retrieve(world: World, params: Params, intent: str) -> Thing:
    """Return a setup intent."""
    return world.fetch("setup_intent", intent)


def update(world: World, params: Params, intent: str) -> Thing:
    """Change a setup intent's words."""
    thing = world.fetch("setup_intent", intent)
    changes: Params = {name: params[name] for name in ("customer", "description") if name in params}
    if "metadata" in params:
        changes["metadata"] = merged_metadata(thing["metadata"], params["metadata"])
    return events.update(world, thing, None, **changes)


def list_all(world: World, params: Params) -> Thing:
    """Return a page of setup intents."""
    filters = listing.equal_to(params, "customer", "payment_method")
    return listing.page(world, "setup_intent", params, "/v1/setup_intents", **filters)
