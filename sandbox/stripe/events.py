"""Record what happened, as Stripe's events do, and hand each event to the webhooks."""

from typing import Any

from sandbox.stripe import deliveries
from sandbox.stripe.ids import new_id
from sandbox.stripe.presenting import present
from sandbox.stripe.shapes import Thing, complete
from sandbox.stripe.world import API_VERSION, World


def emit(world: World, kind: str, thing: Thing, *, previous: dict[str, Any] | None = None) -> Thing:
    """Record an event with the object as it is now; `previous` are the old values of the fields that changed."""
    data: dict[str, Any] = {"object": present(world, thing)}
    if previous:
        data["previous_attributes"] = previous
    event = complete(
        "event",
        id=new_id("event"),
        api_version=API_VERSION,
        created=world.now(),
        data=data,
        livemode=False,
        pending_webhooks=len(deliveries.receivers(world, kind)),
        request=world.request or {"id": None, "idempotency_key": None},
        type=kind,
    )
    world.store.put(event)
    deliveries.enqueue(world, event)
    return event


def save(world: World, thing: Thing, kind: str | None = None) -> Thing:
    """Write an object; with an event kind, record that event too."""
    world.store.put(thing)
    if kind:
        emit(world, kind, thing)
    return thing


def update(world: World, thing: Thing, kind: str | None, **changes: Any) -> Thing:
    """Change fields of a stored object in place.

    With an event kind, and when a field really changed, an event names the old values. What another step stored since
    this copy was read stays.
    """
    thing.update(world.store.get(thing["id"]) or {})
    visible = {name: value for name, value in changes.items() if not name.startswith("_")}
    previous = {name: thing.get(name) for name, value in visible.items() if thing.get(name) != value}
    thing.update(changes)
    world.store.put(thing)
    if kind and previous:
        emit(world, kind, thing, previous=previous)
    return thing


def with_pending_webhooks(world: World, event: Thing) -> Thing:
    """Return an event with the number of deliveries that have not succeeded yet."""
    return event | {"pending_webhooks": deliveries.pending(world, event["id"])}
