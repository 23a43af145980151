"""The control page: see everything, move the clock, and make the world misbehave, without a script."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from sandbox.stripe import actions, cards, deliveries, faults
from sandbox.stripe.answers import Answer, Request, page, redirect
from sandbox.stripe.billing import AFTER_RETRIES, items_of
from sandbox.stripe.errors import ApiError
from sandbox.stripe.money import shown
from sandbox.stripe.shapes import Thing
from sandbox.stripe.world import World

SHOWN = 25
FAULT_WORDS = {
    "rate_limit": "Answer “too many requests”",
    "refuse": "Refuse, as for a key without permission",
    "server_error": "Fail without doing the work",
    "error_after": "Do the work, then answer an error",
    "slow": "Answer slowly",
    "lose_answer": "Do the work, then lose the answer",
}
MODE_WORDS = {
    "normal": "Normal",
    "duplicated": "Duplicated",
    "reordered": "Out of order",
    "delayed": "Delayed",
    "dropped": "Dropped",
    "bad_signatures": "Badly signed",
}


def answer(world: World, request: Request) -> Answer:
    """Show the control page, or do what one of its buttons says."""
    with world.lock:
        if request.method != "POST":
            return _page(world)
        typed = {name: value for name, value in parse_qsl(request.body) if value}
        try:
            with world.transaction():
                _act(world, request.path.removeprefix("/control/"), typed)
        except (ApiError, ValueError) as error:
            return _page(world, error=str(error))
        return redirect("/")


def _act(world: World, name: str, typed: dict[str, Any]) -> None:
    if name == "advance":
        days, months = int(typed.get("days", 0)), int(typed.get("months", 0))
        actions.advance(world, days=days, months=months)
    elif name == "mode":
        actions.set_mode(world, typed)
    elif name == "fault":
        orders = {typed.get("kind", "slow"): int(typed.get("count", 1)), "seconds": float(typed.get("seconds", 2))}
        actions.set_mode(world, orders)
    elif name == "refund":
        given = typed | ({"amount": int(typed["amount"])} if "amount" in typed else {})
        actions.refund(world, given)
    elif name == "dispute":
        actions.dispute(world, typed)
    elif name == "fail-next":
        actions.fail_next(world, typed.get("subscription", ""), code=typed.get("code", "generic_decline"))
    elif name == "settle":
        actions.settle(world, payment_intent=typed.get("payment_intent", ""), outcome=typed.get("outcome", ""))
    else:
        raise ApiError(404, f"There is no button called {name}.")


def _page(world: World, *, error: str = "") -> Answer:
    mode = deliveries.mode(world)
    now = datetime.fromtimestamp(world.now(), UTC)
    waiting = world.store.execute("SELECT count(*) FROM deliveries WHERE state IN ('pending', 'failed')").fetchone()[0]
    return page(
        "control.html",
        400 if error else 200,
        title="Control",
        error=error,
        now=now.strftime("%A, %-d %B %Y, %H:%M UTC"),
        ahead_days=str(round(world.offset() / 86_400)),
        mode=mode["webhooks"],
        modes=[(name, MODE_WORDS[name]) for name in deliveries.MODES],
        webhook_url=world.webhook_url,
        waiting=str(waiting),
        faults=[(kind, FAULT_WORDS[kind]) for kind in faults.KINDS],
        ordered=[f"{FAULT_WORDS[known['kind']]}: {known['count']} more" for known in faults.ordered(world)],
        after_retries=world.store.setting("after_retries", AFTER_RETRIES[0]),
        after_choices=AFTER_RETRIES,
        declines=list(cards.DECLINES),
        charges=[_charge(world, row) for row in world.store.select("charge", limit=SHOWN)],
        subscriptions=[_subscription(world, row) for row in world.store.select("subscription", limit=SHOWN)],
        sessions=[_session(row) for row in world.store.select("checkout.session", limit=SHOWN)],
        customers=[
            {"id": row["id"], "email": row["email"] or "", "name": row["name"] or ""}
            for row in world.store.select("customer", limit=SHOWN)
        ],
        events=[_event(world, row) for row in world.store.select("event", limit=SHOWN)],
    )


def _time(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M")


def _charge(world: World, row: Thing) -> dict[str, Any]:
    disputes = world.store.select("dispute", charge=row["id"], limit=1)
    state = row["status"]
    if row["status"] == "succeeded" and not row["captured"]:
        state = "released" if row["refunded"] else "authorised"
    elif row["amount_refunded"]:
        state = "refunded" if row["refunded"] else f"{shown(row['amount_refunded'], row['currency'])} refunded"
    open_dispute = bool(disputes) and disputes[0]["status"] in ("needs_response", "under_review")
    method = row["payment_method_details"]
    details = method[method["type"]]
    return {
        "id": row["id"],
        "intent": row["payment_intent"],
        "amount": shown(row["amount"], row["currency"]),
        "state": f"disputed: {disputes[0]['status']}" if disputes else state,
        "reason": row["failure_message"] or "",
        "time": _time(row["created"]),
        "method": f"{details.get('brand') or 'SEPA'} ···· {details['last4']} ({details['country']})",
        "refundable": row["captured"] and not row["refunded"] and row["status"] == "succeeded" and not disputes,
        "pending": row["status"] == "pending",
        "dispute": disputes[0]["id"] if open_dispute else "",
    }


def _subscription(world: World, row: Thing) -> dict[str, Any]:
    items = items_of(world, row)
    total = sum(item["price"]["unit_amount"] * item["quantity"] for item in items)
    paused = row["pause_collection"]
    return {
        "id": row["id"],
        "amount": f"{shown(total, row['currency'])} / {items[0]['price']['recurring']['interval']}" if items else "",
        "state": row["status"] + (", paused" if paused else "") + (", ends" if row["cancel_at_period_end"] else ""),
        "renews": _time(items[0]["current_period_end"]) if items and row["status"] != "canceled" else "",
        "running": row["status"] in ("active", "past_due"),
        "failing": ", ".join(row.get("_fail_next") or []),
    }


def _session(row: Thing) -> dict[str, Any]:
    return {
        "id": row["id"],
        "mode": row["mode"],
        "amount": shown(row["amount_total"], row["currency"]) if row["amount_total"] is not None else "",
        "state": row["status"] if row["status"] != "complete" else f"complete, {row['payment_status']}",
        "link": row["_path"] if row["status"] == "open" else "",
        "time": _time(row["created"]),
    }


def _event(world: World, row: Thing) -> dict[str, Any]:
    found = world.store.execute(
        "SELECT state, attempts, last_answer FROM deliveries WHERE event = ?", [row["id"]]
    ).fetchall()
    return {
        "id": row["id"],
        "type": row["type"],
        "time": _time(row["created"]),
        "deliveries": ", ".join(
            f"{each['state']} ({each['attempts']}×{' ' + each['last_answer'] if each['last_answer'] else ''})"
            for each in found
        ),
    }
