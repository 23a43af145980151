"""Refunds, whole and partial."""

from typing import Any

from sandbox.stripe import balance, events, listing, payment_methods
from sandbox.stripe.errors import invalid, not_simulated
from sandbox.stripe.ids import new_id, random_text
from sandbox.stripe.money import shown
from sandbox.stripe.rules import merged_metadata
from sandbox.stripe.shapes import Thing, complete
from sandbox.stripe.world import World

Params = dict[str, Any]

DAY = 86_400
# How long the bank takes over a refund that does not succeed at once.
SETTLEMENT_DAYS = 3
OPEN_DISPUTE = ("needs_response", "under_review", "warning_needs_response", "warning_under_review", "lost")


def create(world: World, params: Params) -> Thing:
    """Return money of a charge, the rest of it or a part."""
    for name in ("reverse_transfer", "refund_application_fee", "origin", "instructions_email"):
        if params.get(name):
            raise not_simulated(name)
    charge = _charge(world, params)
    left = refundable(world, charge)
    if not charge["captured"] or charge["status"] != "succeeded":
        raise invalid(
            f"Charge {charge['id']} is not refundable: it has no money that was captured.",
            code="charge_not_refundable",
        )
    if left == 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if any(row["status"] in OPEN_DISPUTE for row in world.store.select("dispute", charge=charge["id"])):
        raise invalid(f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed")
    amount = params.get("amount", left)
    if amount <= 0:
        raise invalid(f"Invalid positive integer: {amount}", param="amount", code="parameter_invalid_integer")
    if amount > left:
        raise invalid(
            f"Refund amount ({shown(amount, charge['currency'])}) is greater than unrefunded amount on charge"
            f" ({shown(left, charge['currency'])})",
            param="amount",
        )
    metadata = merged_metadata({}, params.get("metadata", {}))
    return pay_back(world, charge, amount, reason=params.get("reason"), metadata=metadata)


def _charge(world: World, params: Params) -> Thing:
    if "charge" in params:
        return world.fetch("charge", params["charge"], param="charge")
    if "payment_intent" not in params:
        raise invalid(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
        )
    intent = world.fetch("payment_intent", params["payment_intent"], param="payment_intent")
    if intent["status"] not in ("succeeded", "requires_capture"):
        raise invalid(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.", param="payment_intent"
        )
    return world.fetch("charge", intent["latest_charge"])


def refundable(world: World, charge: Thing) -> int:
    """Return how much of a charge has not been returned."""
    rows = world.store.select("refund", charge=charge["id"])
    return int(charge["amount_captured"]) - sum(
        row["amount"] for row in rows if row["status"] in ("succeeded", "pending")
    )


def pay_back(
    world: World, charge: Thing, amount: int, *, reason: str | None = None, metadata: dict[str, str] | None = None
) -> Thing:
    """Return money of a captured charge."""
    method = world.store.get(charge["payment_method"])
    behaviour = payment_methods.card_of(method).refund if method and method["type"] == "card" else ""
    refund = _build(world, charge, amount, reason=reason, metadata=metadata or {})
    refund["status"] = "pending" if behaviour == "pending" else "succeeded"
    movement = balance.move(
        world,
        kind="refund" if charge["payment_method_details"]["type"] == "card" else "payment_refund",
        amount=-amount,
        currency=charge["currency"],
        source=refund["id"],
        reporting_category="refund",
        description=f"REFUND FOR CHARGE ({charge['description']})",
    )
    refund["balance_transaction"] = movement["id"]
    events.save(world, refund, "refund.created")
    returned = charge["amount_refunded"] + amount
    events.update(world, charge, "charge.refunded", amount_refunded=returned, refunded=refundable(world, charge) == 0)
    if behaviour:
        world.schedule(world.now() + SETTLEMENT_DAYS * DAY, "settle_refund", refund)
    return refund


def release(world: World, charge: Thing, *, reason: str | None) -> Thing:
    """Give back an authorisation that was never captured. No money moves."""
    refund = _build(world, charge, charge["amount"], reason=reason, metadata={})
    refund["status"] = "succeeded"
    events.save(world, refund, "refund.created")
    events.update(world, charge, None, amount_refunded=charge["amount"], refunded=True)
    events.emit(world, "charge.expired" if reason else "charge.refunded", charge)
    return refund


def _build(world: World, charge: Thing, amount: int, *, reason: str | None, metadata: dict[str, str]) -> Thing:
    kind = charge["payment_method_details"]["type"]
    card = {
        "reference": random_text(16),
        "reference_status": "pending",
        "reference_type": "acquirer_reference_number",
        "type": "refund",
    }
    return complete(
        "refund",
        id=new_id("refund"),
        amount=amount,
        charge=charge["id"],
        created=world.now(),
        currency=charge["currency"],
        customer=charge["customer"],
        destination_details={"card": card, "type": "card"} if kind == "card" else {"type": kind},
        metadata=metadata,
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
        reason=reason,
    )


def settle(world: World, refund: Thing) -> Thing:
    """Write down the bank's late answer to a refund."""
    method = world.store.get(refund["payment_method"])
    fails = bool(method) and payment_methods.card_of(method or {}).refund == "failed"
    if fails:
        return fail(world, refund)
    if refund["status"] != "succeeded":
        events.update(world, refund, None, status="succeeded", pending_reason=None)
        _tell_change(world, refund)
    return refund


def _tell_change(world: World, refund: Thing) -> None:
    for kind in ("refund.updated", "charge.refund.updated"):
        events.emit(world, kind, refund)


def fail(world: World, refund: Thing) -> Thing:
    """Take a refund back because the bank could not deliver it: the money is in the account again."""
    charge = world.fetch("charge", refund["charge"])
    movement = balance.move(
        world,
        kind="refund_failure",
        amount=refund["amount"],
        currency=refund["currency"],
        source=refund["id"],
        reporting_category="refund_failure",
        description="REFUND FAILURE",
    )
    changes: Params = {"status": "failed", "failure_reason": "expired_or_canceled_card"}
    events.update(world, refund, None, failure_balance_transaction=movement["id"], **changes)
    returned = charge["amount_refunded"] - refund["amount"]
    events.update(world, charge, "charge.updated", amount_refunded=returned, refunded=False)
    _tell_change(world, refund)
    events.emit(world, "refund.failed", refund)
    return refund


def retrieve(world: World, params: Params, refund: str) -> Thing:
    """Return a refund."""
    return world.fetch("refund", refund)


def update(world: World, params: Params, refund: str) -> Thing:
    """Change a refund's metadata."""
    thing = world.fetch("refund", refund)
    metadata = merged_metadata(thing["metadata"], params.get("metadata", {}))
    return events.update(world, thing, "refund.updated", metadata=metadata)


def list_all(world: World, params: Params) -> Thing:
    """Return a page of refunds."""
    filters = listing.equal_to(params, "charge", "payment_intent")
    return listing.page(world, "refund", params, "/v1/refunds", **filters)
