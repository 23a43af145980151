"""Misbehave on demand: rate limits, refusals, errors, slow answers, and answers lost after the work was done."""

from dataclasses import dataclass
from typing import Any

from sandbox.stripe.errors import ApiError
from sandbox.stripe.world import World

KINDS = ("rate_limit", "refuse", "server_error", "error_after", "slow", "lose_answer")
DEFAULT_SECONDS = 2.0


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request. `seconds` is how long a slow or lost answer takes."""

    kind: str = ""
    seconds: float = 0.0


def order(
    world: World, kind: str, count: int, *, seconds: float = DEFAULT_SECONDS, method: str = "", path: str = ""
) -> None:
    """Have the next `count` requests go wrong (-1 for all), those with this HTTP method and path prefix."""
    orders = world.store.setting("faults", [])
    orders = [known for known in orders if (known["kind"], known["method"], known["path"]) != (kind, method, path)]
    if count:
        orders.append({"kind": kind, "count": count, "seconds": seconds, "method": method, "path": path})
    world.store.set_setting("faults", orders)


def ordered(world: World) -> list[dict[str, Any]]:
    """Return what is ordered at present."""
    return list(world.store.setting("faults", []))


def take(world: World, method: str, path: str) -> Fault:
    """Return what goes wrong with this request, and use the order up."""
    orders = ordered(world)
    for known in orders:
        if (known["method"] and known["method"] != method) or not path.startswith(known["path"]):
            continue
        if known["count"] > 0:
            known["count"] -= 1
            world.store.set_setting("faults", [each for each in orders if each["count"]])
        return Fault(known["kind"], known["seconds"])
    return Fault()


def raise_for(fault: Fault) -> None:
    """Raise the error that a fault answers with before any work is done."""
    if fault.kind == "rate_limit":
        raise ApiError(
            429,
            "Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits.",
            code="rate_limit",
        )
    if fault.kind == "refuse":
        raise ApiError(403, "The provided key does not have the required permissions for this endpoint.")
    if fault.kind == "server_error":
        raise ApiError(500, "An unknown error occurred", kind="api_error")
