"""Invoices, their lines, and the invoice payments that tie them to payment intents."""

from typing import Any

from sandbox.stripe import events, listing, payment_intents
from sandbox.stripe.errors import invalid
from sandbox.stripe.ids import new_id
from sandbox.stripe.money import shown
from sandbox.stripe.rules import merged_metadata
from sandbox.stripe.shapes import Thing, complete, list_object
from sandbox.stripe.world import World

Params = dict[str, Any]


def line_for(item: Thing, price: Thing, product_name: str, start: int, end: int) -> Thing:
    """Return the line that bills a subscription item for a period."""
    quantity = item["quantity"]
    recurring = price["recurring"]
    every = (
        recurring["interval"]
        if recurring["interval_count"] == 1
        else f"{recurring['interval_count']} {recurring['interval']}s"
    )
    words = f"{quantity} × {product_name} (at {shown(price['unit_amount'], price['currency'])} / {every})"
    return _line(item, price, price["unit_amount"] * quantity, words, start, end, proration=False)


def proration_line(item: Thing, price: Thing, amount: int, words: str, start: int, end: int) -> Thing:
    """Return the line that corrects a period whose price changed in the middle."""
    return _line(item, price, amount, words, start, end, proration=True)


def _line(item: Thing, price: Thing, amount: int, words: str, start: int, end: int, *, proration: bool) -> Thing:
    return complete(
        "line_item",
        id=new_id("line_item"),
        amount=amount,
        currency=price["currency"],
        description=words,
        discount_amounts=[],
        discountable=not proration,
        discounts=[],
        livemode=False,
        metadata=item["metadata"],
        parent={
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": proration,
                "proration_details": {"credited_items": None},
                "subscription": item["subscription"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        period={"end": end, "start": start},
        pretax_credit_amounts=[],
        pricing={
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        quantity=item["quantity"],
        quantity_decimal=str(item["quantity"]),
        subscription=item["subscription"],
        subtotal=amount,
        taxes=[],
    )


def draft(world: World, subscription: Thing, lines: list[Thing], *, reason: str, period: tuple[int, int]) -> Thing:
    """Create the draft invoice of a subscription."""
    customer = world.fetch("customer", subscription["customer"])
    invoice_id = new_id("invoice")
    total = sum(line["amount"] for line in lines)
    for line in lines:
        line["invoice"] = invoice_id
    invoice = complete(
        "invoice",
        id=invoice_id,
        account_country="CH",
        account_name="Sandbox",
        amount_due=total,
        amount_overpaid=0,
        amount_paid=0,
        amount_remaining=total,
        amount_shipping=0,
        attempt_count=0,
        attempted=False,
        auto_advance=True,
        automatic_tax={"disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None},
        billing_reason=reason,
        collection_method="charge_automatically",
        created=world.now(),
        currency=subscription["currency"],
        customer=customer["id"],
        customer_address=customer["address"],
        customer_email=customer["email"],
        customer_name=customer["name"],
        customer_tax_exempt="none",
        customer_tax_ids=[],
        default_tax_rates=[],
        discounts=[],
        issuer={"account": None, "type": "self"},
        lines=list_object(f"/v1/invoices/{invoice_id}/lines", lines) | {"total_count": len(lines)},
        livemode=False,
        metadata={},
        parent={
            "quote_details": None,
            "subscription_details": {
                "metadata": subscription["metadata"],
                "subscription": subscription["id"],
                "subscription_proration_date": None,
            },
            "type": "subscription_details",
        },
        payment_settings={
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": (subscription["payment_settings"] or {}).get("payment_method_types"),
        },
        period_end=period[1],
        period_start=period[0],
        post_payment_credit_notes_amount=0,
        pre_payment_credit_notes_amount=0,
        starting_balance=0,
        status="draft",
        status_transitions=dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")),
        subtotal=total,
        subtotal_excluding_tax=total,
        test_clock=subscription["test_clock"],
        total=total,
        total_discount_amounts=[],
        total_excluding_tax=total,
        total_pretax_credit_amounts=[],
        total_taxes=[],
        _subscription=subscription["id"],
    )
    events.save(world, invoice, "invoice.created")
    return invoice


def finalize(world: World, invoice: Thing, *, intent: Thing | None = None) -> Thing:
    """Number an invoice and give it a payment intent, or the one with which it was already paid for."""
    customer = world.fetch("customer", invoice["customer"])
    sequence = customer.get("next_invoice_sequence") or 1
    if not customer.get("deleted"):
        events.update(world, customer, None, next_invoice_sequence=sequence + 1)
    transitions = invoice["status_transitions"] | {"finalized_at": world.now()}
    events.update(
        world,
        invoice,
        None,
        status="open",
        number=f"{customer.get('invoice_prefix') or 'SANDBOX'}-{sequence:04d}",
        effective_at=world.now(),
        ending_balance=0,
        hosted_invoice_url=f"{world.base_url}/i/{invoice['id']}",
        invoice_pdf=f"{world.base_url}/i/{invoice['id']}/pdf",
        status_transitions=transitions,
    )
    if invoice["total"] > 0:
        if intent is None:
            reason = invoice["billing_reason"]
            words = "Subscription creation" if reason == "subscription_create" else "Subscription update"
            intent = payment_intents.build(
                world,
                amount=invoice["amount_due"],
                currency=invoice["currency"],
                customer=invoice["customer"],
                description=words,
                payment_method_types=invoice["payment_settings"]["payment_method_types"] or ["card"],
                setup_future_usage="off_session" if reason == "subscription_create" else None,
            )
            events.save(world, intent, "payment_intent.created")
        events.update(world, intent, None, _invoice=invoice["id"])
        world.store.put(_payment(world, invoice, intent))
    events.emit(world, "invoice.finalized", invoice)
    if invoice["total"] <= 0:
        mark_paid(world, invoice)
    return invoice


def _payment(world: World, invoice: Thing, intent: Thing) -> Thing:
    return complete(
        "invoice_payment",
        id=new_id("invoice_payment"),
        amount_requested=invoice["amount_due"],
        created=world.now(),
        currency=invoice["currency"],
        invoice=invoice["id"],
        is_default=True,
        livemode=False,
        payment={"payment_intent": intent["id"], "type": "payment_intent"},
        status="open",
        status_transitions={"canceled_at": None, "paid_at": None},
    )


def intent_of(world: World, invoice: Thing) -> Thing | None:
    """Return the payment intent of a finalized invoice."""
    payment = payment_of(world, invoice)
    return world.fetch("payment_intent", payment["payment"]["payment_intent"]) if payment else None


def payment_of(world: World, invoice: Thing) -> Thing | None:
    """Return the default invoice payment of a finalized invoice."""
    rows = world.store.select("invoice_payment", invoice=invoice["id"])
    return rows[0] if rows else None


def mark_paid(world: World, invoice: Thing, *, outside: bool = False) -> Thing:
    """Write down that an invoice was paid."""
    transitions = invoice["status_transitions"] | {"paid_at": world.now()}
    events.update(
        world,
        invoice,
        None,
        status="paid",
        attempted=True,
        amount_paid=invoice["amount_due"],
        amount_paid_off_stripe=invoice["amount_due"] if outside else 0,
        amount_remaining=0,
        auto_advance=False,
        next_payment_attempt=None,
        status_transitions=transitions,
    )
    payment = payment_of(world, invoice)
    if payment and outside:
        _close_payment(world, invoice, reason="void_invoice")
    elif payment:
        changes = {"canceled_at": None, "paid_at": world.now()}
        events.update(
            world, payment, None, status="paid", amount_paid=invoice["amount_due"], status_transitions=changes
        )
        events.emit(world, "invoice_payment.paid", payment)
    events.emit(world, "invoice.paid", invoice)
    events.emit(world, "invoice.payment_succeeded", invoice)
    return invoice


def void(world: World, invoice: Thing) -> Thing:
    """Declare an invoice void, and cancel its payment."""
    _close_payment(world, invoice, reason="void_invoice")
    transitions = invoice["status_transitions"] | {"voided_at": world.now()}
    events.update(
        world,
        invoice,
        None,
        status="void",
        auto_advance=False,
        next_payment_attempt=None,
        status_transitions=transitions,
    )
    world.unschedule("retry_invoice", invoice)
    events.emit(world, "invoice.voided", invoice)
    return invoice


def _close_payment(world: World, invoice: Thing, *, reason: str) -> None:
    intent = intent_of(world, invoice)
    payment = payment_of(world, invoice)
    if intent and intent["status"] in payment_intents.CANCELABLE:
        payment_intents.abandon(world, intent, reason)
    if payment and payment["status"] == "open":
        changes = {"canceled_at": world.now(), "paid_at": None}
        events.update(world, payment, None, status="canceled", status_transitions=changes)


def mark_uncollectible(world: World, invoice: Thing) -> Thing:
    """Write an invoice off."""
    transitions = invoice["status_transitions"] | {"marked_uncollectible_at": world.now()}
    events.update(world, invoice, None, status="uncollectible", auto_advance=False, status_transitions=transitions)
    world.unschedule("retry_invoice", invoice)
    events.emit(world, "invoice.marked_uncollectible", invoice)
    return invoice


def request_void(world: World, params: Params, invoice: str) -> Thing:
    """Void an open invoice."""
    thing = world.fetch("invoice", invoice)
    if thing["status"] not in ("open", "uncollectible"):
        raise invalid(
            f"You can only pass in open or uncollectible invoices. This invoice is {thing['status']}.",
            code="invoice_not_editable",
        )
    return void(world, thing)


def request_mark_uncollectible(world: World, params: Params, invoice: str) -> Thing:
    """Write off an open invoice."""
    thing = world.fetch("invoice", invoice)
    if thing["status"] not in ("open", "draft"):
        raise invalid(
            f"This invoice is {thing['status']} and cannot be marked uncollectible.", code="invoice_not_editable"
        )
    return mark_uncollectible(world, thing)


def retrieve(world: World, params: Params, invoice: str) -> Thing:
    """Return an invoice."""
    return world.fetch("invoice", invoice)


def update(world: World, params: Params, invoice: str) -> Thing:
    """Change an invoice's words."""
    thing = world.fetch("invoice", invoice)
    changes: Params = {name: params[name] for name in ("auto_advance", "description", "footer") if name in params}
    if "metadata" in params:
        changes["metadata"] = merged_metadata(thing["metadata"], params["metadata"])
    return events.update(world, thing, "invoice.updated", **changes)


def list_all(world: World, params: Params) -> Thing:
    """Return a page of invoices."""
    filters = listing.equal_to(params, "customer", "status", "collection_method")
    if "subscription" in params:
        filters["_subscription"] = params["subscription"]
    return listing.page(world, "invoice", params, "/v1/invoices", **filters)


def list_lines(world: World, params: Params, invoice: str) -> Thing:
    """Return the lines of an invoice."""
    return dict(world.fetch("invoice", invoice)["lines"])


def retrieve_payment(world: World, params: Params, invoice_payment: str) -> Thing:
    """Return an invoice payment."""
    return world.fetch("invoice_payment", invoice_payment)


def list_payments(world: World, params: Params) -> Thing:
    """Return a page of invoice payments."""
    filters = listing.equal_to(params, "invoice", "status")
    payment = params.get("payment") or {}
    if payment.get("type") == "payment_intent":
        filters["payment__payment_intent"] = payment.get("payment_intent")
    return listing.page(world, "invoice_payment", params, "/v1/invoice_payments", **filters)
