"""The billing portal's pages, the hosted invoice page and the receipt."""

import re
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from sandbox.stripe import actions, billing, invoices, payment_methods, subscriptions
from sandbox.stripe.answers import Answer, Request, page, redirect
from sandbox.stripe.checkout_payment import Payer
from sandbox.stripe.errors import ApiError
from sandbox.stripe.money import shown
from sandbox.stripe.shapes import Thing
from sandbox.stripe.world import World

RUNNING = ("active", "past_due", "unpaid", "incomplete")


def answer(world: World, request: Request) -> Answer:
    """Answer one request for a page that belongs to a customer."""
    with world.lock:
        match = re.fullmatch(r"/p/session/(\w+)(?:/(card|cancel|resume))?", request.path)
        if match:
            return _portal(world, request, match.group(1), match.group(2) or "")
        match = re.fullmatch(r"/i/(\w+)(?:/pdf)?", request.path)
        if match and (invoice := world.store.get(match.group(1))):
            return _invoice(world, request, invoice)
        match = re.fullmatch(r"/receipts/(\w+)", request.path)
        if match and (charge := world.store.get(match.group(1))):
            words = f"{shown(charge['amount'], charge['currency'])}, {charge['status']}."
            return page("message.html", title="Receipt", message=words, link="")
    return page("message.html", 404, title="Not found", message="There is no such page.", link="")


def day(moment: int | None) -> str:
    """Return a moment's date in words."""
    return datetime.fromtimestamp(moment, UTC).strftime("%-d %B %Y") if moment else ""


def card_words(method: Thing | None) -> str:
    """Return how a payment method is named to its owner."""
    if method is None:
        return ""
    if method["type"] == "card":
        card = method["card"]
        return f"{card['brand'].capitalize()} ···· {card['last4']}, expires {card['exp_month']:02d}/{card['exp_year']}"
    return f"SEPA account ···· {method['sepa_debit']['last4']}"


def payer_from_form(typed: dict[str, str]) -> Payer:
    """Return the card that somebody typed into a page of the portal."""
    expiry = re.fullmatch(r"\s*(\d{1,2})\s*[/ -]?\s*(\d{2}|\d{4})\s*", typed.get("expiry", ""))
    if expiry is None:
        raise ApiError(402, "Your card's expiration date is incomplete.", kind="card_error", param="exp_month")
    return Payer(
        number=typed.get("number", ""),
        exp_month=int(expiry.group(1)),
        exp_year=int(expiry.group(2)),
        cvc=typed.get("cvc", ""),
        name=typed.get("name", ""),
    )


def _portal(world: World, request: Request, token: str, verb: str) -> Answer:
    rows = world.store.select("billing_portal.session", _token=token)
    if not rows or rows[0]["_until"] < time.time():
        return page(
            "message.html", 410, title="Expired", message="This link no longer works. Ask for a new one.", link=""
        )
    session = rows[0]
    customer = world.fetch("customer", session["customer"])
    if request.method == "POST":
        typed = dict(parse_qsl(request.body, keep_blank_values=True))
        try:
            with world.transaction():
                done = _act(world, session, customer, verb, typed)
        except ApiError as error:
            return _portal_page(world, session, customer, verb, typed, error=str(error))
        return done
    return _portal_page(world, session, customer, verb, {})


def _act(world: World, session: Thing, customer: Thing, verb: str, typed: dict[str, str]) -> Answer:
    features = world.fetch("billing_portal.configuration", session["configuration"])["features"]
    if verb == "card":
        method = actions.change_card(world, customer["id"], payer_from_form(typed))
        _use_for(world, customer, typed.get("subscription", ""), method)
    elif verb in ("cancel", "resume"):
        subscription = world.fetch("subscription", typed.get("subscription"), param="subscription")
        if subscription["customer"] != customer["id"]:
            raise ApiError(404, "There is no such subscription.")
        if verb == "resume":
            subscriptions.update(world, {"cancel_at_period_end": False}, subscription["id"])
        elif features["subscription_cancel"]["mode"] == "immediately":
            subscriptions.cancel(world, {}, subscription["id"])
        else:
            subscriptions.update(world, {"cancel_at_period_end": True}, subscription["id"])
    return redirect(_after(session))


def _use_for(world: World, customer: Thing, subscription_id: str, method: Thing) -> None:
    """Let one subscription use the new card. Without one, only the customer's default changed, as at Stripe."""
    if not subscription_id:
        return
    subscription = world.fetch("subscription", subscription_id, param="subscription")
    if subscription["customer"] != customer["id"]:
        raise ApiError(404, "There is no such subscription.")
    subscriptions.update(world, {"default_payment_method": method["id"]}, subscription_id)


