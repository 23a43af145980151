"""Pay a Checkout Session, as its hosted page does for a reader."""

from dataclasses import dataclass
from typing import Any

from sandbox.stripe import billing, customers, events, payment_intents, payment_methods, setup_intents, subscriptions
from sandbox.stripe.errors import card_error, invalid
from sandbox.stripe.payment_methods import NO_ADDRESS
from sandbox.stripe.rules import merged_metadata
from sandbox.stripe.shapes import Thing
from sandbox.stripe.world import World


@dataclass(frozen=True)
class Payer:
    """What a reader types into the hosted page."""

    kind: str = "card"
    number: str = ""
    exp_month: int = 12
    exp_year: int = 34
    cvc: str = "123"
    iban: str = ""
    name: str = ""
    email: str = ""
    # The country of the card where it should differ from what its number says.
    country: str = ""


def pay(world: World, session: Thing, payer: Payer) -> Thing:
    """Try to pay an open session, and return its intent.

    The intent's status `requires_action` asks for 3-D Secure; any other means that the session is complete.
    Raises the card error that the page shows beside its form; the session then stays open.
    """
    if session["status"] != "open":
        raise invalid(f"This Checkout Session is {session['status']}.", code="checkout_session_not_open")
    if payer.kind not in session["payment_method_types"]:
        raise invalid(f"This Checkout Session does not take {payer.kind}.", param="payment_method_type")
    email = fixed_email(world, session) or payer.email
    if not email:
        raise invalid("Please enter your email address.", param="email", code="email_invalid")
    billing_details = payment_methods.billing_details(
        email=email, name=payer.name or None, country=payer.country or None
    )
    with world.clock_of(_customer(world, session)):
        if payer.kind == "sepa_debit":
            method = payment_methods.new_sepa_debit(world, iban=payer.iban, billing=billing_details)
        else:
            method = payment_methods.new_card(
                world,
                number=payer.number,
                exp_month=payer.exp_month,
                exp_year=payer.exp_year,
                cvc=payer.cvc,
                country=payer.country or None,
                billing=billing_details,
            )
        events.update(
            world, session, None, _payer={"email": email, "name": payer.name or None, "country": payer.country or None}
        )
        if session["mode"] == "setup":
            intent = world.fetch("setup_intent", session["setup_intent"])
            setup_intents.attempt(world, intent, method)
        else:
            intent = _payment_intent(world, session)
            payment_intents.attempt(world, intent, method)
        return conclude(world, session, intent)


def fixed_email(world: World, session: Thing) -> str | None:
    """Return the email address that the reader cannot change."""
    if session["customer_email"]:
        return str(session["customer_email"])
    customer = _customer(world, session)
    return customer["email"] if customer else None


def _customer(world: World, session: Thing) -> Thing | None:
    return world.store.get(session["customer"]) if session["customer"] else None


def _payment_intent(world: World, session: Thing) -> Thing:
    """Return the intent of a session, made at its first attempt."""
    if session.get("_intent"):
        return world.fetch("payment_intent", session["_intent"])
    data = session["_params"]["payment_intent_data"] or {}
    names: tuple[str, ...] = (
        "capture_method",
        "description",
        "receipt_email",
        "setup_future_usage",
        "shipping",
        "statement_descriptor",
        "statement_descriptor_suffix",
    )
    values: dict[str, Any] = {name: data[name] for name in names if name in data}
    values["payment_method_options"] = session["payment_method_options"]
    if session["mode"] == "subscription":
        values |= {"description": "Subscription creation", "setup_future_usage": "off_session"}
    intent = payment_intents.build(
        world,
        amount=session["amount_total"],
        currency=session["currency"],
        customer=_paying_customer(world, session, data),
        metadata=merged_metadata({}, data.get("metadata", {})),
        payment_method_types=session["payment_method_types"],
        **values,
        _session=session["id"],
    )
    events.save(world, intent, "payment_intent.created")
    visible = intent["id"] if session["mode"] == "payment" else None
    events.update(world, session, None, _intent=intent["id"], payment_intent=visible)
    return intent


