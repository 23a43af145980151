"""Events and the account, as requests read them."""

from typing import Any

from sandbox.stripe import events, listing
from sandbox.stripe.errors import invalid, missing
from sandbox.stripe.shapes import Thing, complete
from sandbox.stripe.world import World

Params = dict[str, Any]

MOST_TYPES = 20
# Older events are gone from the API.
DAYS_KEPT = 30
DAY = 86_400
UNDELIVERED = (
    "EXISTS (SELECT 1 FROM deliveries WHERE deliveries.event = objects.id AND deliveries.state != 'succeeded')"
)


def retrieve(world: World, params: Params, event: str) -> Thing:
    """Return an event of the last thirty days."""
    thing = world.fetch("event", event)
    if thing["created"] < oldest(world):
        raise missing("event", event)
    return events.with_pending_webhooks(world, thing)


def oldest(world: World) -> int:
    """Return the time before which events cannot be had any more."""
    return world.now() - DAYS_KEPT * DAY


def list_all(world: World, params: Params) -> Thing:
    """Return a page of events, newest first; `types` may hold patterns such as `charge.*`."""
    types = params.get("types")
    if types and "type" in params:
        raise invalid("You may only specify one of these parameters: type, types.", param="types")
    if types and len(types) > MOST_TYPES:
        raise invalid(f"You may pass at most {MOST_TYPES} event types.", param="types")
    if "type" in params:
        types = [params["type"]]
    where = f"created >= {oldest(world)}"
    if "delivery_success" in params:
        where += f" AND NOT {UNDELIVERED}" if params["delivery_success"] else f" AND {UNDELIVERED}"
    listed = listing.page(world, "event", params, "/v1/events", types=types, where_sql=where)
    return listed | {"data": [events.with_pending_webhooks(world, event) for event in listed["data"]]}


def retrieve_account(world: World, params: Params) -> Thing:
    """Return the account that the sandbox plays."""
    return complete(
        "account",
        id="acct_sandbox",
        business_profile={"name": "Sandbox", "url": None},
        charges_enabled=True,
        country="CH",
        default_currency="usd",
        details_submitted=True,
        email=None,
        payouts_enabled=False,
        type="standard",
    )
