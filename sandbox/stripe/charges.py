"""Charges: what an attempt to take money left behind, successful or not."""

from typing import Any

from sandbox.stripe import balance, cards, events, listing, payment_methods
from sandbox.stripe.ids import new_id, random_text
from sandbox.stripe.rules import merged_metadata
from sandbox.stripe.shapes import Thing, complete
from sandbox.stripe.world import World

Params = dict[str, Any]

DESCRIPTOR = "SANDBOX"
DAY = 86_400
AUTHORISATION_DAYS = 7


def build(world: World, intent: Thing, method: Thing, **values: Any) -> Thing:
    """Return a charge for an attempt at a payment intent, not stored yet."""
    suffix = intent["statement_descriptor_suffix"]
    charge_id = new_id("charge")
    defaults: Params = {
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": f"{DESCRIPTOR}* {suffix}"[:22] if suffix else DESCRIPTOR,
        "captured": False,
        "created": world.now(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "fraud_details": {},
        "id": charge_id,
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _method_details(world, intent, method),
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_url": f"{world.base_url}/receipts/{charge_id}",
        "refunded": False,
        "shipping": intent["shipping"],
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": suffix,
        "status": "pending",
    }
    return complete("charge", **(defaults | values))


def _method_details(world: World, intent: Thing, method: Thing) -> Thing:
    if method["type"] == "sepa_debit":
        shown = method["sepa_debit"]
        names = ("bank_code", "branch_code", "country", "fingerprint", "last4")
        details = {name: shown[name] for name in names} | {
            "expected_debit_date": None,
            "mandate": _mandate(world, method),
        }
        return {"sepa_debit": details, "type": "sepa_debit"}
    card = method["card"]
    checks = {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"}
    manual = is_only_reserved(intent)
    details = {
        "amount_authorized": intent["amount"],
        "authorization_code": random_text(6),
        "brand": card["brand"],
        "checks": checks,
        "country": card["country"],
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": random_text(15),
        "overcapture": {"maximum_amount_capturable": intent["amount"], "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": None,
        "wallet": None,
    }
    if manual:
        details["capture_before"] = world.now() + AUTHORISATION_DAYS * DAY
    return {"card": details, "type": "card"}


def _mandate(world: World, method: Thing) -> str:
    """Return the id of the mandate under which a bank account is debited, made at its first use."""
    if "_mandate" not in method:
        reference = random_text(10).upper()
        mandate = complete(
            "mandate",
            id=new_id("mandate"),
            customer_acceptance={
                "accepted_at": world.now(),
                "online": {"ip_address": "127.0.0.1", "user_agent": "sandbox"},
                "type": "online",
            },
            livemode=False,
            multi_use={},
            payment_method=method["id"],
            payment_method_details={
                "sepa_debit": {"reference": reference, "url": f"{world.base_url}/mandates/{reference}"},
                "type": "sepa_debit",
            },
            status="active",
            type="multi_use",
        )
        events.update(world, method, None, _mandate=world.store.put(mandate)["id"])
    return str(method["_mandate"])


def retrieve_mandate(world: World, params: Params, mandate: str) -> Thing:
    """Return a mandate."""
    return world.fetch("mandate", mandate)


def is_only_reserved(intent: Thing) -> bool:
    """Say whether a card is only authorised: asked for every method, or for cards among several methods."""
    for_cards = (intent["payment_method_options"] or {}).get("card") or {}
    return "manual" in (intent["capture_method"], for_cards.get("capture_method"))


def succeed(world: World, intent: Thing, method: Thing, *, three_d_secure: bool = False) -> Thing:
    """Record an accepted card charge: captured at once, or only authorised for a manual capture."""
    manual = is_only_reserved(intent)
    risk = payment_methods.card_of(method).risk
    charge = build(
        world,
        intent,
        method,
        amount_captured=0 if manual else intent["amount"],
        captured=not manual,
        outcome=_outcome("authorized", risk, network="approved_by_network", words="Payment complete."),
        paid=True,
        status="succeeded",
    )
    if three_d_secure:
        charge["payment_method_details"]["card"]["three_d_secure"] = {
            "authentication_flow": "challenge",
            "electronic_commerce_indicator": "05",
            "exemption_indicator": None,
            "result": "authenticated",
            "result_reason": None,
            "transaction_id": random_text(32),
            "version": "2.2.0",
        }
    events.save(world, charge, "charge.succeeded")
    if not manual:
        book(world, charge, intent["amount"])
    return charge


def book(world: World, charge: Thing, amount: int) -> None:
    """Move the money of a captured charge. As at Stripe, the movement follows a moment after the charge."""
    movement = balance.charge_movement(world, charge, amount)
    events.update(world, charge, "charge.updated", balance_transaction=movement["id"])
    card = charge["payment_method_details"]["type"] == "card"
    method = world.store.get(charge["payment_method"])
    if method is None:
        return
    source = payment_methods.card_of(method) if card else payment_methods.account_of(method)
    if source.dispute:
        world.schedule(world.now() + DAY, "dispute_charge", charge)


def pending(world: World, intent: Thing, method: Thing) -> Thing:
    """Record a bank debit that was sent and not answered yet."""
    charge = build(
        world,
        intent,
        method,
        outcome=_outcome("authorized", "not_assessed", network="approved_by_network", words="Payment complete."),
        status="pending",
    )
    return events.save(world, charge, "charge.pending")


def fail(world: World, intent: Thing, method: Thing, decline: str) -> Thing:
    """Record a refused charge."""
    code, decline_code, words = cards.DECLINES[decline]
    risk = payment_methods.card_of(method).risk
    blocked = risk == "highest"
    charge = build(
        world,
        intent,
        method,
        failure_code=code,
        failure_message=words,
        outcome=_outcome(
            "blocked" if blocked else "issuer_declined",
            risk,
            network="not_sent_to_network" if blocked else "declined_by_network",
            reason="highest_risk_level" if blocked else decline_code,
            words="Stripe blocked this payment as too risky."
            if blocked
            else "The bank did not return any further details with this decline.",
        ),
        status="failed",
    )
    return events.save(world, charge, "charge.failed")


def _outcome(kind: str, risk: str, *, network: str, words: str, reason: str | None = None) -> Thing:
    score = {"normal": 20, "elevated": 65, "highest": 90}.get(risk)
    outcome: Thing = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": "01" if network == "declined_by_network" else None,
        "network_status": network,
        "reason": reason,
        "risk_level": risk,
        "seller_message": words,
        "type": kind,
    }
    if score is not None:
        outcome["risk_score"] = score
    return outcome


def retrieve(world: World, params: Params, charge: str) -> Thing:
    """Return a charge."""
    return world.fetch("charge", charge)


def update(world: World, params: Params, charge: str) -> Thing:
    """Change a charge's words."""
    thing = world.fetch("charge", charge)
    changes: Params = {name: params[name] for name in ("description", "receipt_email") if name in params}
    if "metadata" in params:
        changes["metadata"] = merged_metadata(thing["metadata"], params["metadata"])
    return events.update(world, thing, "charge.updated", **changes)


def list_all(world: World, params: Params) -> Thing:
    """Return a page of charges."""
    filters = listing.equal_to(params, "customer", "payment_intent")
    return listing.page(world, "charge", params, "/v1/charges", **filters)
