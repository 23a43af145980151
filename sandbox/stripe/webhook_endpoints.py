"""Webhook endpoints that requests register beside the one that the sandbox was started with."""

from typing import Any

from sandbox.stripe import listing
from sandbox.stripe.errors import invalid
from sandbox.stripe.ids import new_id, random_text
from sandbox.stripe.rules import merged_metadata
from sandbox.stripe.shapes import Thing, complete
from sandbox.stripe.world import API_VERSION, World

Params = dict[str, Any]


def create(world: World, params: Params) -> Thing:
    """Register an endpoint. Its secret is told this once."""
    version = params.get("api_version", API_VERSION)
    if version != API_VERSION:
        raise invalid(f"The sandbox sends events of version {API_VERSION} only.", param="api_version")
    secret = f"whsec_{random_text(32)}"
    endpoint = complete(
        "webhook_endpoint",
        id=new_id("webhook_endpoint"),
        api_version=version,
        created=world.now(),
        description=params.get("description"),
        enabled_events=params["enabled_events"],
        livemode=False,
        metadata=merged_metadata({}, params.get("metadata", {})),
        status="enabled",
        url=params["url"],
        _secret=secret,
    )
    world.store.put(endpoint)
    return endpoint | {"secret": secret}


def retrieve(world: World, params: Params, endpoint: str) -> Thing:
    """Return an endpoint, without its secret."""
    return _without_secret(world.fetch("webhook_endpoint", endpoint))


def _without_secret(endpoint: Thing) -> Thing:
    return {name: value for name, value in endpoint.items() if name != "secret"}


def update(world: World, params: Params, endpoint: str) -> Thing:
    """Change an endpoint, or switch it off."""
    thing = world.fetch("webhook_endpoint", endpoint)
    thing |= {name: params[name] for name in ("description", "enabled_events", "url") if name in params}
    if "disabled" in params:
        thing["status"] = "disabled" if params["disabled"] else "enabled"
    if "metadata" in params:
        thing["metadata"] = merged_metadata(thing["metadata"], params["metadata"])
    return _without_secret(world.store.put(thing))


def delete(world: World, params: Params, endpoint: str) -> Thing:
    """Remove an endpoint."""
    thing = world.fetch("webhook_endpoint", endpoint)
    world.store.remove(endpoint)
    return {"id": thing["id"], "object": thing["object"], "deleted": True}


def list_all(world: World, params: Params) -> Thing:
    """Return a page of endpoints."""
    listed = listing.page(world, "webhook_endpoint", params, "/v1/webhook_endpoints")
    return listed | {"data": [_without_secret(row) for row in listed["data"]]}