def _paying_customer(world: World, session: Thing, data: dict[str, Any]) -> str | None:
    """Return the customer of a session, created now where the session asks for one."""
    if session["customer"]:
        return str(session["customer"])
    if session["customer_creation"] != "always" and not data.get("setup_future_usage"):
        return None
    if not session.get("_customer"):
        payer = session["_payer"]
        address = NO_ADDRESS | {"country": payer["country"]}
        customer = customers.build(world, email=payer["email"], name=payer["name"], address=address)
        events.save(world, customer, "customer.created")
        events.update(world, session, None, _customer=customer["id"])
    return str(session["_customer"])


def conclude(world: World, session: Thing, intent: Thing) -> Thing:
    """Complete a session whose intent went through, or raise the reason why it did not."""
    if intent["status"] == "requires_action":
        return intent
    error = intent["last_setup_error"] if intent["object"] == "setup_intent" else intent["last_payment_error"]
    if error:
        raise card_error(error["message"], code=error["code"], decline_code=error.get("decline_code"))
    _complete(world, session, intent)
    return intent


def _complete(world: World, session: Thing, intent: Thing) -> None:
    payer = session["_payer"]
    method = world.fetch("payment_method", intent["payment_method"])
    changes: dict[str, Any] = {"customer": intent["customer"]}
    if session["mode"] == "setup" and intent["customer"] is None and session["customer_creation"] == "always":
        changes["customer"] = _paying_customer(world, session, {})
        events.update(world, intent, None, customer=changes["customer"])
    saves = session["mode"] != "payment" or intent["setup_future_usage"]
    if changes["customer"] and saves and method["customer"] is None:
        payment_methods.attach(world, {"customer": changes["customer"]}, payment_method=method["id"])
    if session["mode"] == "subscription":
        changes |= _subscribe(world, session, intent, method)
    if session["mode"] != "setup":
        changes["payment_status"] = "paid" if intent["status"] == "succeeded" else "unpaid"
    if saves and method["type"] == "card" and payment_methods.card_of(method).authentication == "setup":
        events.update(world, method, None, _authenticated=True)
    details = {
        "address": NO_ADDRESS | {"country": payer["country"] or (method.get("card") or {}).get("country")},
        "business_name": None,
        "email": payer["email"],
        "individual_name": None,
        "name": payer["name"],
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }
    world.unschedule("expire_session", session)
    events.update(world, session, None, status="complete", url=None, customer_details=details, **changes)
    events.emit(world, "checkout.session.completed", session)


def _subscribe(world: World, session: Thing, intent: Thing, method: Thing) -> dict[str, Any]:
    """Make the subscription of a session whose first payment went through, and its first invoice."""
    data = session["_params"]["subscription_data"] or {}
    customer = world.fetch("customer", intent["customer"])
    prices = [
        (world.fetch("price", item["price"]["id"]), item["quantity"], item["metadata"])
        for item in session["_line_items"]
    ]
    settings = {"payment_method_types": session["payment_method_types"]}
    subscription = subscriptions.build(
        world,
        customer,
        prices,
        status="active",
        default_payment_method=method["id"],
        description=data.get("description"),
        metadata=merged_metadata({}, data.get("metadata", {})),
        payment_settings=subscriptions.payment_settings(settings),
    )
    events.emit(world, "customer.subscription.created", subscription)
    invoice = subscriptions.first_invoice(world, subscription, intent=intent)
    events.update(world, invoice, None, attempted=True, attempt_count=1)
    billing.follow(world, invoice, intent)
    return {"subscription": subscription["id"], "invoice": invoice["id"]}


def authenticate(world: World, session: Thing, *, succeeded: bool) -> Thing:
    """Go on after 3-D Secure. Raises the card error when it failed."""
    with world.clock_of(_customer(world, session)):
        if session["mode"] == "setup":
            intent = world.fetch("setup_intent", session["setup_intent"])
            setup_intents.authenticate(world, intent, succeeded=succeeded)
        else:
            intent = world.fetch("payment_intent", session["_intent"])
            payment_intents.authenticate(world, intent, succeeded=succeeded)
        return conclude(world, session, intent)


def settled(world: World, intent: Thing) -> None:
    """Tell a session how its bank debit ended."""
    session = world.store.get(intent.get("_session") or "")
    if session is None or session["status"] != "complete":
        return
    if intent["status"] == "succeeded":
        events.update(world, session, None, payment_status="paid")
        events.emit(world, "checkout.session.async_payment_succeeded", session)
    else:
        events.emit(world, "checkout.session.async_payment_failed", session)
