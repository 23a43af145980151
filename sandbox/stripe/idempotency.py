"""Replay the answer of a request whose Idempotency-Key was used before. https://docs.stripe.com/api/idempotent_requests"""

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

from sandbox.stripe.errors import ApiError
from sandbox.stripe.world import World

LIFETIME = 24 * 3600


@dataclass(frozen=True)
class Replay:
    """The stored answer of an earlier request."""

    status: int
    body: str
    request: str


def begin(world: World, key: str, path: str, params: dict[str, Any], request: str) -> Replay | None:
    """Take a key for a request, or return the answer that it already got.

    Raises Stripe's 409 while the first request is under way, and its 400 when the request is another one.
    """
    fingerprint = hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()
    world.store.execute("DELETE FROM idempotency_keys WHERE created < ?", [time.time() - LIFETIME])
    row = world.store.execute("SELECT * FROM idempotency_keys WHERE key = ?", [key]).fetchone()
    if row is None:
        world.store.execute(
            "INSERT INTO idempotency_keys (key, path, fingerprint, request, created) VALUES (?, ?, ?, ?, ?)",
            [key, path, fingerprint, request, time.time()],
        )
        return None
    if row["path"] != path:
        raise ApiError(
            400,
            f"Keys for idempotent requests can only be used for the same endpoint they were first used for ('{path}' vs"
            f" '{row['path']}'). Try using a key other than '{key}' if you meant to execute a different request.",
            kind="idempotency_error",
        )
    if row["fingerprint"] != fingerprint:
        raise ApiError(
            400,
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try"
            f" using a key other than '{key}' if you meant to execute a different request.",
            kind="idempotency_error",
        )
    if row["status"] is None:
        raise ApiError(
            409,
            "There is currently another in-progress request using this Idempotent Key (that probably means you"
            f" submitted twice, and the other request is still going through): {key}. Please try again later.",
            code="idempotency_key_in_use",
        )
    return Replay(row["status"], row["body"], row["request"])


def in_flight(world: World) -> list[str]:
    """Return the keys of the requests that are under way."""
    rows = world.store.execute("SELECT key FROM idempotency_keys WHERE status IS NULL ORDER BY created").fetchall()
    return [row["key"] for row in rows]


def finish(world: World, key: str, status: int, body: str) -> None:
    """Keep the answer of a request for its key."""
    world.store.execute("UPDATE idempotency_keys SET status = ?, body = ? WHERE key = ?", [status, body, key])


def release(world: World, key: str) -> None:
    """Free a key whose request never began: its parameters were refused."""
    world.store.execute("DELETE FROM idempotency_keys WHERE key = ? AND status IS NULL", [key])
