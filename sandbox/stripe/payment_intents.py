"""Payment intents: one payment, from the first attempt until it succeeded or was given up."""

from typing import Any

from sandbox.stripe import cards, charges, events, listing, payment_methods, refunds
from sandbox.stripe.errors import ApiError, card_error, invalid, not_simulated
from sandbox.stripe.ids import client_secret, new_id
from sandbox.stripe.money import check_amount, check_currency
from sandbox.stripe.presenting import present
from sandbox.stripe.rules import merged_metadata
from sandbox.stripe.shapes import Thing, complete
from sandbox.stripe.world import World

Params = dict[str, Any]

DAY = 86_400
# How long a bank debit stays unanswered on the sandbox's clock.
DEBIT_DAYS = 5
CANCELABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action")
AUTHENTICATION_FAILED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)


def build(world: World, *, amount: int, currency: str, **values: Any) -> Thing:
    """Return a payment intent that is not stored yet."""
    intent_id = new_id("payment_intent")
    defaults: Params = {
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic_async",
        "client_secret": client_secret(intent_id),
        "confirmation_method": "automatic",
        "created": world.now(),
        "currency": currency,
        "id": intent_id,
        "livemode": False,
        "metadata": {},
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    }
    return complete("payment_intent", **(defaults | values))


def attempt(
    world: World,
    intent: Thing,
    method: Thing,
    *,
    off_session: bool = False,
    authenticated: bool = False,
    forced_decline: str = "",
) -> Thing:
    """Try to take the money, and return the intent as the attempt left it: its status tells how it ended."""
    events.update(world, intent, None, payment_method=method["id"], last_payment_error=None, next_action=None)
    if method["type"] == "sepa_debit":
        charge = charges.pending(world, intent, method)
        events.update(world, intent, "payment_intent.processing", status="processing", latest_charge=charge["id"])
        world.schedule(world.now() + DEBIT_DAYS * DAY, "settle_debit", intent)
        return intent
    decline = forced_decline or _decline(world, method, off_session=off_session, authenticated=authenticated)
    if decline == "authenticate":
        action = {
            "redirect_to_url": {
                "return_url": intent.get("_return_url"),
                "url": f"{world.base_url}/c/authenticate/{intent['id']}",
            },
            "type": "redirect_to_url",
        }
        events.update(world, intent, None, status="requires_action", next_action=action)
        events.emit(world, "payment_intent.requires_action", intent)
        return intent
    if decline:
        charge = charges.fail(world, intent, method, decline)
        return refuse(world, intent, method, decline_error(charge, decline), charge)
    charge = charges.succeed(world, intent, method, three_d_secure=authenticated)
    if charges.is_only_reserved(intent):
        changes: Params = {"status": "requires_capture", "amount_capturable": intent["amount"]}
        events.update(world, intent, None, latest_charge=charge["id"], **changes)
        events.emit(world, "payment_intent.amount_capturable_updated", intent)
        world.schedule(world.now() + charges.AUTHORISATION_DAYS * DAY, "expire_authorisation", intent)
        return intent
    received: Params = {"status": "succeeded", "amount_received": intent["amount"], "latest_charge": charge["id"]}
    events.update(world, intent, None, **received)
    events.emit(world, "payment_intent.succeeded", intent)
    return intent


def _decline(world: World, method: Thing, *, off_session: bool, authenticated: bool) -> str:
    """Return why a card is refused: empty for success, `authenticate` when its holder must confirm first."""
    card = payment_methods.card_of(method)
    known = card.authentication == "setup" and method.get("_authenticated")
    if card.authentication and not authenticated and not known:
        return "authentication_required" if off_session else "authenticate"
    return "expired_card" if payment_methods.is_expired(world, method) else card.decline


def decline_error(charge: Thing, decline: str) -> Thing:
    """Return a decline in the shape of `last_payment_error`."""
    code, decline_code, words = cards.DECLINES[decline]
    return {
        "charge": charge["id"],
        "code": code,
        "decline_code": decline_code,
        "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
        "message": words,
        "type": "card_error",
    }


