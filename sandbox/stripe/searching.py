"""Search requests, in the part of Stripe's query language that names exact values. https://docs.stripe.com/search"""

import re
from typing import Any

from sandbox.stripe.errors import invalid
from sandbox.stripe.shapes import Thing
from sandbox.stripe.world import World

Params = dict[str, Any]

CLAUSE = re.compile(
    r"\s*(?P<field>\w+)(\[(?P<quote>['\"])(?P<key>[^'\"]+)(?P=quote)\])?\s*:\s*(?P<mark>['\"])(?P<value>[^'\"]*)(?P=mark)\s*"
)
FIELDS = {
    "customer": ("email", "name", "phone"),
    "payment_intent": ("customer", "status", "currency"),
    "charge": ("customer", "status", "currency"),
    "subscription": ("status",),
    "invoice": ("customer", "status", "currency", "number"),
}


def _search(world: World, kind: str, params: Params) -> Thing:
    limit = params.get("limit", 10)
    start = int(params.get("page", 0))
    conditions = [_condition(kind, clause) for clause in re.split(r"\s+AND\s+", params["query"])]
    found = [row for row in world.store.select(kind) if all(_matches(row, *condition) for condition in conditions)]
    more = len(found) > start + limit
    return {
        "object": "search_result",
        "data": found[start : start + limit],
        "has_more": more,
        "next_page": str(start + limit) if more else None,
        "url": f"/v1/{kind}s/search",
    }


def _condition(kind: str, clause: str) -> tuple[str, str | None, str]:
    match = CLAUSE.fullmatch(clause)
    if match is None or not ((match["field"] == "metadata" and match["key"]) or match["field"] in FIELDS[kind]):
        raise invalid(f"We were unable to parse your search query: {clause}", param="query")
    return match["field"], match["key"], match["value"]


def _matches(row: Thing, field: str, key: str | None, value: str) -> bool:
    held = (row.get("metadata") or {}).get(key) if key else row.get(field)
    return held is not None and str(held).lower() == value.lower()


def customers(world: World, params: Params) -> Thing:
    """Find customers."""
    return _search(world, "customer", params)


def payment_intents(world: World, params: Params) -> Thing:
    """Find payment intents."""
    return _search(world, "payment_intent", params)


def charges(world: World, params: Params) -> Thing:
    """Find charges."""
    return _search(world, "charge", params)


def subscriptions(world: World, params: Params) -> Thing:
    """Find subscriptions."""
    return _search(world, "subscription", params)


def invoices(world: World, params: Params) -> Thing:
    """Find invoices."""
    return _search(world, "invoice", params)
