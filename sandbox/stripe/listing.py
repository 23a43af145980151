"""Answer list requests page by page, as Stripe's cursors do."""

from typing import Any

from sandbox.stripe.errors import invalid
from sandbox.stripe.shapes import Thing, list_object
from sandbox.stripe.world import World

DEFAULT_LIMIT = 10


def page(world: World, kind: str, params: dict[str, Any], url: str, **equal: Any) -> Thing:
    """Return one page of the objects of a kind, newest first.

    Reads `limit`, `starting_after`, `ending_before` and `created` from the parameters; `equal` are further conditions.
    """
    limit = params.get("limit", DEFAULT_LIMIT)
    rows = select(world, kind, params, limit=limit + 1, **equal)
    has_more = len(rows) > limit
    if has_more:
        # Going back, the page is the part nearest to the cursor, so the extra row is the first one.
        rows = rows[1:] if params.get("ending_before") else rows[:limit]
    return list_object(url, rows, has_more=has_more)


def select(world: World, kind: str, params: dict[str, Any], *, limit: int | None = None, **equal: Any) -> list[Thing]:
    """Return the rows of a list request."""
    if params.get("starting_after") and params.get("ending_before"):
        raise invalid("You cannot parametrize both starting_after and ending_before.", param="starting_after")
    for name in ("starting_after", "ending_before"):
        if params.get(name):
            world.fetch(kind, params[name], param=name)
    created = params.get("created")
    if isinstance(created, int):
        created = {"eq": created}
    return world.store.select(
        kind,
        created=created,
        after=params.get("starting_after"),
        before=params.get("ending_before"),
        limit=limit,
        **equal,
    )


def equal_to(params: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the given filters, where the request named them."""
    return {name: params[name] for name in names if name in params}
