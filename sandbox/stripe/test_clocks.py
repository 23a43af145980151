"""Test clocks: customers whose time stands still until somebody moves it."""

from typing import Any

from sandbox.stripe import customers, engine, events, listing
from sandbox.stripe.errors import invalid
from sandbox.stripe.ids import new_id
from sandbox.stripe.shapes import Thing, complete
from sandbox.stripe.world import World

Params = dict[str, Any]

DAYS_KEPT = 30
DAY = 86_400
LONGEST_ADVANCE = 2 * 366 * DAY


def create(world: World, params: Params) -> Thing:
    """Create a clock that stands at a given time."""
    clock = complete(
        "test_helpers.test_clock",
        id=new_id("test_helpers.test_clock"),
        created=world.now(),
        deletes_after=world.now() + DAYS_KEPT * DAY,
        frozen_time=params["frozen_time"],
        livemode=False,
        name=params.get("name"),
        status="ready",
        status_details={},
    )
    return events.save(world, clock, "test_helpers.test_clock.created")


def advance(world: World, params: Params, clock: str) -> Thing:
    """Move a clock forward. The answer says `advancing`, as Stripe's does; a later look says `ready`."""
    thing = world.fetch("test_helpers.test_clock", clock)
    to = params["frozen_time"]
    if to <= thing["frozen_time"]:
        raise invalid("The `frozen_time` must be after the clock's current time.", param="frozen_time")
    if to - thing["frozen_time"] > LONGEST_ADVANCE:
        raise invalid("A test clock can be advanced by two years at most.", param="frozen_time")
    details = {"advancing": {"target_frozen_time": to}}
    answer = thing | {"status": "advancing", "status_details": details}
    events.emit(world, "test_helpers.test_clock.advancing", answer)
    engine.advance_test_clock(world, thing, to)
    return answer


def retrieve(world: World, params: Params, clock: str) -> Thing:
    """Return a clock."""
    return world.fetch("test_helpers.test_clock", clock)


def delete(world: World, params: Params, clock: str) -> Thing:
    """Delete a clock and its customers."""
    thing = world.fetch("test_helpers.test_clock", clock)
    for customer in world.store.select("customer", test_clock=clock):
        customers.delete(world, {}, customer["id"])
    events.emit(world, "test_helpers.test_clock.deleted", thing)
    return world.store.put(
        {"id": clock, "object": "test_helpers.test_clock", "created": thing["created"], "deleted": True}
    )


def list_all(world: World, params: Params) -> Thing:
    """Return a page of clocks."""
    return listing.page(world, "test_helpers.test_clock", params, "/v1/test_helpers/test_clocks")
