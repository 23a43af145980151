"""The hosted checkout page and the bank's page for 3-D Secure."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sandbox.stripe import billing, cards, checkout, checkout_payment, events, payment_intents, setup_intents
from sandbox.stripe.answers import Answer, Request, page, redirect
from sandbox.stripe.checkout_payment import Payer
from sandbox.stripe.countries import COUNTRIES
from sandbox.stripe.errors import ApiError
from sandbox.stripe.money import shown
from sandbox.stripe.shapes import Thing
from sandbox.stripe.world import World

SUBMIT = {"donate": "Donate", "pay": "Pay", "book": "Book", "subscribe": "Subscribe", "auto": "Pay"}
INTERVALS = {"day": "per day", "week": "per week", "month": "per month", "year": "per year"}


def answer(world: World, request: Request) -> Answer:
    """Answer one request for a hosted page."""
    with world.lock:
        match = re.fullmatch(r"/c/pay/(\w+)", request.path)
        if match:
            return _checkout(world, request, match.group(1))
        match = re.fullmatch(r"/c/authenticate/(\w+)", request.path)
        if match:
            return _authentication(world, request, match.group(1))
        match = re.fullmatch(r"/r/(\w+)", request.path)
        if match:
            with world.transaction():
                session = checkout.recover(world, match.group(1))
            return redirect(session["_path"]) if session else _gone("This link no longer works.")
    return _gone("There is no such page.", status=404)


def _gone(message: str, *, status: int = 410, link: str = "") -> Answer:
    return page("message.html", status, title="Nothing to pay here", message=message, link=link)


def _checkout(world: World, request: Request, session_id: str) -> Answer:
    session = world.store.get(session_id)
    if session is None or session["object"] != "checkout.session":
        return _gone("There is no such Checkout Session.", status=404)
    if session["status"] == "complete":
        if request.method == "POST":
            # A second press of the button, or "back" and again: the reader gets where the first press led.
            return redirect(checkout.return_address(session))
        return _gone("This payment is complete.", link=session["success_url"] and checkout.return_address(session))
    if session["status"] == "expired":
        return _gone("This Checkout Session has expired. Nothing was charged.", link=session["cancel_url"] or "")
    if request.method != "POST":
        typed = dict(parse_qsl(request.query))
        return _checkout_page(world, session, {"number": typed.get("fill", ""), "iban": typed.get("iban", "")})
    typed = dict(parse_qsl(request.body, keep_blank_values=True))
    try:
        payer = _payer(typed, session)
        with world.transaction():
            intent = checkout_payment.pay(world, session, payer)
    except ApiError as error:
        fresh = world.store.get(session_id) or session
        return _checkout_page(world, fresh, typed, error=error.error)
    return _after(world, session_id, intent)


def _after(world: World, session_id: str, intent: Thing) -> Answer:
    if intent["status"] == "requires_action":
        return redirect(f"/c/authenticate/{intent['id']}")
    return redirect(checkout.return_address(world.fetch("checkout.session", session_id)))


def _payer(typed: dict[str, str], session: Thing) -> Payer:
    expiry = re.fullmatch(r"\s*(\d{1,2})\s*[/ -]?\s*(\d{2}|\d{4})\s*", typed.get("expiry", ""))
    kind = typed.get("payment_method") or session["payment_method_types"][0]
    if kind == "card" and expiry is None:
        raise ApiError(402, "Your card's expiration date is incomplete.", kind="card_error", param="exp_month")
    return Payer(
        kind=kind,
        number=typed.get("number", ""),
        exp_month=int(expiry.group(1)) if expiry else 12,
        exp_year=int(expiry.group(2)) if expiry else 34,
        cvc=typed.get("cvc", ""),
        iban=typed.get("iban", ""),
        name=typed.get("name", "").strip(),
        email=typed.get("email", "").strip(),
        country=typed.get("country", "") if typed.get("country", "") in COUNTRIES else "",
    )


def _checkout_page(world: World, session: Thing, typed: dict[str, str], error: dict[str, Any] | None = None) -> Answer:
    mode, currency = session["mode"], session["currency"]
    items = [
        {
            "name": item["description"],
            "quantity": str(item["quantity"]),
            "amount": shown(item["amount_total"], item["currency"]),
            "many": item["quantity"] > 1,
            "every": _every(item["price"]["recurring"]),
        }
        for item in session["_line_items"]
    ]
    total = shown(session["amount_total"], currency) if session["amount_total"] is not None else ""
    verb = {"setup": "Save card", "subscription": "Subscribe"}.get(mode, SUBMIT[session["submit_type"] or "auto"])
    texts = session["custom_text"]
    fixed = checkout_payment.fixed_email(world, session)
    address = session["_path"]
    return page(
        "checkout.html",
        title="Checkout",
        action=address,
        total=total,
        every=items[0]["every"] if items else "",
        items=items,
        mode=mode,
        submit_words=(session["custom_text"]["submit"] or {}).get("message", ""),
        button=f"{verb} {total}" if mode == "payment" else verb,
        button_words=(texts.get("submit") or {}).get("message", ""),
        cancel_url=session["cancel_url"] or "",
        fixed_email=fixed or "",
        typed=typed,
        error=error,
        error_field=(error or {}).get("param", ""),
        methods=session["payment_method_types"],
        chosen=typed.get("payment_method") or session["payment_method_types"][0],
        countries=sorted(COUNTRIES.items(), key=lambda entry: entry[1]),
        cards=[
            {
                "number": _spaced(card.number),
                "label": card.label,
                "link": f"{address}?{urlencode({'fill': card.number})}",
            }
            for card in cards.CARDS.values()
            if card.label
        ],
        accounts=[
            {"iban": account.iban, "label": account.label, "link": f"{address}?{urlencode({'iban': account.iban})}"}
            for account in cards.ACCOUNTS.values()
            if account.label
        ],
    )


def _spaced(number: str) -> str:
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def _every(recurring: dict[str, Any] | None) -> str:
    if not recurring:
        return ""
    if recurring["interval_count"] == 1:
        return INTERVALS[recurring["interval"]]
    return f"every {recurring['interval_count']} {recurring['interval']}s"


def _authentication(world: World, request: Request, intent_id: str) -> Answer:
    intent = world.store.get(intent_id)
    if intent is None or intent["object"] not in ("payment_intent", "setup_intent"):
        return _gone("There is no such payment.", status=404)
    session = world.store.get(intent.get("_session") or "")
    if intent["status"] != "requires_action":
        return redirect(session["_path"]) if session else _gone("This payment needs no confirmation any more.")
    if request.method != "POST":
        amount = shown(intent["amount"], intent["currency"]) if "amount" in intent else ""
        return page("authenticate.html", title="Confirm with your bank", action=request.path, amount=amount)
    succeeded = dict(parse_qsl(request.body)).get("result") == "complete"
    if session:
        try:
            with world.transaction():
                intent = checkout_payment.authenticate(world, session, succeeded=succeeded)
        except ApiError as error:
            fresh = world.store.get(session["id"]) or session
            return _checkout_page(world, fresh, {}, error=error.error)
        return _after(world, session["id"], intent)
    with world.transaction():
        _authenticate_alone(world, intent, succeeded=succeeded)
    back = intent.get("_return_url")
    if not back:
        return page("message.html", title="Thank you", message="You can close this page.", link="")
    outcome = "succeeded" if intent["status"] in ("succeeded", "processing", "requires_capture") else "failed"
    joint = "&" if "?" in back else "?"
    return redirect(f"{back}{joint}{urlencode({intent['object']: intent['id'], 'redirect_status': outcome})}")


def _authenticate_alone(world: World, intent: Thing, *, succeeded: bool) -> None:
    """Go on with an intent that no session belongs to: a request's own, or an invoice's."""
    if intent["object"] == "setup_intent":
        setup_intents.authenticate(world, intent, succeeded=succeeded)
        return
    payment_intents.authenticate(world, intent, succeeded=succeeded)
    invoice = world.store.get(intent.get("_invoice") or "")
    if invoice:
        billing.follow(world, invoice, intent)
        events.update(world, invoice, None, attempted=True)