def refuse(world: World, intent: Thing, method: Thing, error: Thing, charge: Thing | None = None) -> Thing:
    """Write down that an attempt failed; the intent waits for another payment method."""
    latest = charge["id"] if charge else intent["latest_charge"]
    events.update(
        world,
        intent,
        None,
        status="requires_payment_method",
        last_payment_error=error | {"payment_method": present(world, method)},
        latest_charge=latest,
        next_action=None,
        payment_method=None,
    )
    events.emit(world, "payment_intent.payment_failed", intent)
    return intent


def authenticate(world: World, intent: Thing, *, succeeded: bool) -> Thing:
    """Go on after the card's holder confirmed the payment with the bank, or did not."""
    method = world.fetch("payment_method", intent["payment_method"])
    if succeeded:
        events.update(world, method, None, _authenticated=True)
        return attempt(world, intent, method, authenticated=True)
    error = {
        "code": "payment_intent_authentication_failure",
        "doc_url": "https://stripe.com/docs/error-codes/payment-intent-authentication-failure",
        "message": AUTHENTICATION_FAILED,
        "type": "invalid_request_error",
    }
    return refuse(world, intent, method, error)


def settle(world: World, intent: Thing, *, failure: str = "") -> Thing:
    """Write down the bank's answer to a debit."""
    charge = world.fetch("charge", intent["latest_charge"])
    method = world.fetch("payment_method", intent["payment_method"])
    if failure:
        words = "The customer's bank refused the debit."
        events.update(world, charge, None, status="failed", failure_code=failure, failure_message=words)
        events.emit(world, "charge.failed", charge)
        error = {"charge": charge["id"], "code": failure, "message": words, "type": "card_error"}
        return refuse(world, intent, method, error, charge)
    amount = intent["amount"]
    events.update(world, charge, None, status="succeeded", paid=True, captured=True, amount_captured=amount)
    events.emit(world, "charge.succeeded", charge)
    charges.book(world, charge, amount)
    events.update(world, intent, None, status="succeeded", amount_received=amount)
    events.emit(world, "payment_intent.succeeded", intent)
    return intent


def create(world: World, params: Params) -> Thing:
    """Create a payment intent, and confirm it at once when asked."""
    for name in ("application_fee_amount", "transfer_data", "on_behalf_of", "amount_details", "payment_method_data"):
        if name in params:
            raise not_simulated(name)
    currency = check_currency(params["currency"])
    check_amount(params["amount"], currency)
    if "customer" in params:
        world.fetch("customer", params["customer"], param="customer")
    copied: tuple[str, ...] = (
        "capture_method",
        "customer",
        "description",
        "receipt_email",
        "setup_future_usage",
        "shipping",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "allowed_payment_method_types",
        "transfer_group",
    )
    values = {name: params[name] for name in copied if name in params}
    values["automatic_payment_methods"] = {"allow_redirects": "always", "enabled": True}
    values["payment_method_types"] = payment_methods.offered(params, currency)
    intent = build(world, amount=params["amount"], currency=currency, **values)
    intent["metadata"] = merged_metadata({}, params.get("metadata", {}))
    intent["_return_url"] = params.get("return_url")
    if "payment_method" in params:
        method = payment_methods.resolve(world, params["payment_method"])
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    events.save(world, intent, "payment_intent.created")
    if params.get("confirm"):
        return _confirm(world, intent, params)
    return intent


def confirm(world: World, params: Params, intent: str) -> Thing:
    """Try to take the money."""
    thing = world.fetch("payment_intent", intent)
    if thing["status"] not in ("requires_payment_method", "requires_confirmation", "requires_action"):
        raise unexpected_state(world, thing, "confirm")
    return _confirm(world, thing, params)


def _confirm(world: World, intent: Thing, params: Params) -> Thing:
    chosen = params.get("payment_method") or intent["payment_method"]
    if not chosen:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the"
            " PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a"
            " payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
        )
    method = payment_methods.resolve(world, chosen)
    attempt(world, intent, method, off_session=bool(params.get("off_session")))
    if intent["last_payment_error"]:
        raise declined(world, intent)
    if params.get("error_on_requires_action") and intent["status"] == "requires_action":
        code, decline_code, words = cards.DECLINES["authentication_required"]
        raise card_error(words, code=code, decline_code=decline_code, payment_intent=present(world, intent))
    return intent


def declined(world: World, intent: Thing) -> ApiError:
    """Return the 402 answer that belongs to an intent's last error."""
    error = dict(intent["last_payment_error"])
    message, code = error.pop("message"), error.pop("code")
    error.pop("type"), error.pop("doc_url", None)
    return card_error(message, code=code, payment_intent=present(world, intent), **error)


