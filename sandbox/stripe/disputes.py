"""Disputes: money taken back by the card's bank, and how that ends."""

from typing import Any

from sandbox.stripe import balance, events, listing, money, payment_methods
from sandbox.stripe.errors import invalid
from sandbox.stripe.ids import new_id
from sandbox.stripe.rules import merged_metadata
from sandbox.stripe.shapes import Thing, complete
from sandbox.stripe.world import World

Params = dict[str, Any]

DAY = 86_400
DAYS_TO_ANSWER = 9
OPEN = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")
EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)


def open_by_card(world: World, charge: Thing) -> Thing:
    """Open the dispute that a test card or account is made for."""
    method = world.fetch("payment_method", charge["payment_method"])
    card = method["type"] == "card"
    reason = payment_methods.card_of(method).dispute if card else payment_methods.account_of(method).dispute
    return open_dispute(world, charge, reason=reason or "general")


def open_dispute(world: World, charge: Thing, *, reason: str = "fraudulent") -> Thing:
    """Take the money of a charge back for its holder, with Stripe's fee, until the dispute is decided."""
    if charge["disputed"]:
        raise invalid(f"Charge {charge['id']} is disputed already.", code="charge_disputed")
    if not charge["captured"] or charge["status"] != "succeeded":
        raise invalid(f"Charge {charge['id']} took no money that could be disputed.")
    dispute_id = new_id("dispute")
    amount = charge["amount_captured"]
    movement = balance.move(
        world,
        kind="adjustment",
        amount=-amount,
        currency=charge["currency"],
        source=dispute_id,
        fee=money.DISPUTE_FEE,
        fee_words="Dispute fee",
        reporting_category="dispute",
        description=f"Chargeback withdrawal for {charge['id']}",
    )
    card = charge["payment_method_details"].get("card")
    network = {"case_type": "chargeback", "network_reason_code": "10.4"}
    details = {"card": network | {"brand": card["brand"], "network": card["network"]}, "type": "card"} if card else None
    due_by = world.now() + DAYS_TO_ANSWER * DAY
    dispute = complete(
        "dispute",
        id=dispute_id,
        amount=amount,
        balance_transactions=[movement["id"]],
        charge=charge["id"],
        created=world.now(),
        currency=charge["currency"],
        enhanced_eligibility_types=[],
        evidence=dict.fromkeys(EVIDENCE) | {"enhanced_evidence": {}},
        evidence_details={
            "due_by": due_by,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        is_charge_refundable=False,
        livemode=False,
        metadata={},
        payment_intent=charge["payment_intent"],
        payment_method_details=details,
        reason=reason,
        status="needs_response" if card else "lost",
    )
    events.update(world, charge, None, disputed=True)
    events.save(world, dispute, "charge.dispute.created")
    events.emit(world, "charge.dispute.funds_withdrawn", dispute)
    events.emit(world, "charge.updated", charge)
    if card:
        world.schedule(due_by, "close_dispute", dispute)
    else:
        # A bank debit that its holder takes back cannot be contested.
        events.emit(world, "charge.dispute.closed", dispute)
    return dispute


def decide(world: World, dispute: Thing, *, won: bool) -> Thing:
    """End a dispute: the money comes back, without the fee, or is lost."""
    if dispute["status"] not in OPEN:
        raise invalid(f"This dispute is already closed: {dispute['status']}.", code="dispute_closed")
    world.unschedule("close_dispute", dispute)
    changes: Params = {"status": "won" if won else "lost"}
    if won:
        movement = balance.move(
            world,
            kind="adjustment",
            amount=dispute["amount"],
            currency=dispute["currency"],
            source=dispute["id"],
            reporting_category="dispute_reversal",
            description=f"Chargeback reversal for {dispute['charge']}",
        )
        changes["balance_transactions"] = [*dispute["balance_transactions"], movement["id"]]
    events.update(world, dispute, None, **changes)
    if won:
        events.emit(world, "charge.dispute.funds_reinstated", dispute)
    events.emit(world, "charge.dispute.closed", dispute)
    return dispute


def close_unanswered(world: World, dispute: Thing) -> None:
    """Lose a dispute that nobody answered in time."""
    if dispute["status"] == "needs_response":
        decide(world, dispute, won=False)


def retrieve(world: World, params: Params, dispute: str) -> Thing:
    """Return a dispute."""
    return world.fetch("dispute", dispute)


def update(world: World, params: Params, dispute: str) -> Thing:
    """Hand in evidence. As at Stripe, the words `winning_evidence` and `losing_evidence` decide a test dispute."""
    thing = world.fetch("dispute", dispute)
    if thing["status"] not in OPEN:
        raise invalid("This dispute is already closed", code="dispute_closed")
    changes: Params = {}
    if "metadata" in params:
        changes["metadata"] = merged_metadata(thing["metadata"], params["metadata"])
    given = params.get("evidence") or {}
    if given:
        changes["evidence"] = thing["evidence"] | given
        changes["evidence_details"] = thing["evidence_details"] | {"has_evidence": True}
        if params.get("submit", True):
            changes["status"] = "under_review"
            changes["evidence_details"] |= {"submission_count": 1, "submission_method": "manual"}
            world.unschedule("close_dispute", thing)
    events.update(world, thing, "charge.dispute.updated", **changes)
    words = given.get("uncategorized_text")
    if words in ("winning_evidence", "losing_evidence"):
        decide(world, thing, won=words == "winning_evidence")
    return thing


def close(world: World, params: Params, dispute: str) -> Thing:
    """Accept that a dispute is lost."""
    return decide(world, world.fetch("dispute", dispute), won=False)


def list_all(world: World, params: Params) -> Thing:
    """Return a page of disputes."""
    return listing.page(
        world, "dispute", params, "/v1/disputes", **listing.equal_to(params, "charge", "payment_intent")
    )