def _after(session: Thing) -> str:
    """Return where the reader goes after an action: a flow may lead straight back."""
    completion = (session["flow"] or {}).get("after_completion") or {}
    if completion.get("type") == "redirect":
        return str(completion["redirect"]["return_url"])
    return f"{session['_path']}?done=1"


def _portal_page(
    world: World, session: Thing, customer: Thing, verb: str, typed: dict[str, str], *, error: str = ""
) -> Answer:
    features = world.fetch("billing_portal.configuration", session["configuration"])["features"]
    flow = session["flow"] or {}
    default = (customer.get("invoice_settings") or {}).get("default_payment_method")
    rows = world.store.select("subscription", customer=customer["id"])
    wanted = (flow.get("subscription_cancel") or {}).get("subscription")
    return page(
        "portal.html",
        title="Your payments",
        path=session["_path"],
        return_url=session["return_url"],
        email=customer.get("email") or "",
        error=error,
        typed=typed,
        flow=flow.get("type", ""),
        can_change_card=features["payment_method_update"]["enabled"] or flow.get("type") == "payment_method_update",
        can_cancel=features["subscription_cancel"]["enabled"] or flow.get("type") == "subscription_cancel",
        default_card=card_words(world.store.get(default or "")),
        subscriptions=[
            _subscription_row(world, row) for row in rows if row["status"] in RUNNING and wanted in (None, row["id"])
        ],
        invoices=[
            {
                "day": day(row["created"]),
                "number": row["number"] or "Draft",
                "total": shown(row["total"], row["currency"]),
                "status": row["status"],
                "link": f"/i/{row['id']}" if row["status"] != "draft" else "",
            }
            for row in world.store.select("invoice", customer=customer["id"], limit=24)
        ]
        if features["invoice_history"]["enabled"]
        else [],
    )


def _subscription_row(world: World, row: Thing) -> dict[str, Any]:
    items = billing.items_of(world, row)
    price = items[0]["price"]
    total = sum(item["price"]["unit_amount"] * item["quantity"] for item in items)
    product = world.fetch("product", price["product"])
    return {
        "id": row["id"],
        "name": product.get("name", ""),
        "amount": f"{shown(total, row['currency'])} per {price['recurring']['interval']}",
        "status": row["status"],
        "until": day(items[0]["current_period_end"]),
        "ends": row["cancel_at_period_end"],
        "paused": bool(row["pause_collection"]),
        "card": card_words(world.store.get(row["default_payment_method"] or "")),
    }


def _invoice(world: World, request: Request, invoice: Thing) -> Answer:
    error = ""
    typed: dict[str, str] = {}
    if request.method == "POST" and invoice["status"] == "open":
        typed = dict(parse_qsl(request.body, keep_blank_values=True))
        try:
            with world.transaction():
                going_on = _pay_invoice(world, invoice, typed)
        except ApiError as refusal:
            error = str(refusal)
        else:
            return redirect(going_on)
    return page(
        "invoice.html",
        title=f"Invoice {invoice['number']}",
        path=f"/i/{invoice['id']}",
        number=invoice["number"],
        state=invoice["status"],
        day=day(invoice["created"]),
        email=invoice["customer_email"] or "",
        total=shown(invoice["total"], invoice["currency"]),
        lines=[
            {"words": line["description"], "amount": shown(line["amount"], line["currency"])}
            for line in invoice["lines"]["data"]
        ],
        payable=invoice["status"] == "open",
        typed=typed,
        error=error,
    )


def _pay_invoice(world: World, invoice: Thing, typed: dict[str, str]) -> str:
    """Pay an open invoice with the card that its reader typed, and return where to go on."""
    payer = payer_from_form(typed)
    details = payment_methods.billing_details(email=invoice["customer_email"])
    method = payment_methods.new_card(
        world, number=payer.number, exp_month=payer.exp_month, exp_year=payer.exp_year, cvc=payer.cvc, billing=details
    )
    billing.collect(world, invoice, method)
    intent = invoices.intent_of(world, invoice)
    if intent and intent["status"] == "requires_action":
        return f"/c/authenticate/{intent['id']}"
    if intent and intent["last_payment_error"]:
        raise ApiError(402, intent["last_payment_error"]["message"], kind="card_error", keep=True)
    return f"/i/{invoice['id']}"