def unexpected_state(world: World, intent: Thing, verb: str) -> ApiError:
    """Return the refusal of an action that the intent's status does not allow."""
    return invalid(
        f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}.",
        code="payment_intent_unexpected_state",
        payment_intent=present(world, intent),
    )


def capture(world: World, params: Params, intent: str) -> Thing:
    """Take the money of an authorised payment, all of it or less."""
    thing = world.fetch("payment_intent", intent)
    if thing["status"] != "requires_capture":
        raise invalid(
            f"This PaymentIntent could not be captured because it has a status of {thing['status']}. Only a"
            " PaymentIntent with one of the following statuses may be captured: requires_capture.",
            code="payment_intent_unexpected_state",
            payment_intent=present(world, thing),
        )
    amount = int(params.get("amount_to_capture") or thing["amount_capturable"])
    if not 0 < amount <= thing["amount_capturable"]:
        raise invalid(
            "The requested capture amount is greater than the amount you can capture for this charge.",
            param="amount_to_capture",
            code="amount_too_large",
        )
    charge = world.fetch("charge", thing["latest_charge"])
    released = charge["amount"] - amount
    events.update(world, charge, None, captured=True, amount_captured=amount, amount_refunded=released)
    charges.book(world, charge, amount)
    events.emit(world, "charge.captured", charge)
    world.unschedule("expire_authorisation", thing)
    events.update(world, thing, None, status="succeeded", amount_capturable=0, amount_received=amount)
    events.emit(world, "payment_intent.succeeded", thing)
    for session in world.store.select("checkout.session", payment_intent=thing["id"]):
        events.update(world, session, None, payment_status="paid")
    return thing


def cancel(world: World, params: Params, intent: str) -> Thing:
    """Give up a payment that has not been taken."""
    thing = world.fetch("payment_intent", intent)
    if thing["status"] not in CANCELABLE:
        raise invalid(
            f"You cannot cancel this PaymentIntent because it has a status of {thing['status']}. Only a PaymentIntent"
            f" with one of the following statuses may be canceled: {', '.join(CANCELABLE)}.",
            code="payment_intent_unexpected_state",
            payment_intent=present(world, thing),
        )
    return abandon(world, thing, params.get("cancellation_reason"))


def abandon(world: World, intent: Thing, reason: str | None) -> Thing:
    """Cancel an intent and release what its card had authorised."""
    if intent["status"] == "requires_capture":
        charge = world.fetch("charge", intent["latest_charge"])
        expired = "expired_uncaptured_charge" if reason == "automatic" else None
        refunds.release(world, charge, reason=expired)
    events.update(
        world,
        intent,
        None,
        status="canceled",
        amount_capturable=0,
        canceled_at=world.now(),
        cancellation_reason=reason,
        next_action=None,
    )
    events.emit(world, "payment_intent.canceled", intent)
    return intent


def retrieve(world: World, params: Params, intent: str) -> Thing:
    """Return a payment intent."""
    return world.fetch("payment_intent", intent)


def update(world: World, params: Params, intent: str) -> Thing:
    """Change an intent's words, and its amount while nothing was taken."""
    thing = world.fetch("payment_intent", intent)
    names = ("description", "receipt_email", "setup_future_usage", "statement_descriptor_suffix", "customer")
    changes: Params = {name: params[name] or None for name in names if name in params}
    if "payment_method" in params:
        changes["payment_method"] = payment_methods.resolve(world, params["payment_method"])["id"]
        if thing["status"] == "requires_payment_method":
            changes["status"] = "requires_confirmation"
    if "amount" in params:
        if thing["status"] in ("succeeded", "canceled", "processing", "requires_capture"):
            raise unexpected_state(world, thing, "update the amount of")
        check_amount(params["amount"], thing["currency"])
        changes["amount"] = params["amount"]
    if "metadata" in params:
        changes["metadata"] = merged_metadata(thing["metadata"], params["metadata"])
    return events.update(world, thing, None, **changes)


def list_all(world: World, params: Params) -> Thing:
    """Return a page of payment intents."""
    return listing.page(world, "payment_intent", params, "/v1/payment_intents", **listing.equal_to(params, "customer"))
