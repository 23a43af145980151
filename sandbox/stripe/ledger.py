"""The whole truth about the money, for a test to compare the product's own books with."""

from typing import Any

from sandbox.stripe.shapes import Thing
from sandbox.stripe.world import World


def ledger(world: World) -> dict[str, Any]:
    """Return every movement of money, oldest first, and the state of all that can move money."""
    charges = {charge["id"]: charge for charge in world.store.select("charge")}
    refunds = {refund["id"]: refund for refund in world.store.select("refund")}
    disputes = {dispute["id"]: dispute for dispute in world.store.select("dispute")}
    return {
        "movements": [
            _movement(world, row, charges, refunds, disputes)
            for row in reversed(world.store.select("balance_transaction"))
        ],
        "charges": [_charge(world, charge) for charge in reversed(charges.values())],
        "refunds": [_return(row) for row in reversed(refunds.values())],
        "disputes": [_return(row) for row in reversed(disputes.values())],
        "subscriptions": [_subscription(world, row) for row in reversed(world.store.select("subscription"))],
        "sessions": [_session(row) for row in reversed(world.store.select("checkout.session"))],
    }


def _return(row: Thing) -> dict[str, Any]:
    names = ("id", "charge", "payment_intent", "amount", "currency", "status", "reason", "created")
    return {name: row[name] for name in names}


def _session(row: Thing) -> dict[str, Any]:
    names = ("id", "mode", "status", "payment_status", "amount_total", "currency", "payment_intent", "subscription")
    more = ("setup_intent", "customer", "client_reference_id", "metadata", "created")
    return {name: row[name] for name in names + more}


def _movement(
    world: World, row: Thing, charges: dict[str, Thing], refunds: dict[str, Thing], disputes: dict[str, Thing]
) -> dict[str, Any]:
    source = row["source"]
    refund, dispute = refunds.get(source), disputes.get(source)
    charge = charges[(refund or dispute or {"charge": source})["charge"]]
    names: tuple[str, ...] = (
        "id",
        "type",
        "reporting_category",
        "amount",
        "fee",
        "net",
        "currency",
        "created",
        "source",
    )
    return {name: row[name] for name in names} | {
        "charge": charge["id"],
        "refund": refund and refund["id"],
        "dispute": dispute and dispute["id"],
        **_origin(world, charge),
    }


def _origin(world: World, charge: Thing) -> dict[str, Any]:
    intent = world.store.get(charge["payment_intent"]) or {}
    invoice = world.store.get(intent.get("_invoice") or "") or {}
    return {
        "payment_intent": charge["payment_intent"],
        "invoice": invoice.get("id"),
        "subscription": invoice.get("_subscription"),
        "customer": charge["customer"],
        "session": intent.get("_session"),
    }


def _charge(world: World, charge: Thing) -> dict[str, Any]:
    names = (
        "id",
        "amount",
        "amount_captured",
        "amount_refunded",
        "currency",
        "status",
        "captured",
        "refunded",
        "disputed",
        "created",
        "metadata",
        "balance_transaction",
        "failure_code",
    )
    return {name: charge[name] for name in names} | _origin(world, charge)


def _subscription(world: World, row: Thing) -> dict[str, Any]:
    items = world.store.select("subscription_item", subscription=row["id"])
    names = ("id", "status", "customer", "currency", "metadata", "cancel_at_period_end", "cancel_at", "ended_at")
    return {name: row[name] for name in (*names, "pause_collection", "latest_invoice", "created")} | {
        "amount": sum(item["price"]["unit_amount"] * item["quantity"] for item in items),
        "interval": items[0]["price"]["recurring"]["interval"] if items else None,
        "current_period_end": items[0]["current_period_end"] if items else None,
    }
