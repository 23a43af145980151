"""Collect invoices, renew subscriptions, and retry what failed."""

from typing import Any

from sandbox.stripe import events, invoices, payment_intents, payment_methods, periods
from sandbox.stripe.errors import card_error, invalid
from sandbox.stripe.presenting import present
from sandbox.stripe.shapes import Thing
from sandbox.stripe.world import World

DAY = 86_400
HOUR = 3_600
# Stripe finalizes a renewal's draft an hour after it was made.
DRAFT_SECONDS = HOUR
# Days between the attempts at a failed renewal. https://docs.stripe.com/billing/revenue-recovery/smart-retries
RETRY_DAYS = (3, 5, 7)
UPCOMING_DAYS = 7
INCOMPLETE_HOURS = 23
# What becomes of a subscription after its last failed attempt: a setting of the account.
AFTER_RETRIES = ("past_due", "unpaid", "canceled")


def method_for(world: World, invoice: Thing) -> Thing | None:
    """Return what an invoice is charged to: the subscription's payment method, else the customer's."""
    subscription = subscription_of(world, invoice)
    customer = world.fetch("customer", invoice["customer"])
    chosen = invoice["default_payment_method"]
    chosen = chosen or (subscription or {}).get("default_payment_method")
    chosen = chosen or (customer.get("invoice_settings") or {}).get("default_payment_method")
    return world.store.get(chosen) if chosen else None


def subscription_of(world: World, invoice: Thing) -> Thing | None:
    """Return the subscription that an invoice bills."""
    return world.store.get(invoice["_subscription"])


def collect(world: World, invoice: Thing, method: Thing | None = None, *, automatic: bool = False) -> Thing:
    """Try to take an open invoice's money, with all that follows for its subscription.

    `automatic` attempts count towards the retry schedule. A card that needs its holder leaves the payment waiting for
    that, whoever started it, as Stripe's Billing does.
    """
    intent = invoices.intent_of(world, invoice)
    if intent is None:
        return invoice
    method = method or method_for(world, invoice)
    if automatic or invoice["attempt_count"] == 0:
        events.update(world, invoice, None, attempt_count=invoice["attempt_count"] + 1)
    events.update(world, invoice, None, attempted=True)
    if method is None:
        error = {
            "code": "payment_method_required",
            "message": "This customer has no attached payment source or default payment method.",
            "type": "invalid_request_error",
        }
        changes: dict[str, Any] = {"status": "requires_payment_method", "last_payment_error": error}
        events.update(world, intent, None, **changes)
    else:
        payment_intents.attempt(world, intent, method, forced_decline=_forced(world, invoice))
    return follow(world, invoice, intent)


def _forced(world: World, invoice: Thing) -> str:
    """Return the decline that somebody ordered for the next renewal, and use the order up."""
    subscription = subscription_of(world, invoice)
    orders = (subscription or {}).get("_fail_next") or []
    if not subscription or not orders:
        return ""
    events.update(world, subscription, None, _fail_next=orders[1:])
    return str(orders[0])


def follow(world: World, invoice: Thing, intent: Thing) -> Thing:
    """Write down what the state of its payment means for an invoice and its subscription."""
    subscription = subscription_of(world, invoice)
    if intent["status"] == "succeeded":
        if invoice["status"] != "paid":
            invoices.mark_paid(world, invoice)
        world.unschedule("retry_invoice", invoice)
        if subscription:
            _recover(world, subscription, invoice, intent)
        return invoice
    if intent["status"] == "processing":
        if subscription and subscription["status"] == "incomplete":
            events.update(world, subscription, "customer.subscription.updated", status="active")
        return invoice
    _plan_retry(world, invoice, subscription)
    if intent["status"] == "requires_action":
        events.emit(world, "invoice.payment_action_required", invoice)
    events.emit(world, "invoice.payment_failed", invoice)
    if subscription and subscription["status"] == "active":
        events.update(world, subscription, "customer.subscription.updated", status="past_due")
    if subscription and invoice["next_payment_attempt"] is None and subscription["status"] == "past_due":
        _give_up(world, subscription)
    return invoice


def _recover(world: World, subscription: Thing, invoice: Thing, intent: Thing) -> None:
    """Bring a subscription back to life: its first or its latest invoice was paid."""
    settings = subscription["payment_settings"] or {}
    changes: dict[str, Any] = {}
    latest = subscription["latest_invoice"] == invoice["id"]
    if subscription["status"] == "incomplete" or (subscription["status"] in ("past_due", "unpaid") and latest):
        changes["status"] = "active"
        world.unschedule("expire_incomplete", subscription)
    if settings.get("save_default_payment_method") == "on_subscription" and intent["payment_method"]:
        changes["default_payment_method"] = intent["payment_method"]
    events.update(world, subscription, "customer.subscription.updated", **changes)


def _plan_retry(world: World, invoice: Thing, subscription: Thing | None) -> None:
    """Set the time of the next attempt. A first invoice that fails is not retried, and neither is a stopped one."""
    attempts = invoice["attempt_count"]
    retried = invoice["auto_advance"] and 0 < attempts <= len(RETRY_DAYS)
    if subscription is None or subscription["status"] in ("incomplete", "canceled"):
        retried = False
    at = world.now() + RETRY_DAYS[attempts - 1] * DAY if retried else None
    world.unschedule("retry_invoice", invoice)
    events.update(world, invoice, "invoice.updated", next_payment_attempt=at)
    if at is not None:
        world.schedule(at, "retry_invoice", invoice)


def _give_up(world: World, subscription: Thing) -> None:
    after = world.store.setting("after_retries", AFTER_RETRIES[0])
    if after == "unpaid":
        events.update(world, subscription, "customer.subscription.updated", status="unpaid")
    elif after == "canceled":
        end(world, subscription, reason="payment_failed")


def retry(world: World, invoice: Thing) -> None:
    """Make the planned attempt at an invoice that failed before."""
    if invoice["status"] == "open" and invoice["auto_advance"]:
        collect(world, invoice, automatic=True)


def items_of(world: World, subscription: Thing) -> list[Thing]:
    """Return a subscription's items, oldest first."""
    return world.store.select("subscription_item", subscription=subscription["id"])[::-1]


def lines_for(world: World, subscription: Thing, start: int, end: int) -> list[Thing]:
    """Return the invoice lines of a period."""
    lines = list(subscription.get("_pending_lines") or [])
    for item in items_of(world, subscription):
        product = world.fetch("product", item["price"]["product"])
        lines.append(invoices.line_for(item, item["price"], product.get("name", ""), start, end))
    return lines


def period_of(world: World, subscription: Thing) -> tuple[int, int]:
    """Return the current period, which is kept on the items."""
    item = items_of(world, subscription)[0]
    return item["current_period_start"], item["current_period_end"]


def following_period_end(world: World, subscription: Thing, after: int) -> int:
    """Return when the period that begins at a moment ends."""
    recurring = items_of(world, subscription)[0]["price"]["recurring"]
    anchor = subscription["billing_cycle_anchor"]
    return periods.next_boundary(anchor, after, recurring["interval"], recurring["interval_count"])


def plan_period(world: World, subscription: Thing) -> None:
    """Put the end of the current period, and the notice before it, into the timetable."""
    _, end_at = period_of(world, subscription)
    world.unschedule("renew", subscription)
    world.unschedule("announce_renewal", subscription)
    world.schedule(end_at, "renew", subscription)
    if end_at - UPCOMING_DAYS * DAY > world.now():
        world.schedule(end_at - UPCOMING_DAYS * DAY, "announce_renewal", subscription)


def renew(world: World, subscription: Thing) -> None:
    """Begin a subscription's next period: a draft invoice now, its collection an hour later."""
    if subscription["status"] not in ("active", "past_due", "unpaid"):
        return
    start, end_at = period_of(world, subscription)
    if end_at > world.now():
        return
    if subscription["cancel_at_period_end"] or (subscription["cancel_at"] or end_at + 1) <= end_at:
        end(world, subscription, reason="cancellation_requested")
        return
    following = following_period_end(world, subscription, end_at)
    lines = lines_for(world, subscription, end_at, following)
    for item in items_of(world, subscription):
        events.update(world, item, None, current_period_start=end_at, current_period_end=following)
    invoice = invoices.draft(world, subscription, lines, reason="subscription_cycle", period=(start, end_at))
    changes: dict[str, Any] = {"latest_invoice": invoice["id"], "_pending_lines": []}
    events.update(world, subscription, "customer.subscription.updated", **changes)
    plan_period(world, subscription)
    paused = subscription["pause_collection"]
    if subscription["status"] == "unpaid" or (paused and paused["behavior"] == "keep_as_draft"):
        events.update(world, invoice, "invoice.updated", auto_advance=False)
        return
    events.update(world, invoice, None, automatically_finalizes_at=world.now() + DRAFT_SECONDS)
    world.schedule(world.now() + DRAFT_SECONDS, "finalize_invoice", invoice)


def finalize_and_collect(world: World, invoice: Thing) -> None:
    """Finalize a renewal's draft and charge it, unless collection is paused."""
    if invoice["status"] != "draft":
        return
    subscription = subscription_of(world, invoice)
    paused = (subscription or {}).get("pause_collection")
    events.update(world, invoice, None, automatically_finalizes_at=None)
    invoices.finalize(world, invoice)
    if paused and paused["behavior"] == "void":
        invoices.void(world, invoice)
    elif paused and paused["behavior"] == "mark_uncollectible":
        invoices.mark_uncollectible(world, invoice)
    elif invoice["status"] == "open" and subscription and subscription["status"] != "canceled":
        collect(world, invoice, automatic=True)


def announce(world: World, subscription: Thing) -> None:
    """Tell that a renewal is near."""
    if subscription["status"] not in ("active", "past_due") or subscription["cancel_at_period_end"]:
        return
    preview = upcoming(world, subscription)
    preview.pop("id")
    events.emit(world, "invoice.upcoming", preview)


def upcoming(world: World, subscription: Thing) -> Thing:
    """Return the invoice that the next renewal will make, without keeping it."""
    start, end_at = period_of(world, subscription)
    lines = lines_for(world, subscription, end_at, following_period_end(world, subscription, end_at))
    with world.rehearsal():
        invoice = invoices.draft(world, subscription, lines, reason="upcoming", period=(start, end_at))
    invoice["id"] = f"upcoming_{invoice['id']}"
    invoice["next_payment_attempt"] = end_at + DRAFT_SECONDS
    return invoice


def end(world: World, subscription: Thing, *, reason: str, details: dict[str, Any] | None = None) -> Thing:
    """End a subscription now. Its open invoices stay open and are not collected any more."""
    first_never_paid = subscription["status"] == "incomplete"
    for invoice in world.store.select("invoice", _subscription=subscription["id"]):
        if invoice["status"] == "open" and first_never_paid:
            invoices.void(world, invoice)
        elif invoice["status"] in ("draft", "open"):
            world.unschedule("retry_invoice", invoice)
            events.update(world, invoice, "invoice.updated", auto_advance=False, next_payment_attempt=None)
    for action in ("renew", "announce_renewal", "cancel_subscription", "resume_collection", "expire_incomplete"):
        world.unschedule(action, subscription)
    events.update(
        world,
        subscription,
        None,
        status="canceled",
        canceled_at=subscription["canceled_at"] or world.now(),
        ended_at=world.now(),
        cancellation_details=(subscription["cancellation_details"] or {}) | {"reason": reason} | (details or {}),
        pause_collection=None,
    )
    events.emit(world, "customer.subscription.deleted", subscription)
    return subscription


def expire_incomplete(world: World, subscription: Thing) -> None:
    """Give up a subscription whose first invoice was never paid."""
    if subscription["status"] != "incomplete":
        return
    for invoice in world.store.select("invoice", _subscription=subscription["id"], status="open"):
        invoices.void(world, invoice)
    events.update(
        world, subscription, "customer.subscription.updated", status="incomplete_expired", ended_at=world.now()
    )


def resume_collection(world: World, subscription: Thing) -> None:
    """Collect again after a pause."""
    paused = subscription["pause_collection"]
    if paused and paused["resumes_at"] and paused["resumes_at"] <= world.now():
        events.update(world, subscription, "customer.subscription.updated", pause_collection=None)


def pay(world: World, params: dict[str, Any], invoice: str) -> Thing:
    """Pay an open invoice on request."""
    thing = world.fetch("invoice", invoice)
    if thing["status"] == "paid":
        raise invalid("Invoice is already paid", code="invoice_already_paid")
    if thing["status"] == "draft":
        invoices.finalize(world, thing)
    if thing["status"] not in ("open", "uncollectible"):
        raise invalid(f"You can only pay open invoices; this one is {thing['status']}.", code="invoice_not_editable")
    if params.get("paid_out_of_band"):
        return invoices.mark_paid(world, thing, outside=True)
    method = payment_methods.resolve(world, params["payment_method"]) if "payment_method" in params else None
    collect(world, thing, method)
    intent = invoices.intent_of(world, thing)
    if intent:
        raise_unless_paid(world, intent, "invoice")
    return thing


def raise_unless_paid(world: World, intent: Thing, kind: str) -> None:
    """Raise the 402 answer of an attempt that took no money: the card was refused, or its holder has to confirm."""
    if intent["last_payment_error"]:
        raise payment_intents.declined(world, intent)
    if intent["status"] == "requires_action":
        raise card_error(
            "This payment requires additional user action before it can be completed successfully. Payment can be"
            " completed using the PaymentIntent associated with this payment.",
            code=f"{kind}_payment_intent_requires_action",
            payment_intent=present(world, intent),
        )


def finalize(world: World, params: dict[str, Any], invoice: str) -> Thing:
    """Finalize a draft on request; with automatic advancement it is collected as well."""
    thing = world.fetch("invoice", invoice)
    if thing["status"] != "draft":
        raise invalid(f"This invoice is already finalized, you can't re-finalize a {thing['status']} invoice.")
    if params.get("auto_advance", thing["auto_advance"]):
        finalize_and_collect(world, thing)
        return thing
    return invoices.finalize(world, thing)


def preview(world: World, params: dict[str, Any]) -> Thing:
    """Return the next invoice of a subscription, as `invoices.create_preview` does."""
    if "subscription" not in params:
        raise invalid("The sandbox previews the next invoice of a subscription only.", param="subscription")
    return upcoming(world, world.fetch("subscription", params["subscription"], param="subscription"))
