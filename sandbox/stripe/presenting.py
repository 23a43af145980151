"""Turn a stored object into the answer that Stripe would give: children attached, ids expanded where asked."""

from collections.abc import Iterable
from typing import Any

from sandbox.stripe.errors import invalid
from sandbox.stripe.shapes import Thing, declared_fields, list_object
from sandbox.stripe.world import World

MAXIMUM_DEPTH = 4


def present(world: World, thing: Thing, expand: Iterable[str] = ()) -> Thing:
    """Return an object without the sandbox's notes, with `expand` paths such as `latest_invoice.payments` filled in."""
    if thing.get("deleted"):
        return {"id": thing["id"], "object": thing["object"], "deleted": True}
    answer = {name: value for name, value in thing.items() if not name.startswith("_")}
    if "_path" in thing and "url" in answer:
        answer["url"] = world.base_url + thing["_path"] if answer["url"] else None
    if thing["object"] == "subscription":
        answer["items"] = _items(world, thing)
    if thing["object"] == "dispute":
        rows = [world.store.get(transaction) for transaction in thing["balance_transactions"]]
        answer["balance_transactions"] = [row for row in rows if row]
    for path in expand:
        _expand(world, answer, path.split("."), path)
    return answer


def present_list(world: World, listed: Thing, expand: Iterable[str] = ()) -> Thing:
    """Return a list whose objects are presented; paths begin with `data.`."""
    inner = []
    for path in expand:
        if not path.startswith("data."):
            raise invalid(
                f"This property cannot be expanded ({path}). You may want to try expanding 'data.{path}' instead.",
                param="expand[0]",
            )
        inner.append(path.removeprefix("data."))
    return listed | {"data": [present(world, thing, inner) for thing in listed["data"]]}


def _items(world: World, subscription: Thing) -> Thing:
    rows = world.store.select("subscription_item", subscription=subscription["id"])
    return list_object(
        f"/v1/subscription_items?subscription={subscription['id']}", [present(world, row) for row in reversed(rows)]
    ) | {"total_count": len(rows)}


def _expand(world: World, holder: Any, path: list[str], whole: str) -> None:
    """Fill in the property that a path names, and go on inside it."""
    if len(whole.split(".")) > MAXIMUM_DEPTH + 1:
        raise invalid(f"You cannot expand more than {MAXIMUM_DEPTH} levels of a property. Property: {whole}")
    name, rest = path[0], path[1:]
    if name == "data" and isinstance(holder.get("data"), list):
        inside = holder["data"]
    else:
        if name not in holder:
            holder[name] = _included(world, holder, name, whole)
        holder[name] = _filled(world, holder[name], whole)
        inside = holder[name] if isinstance(holder[name], list) else [holder[name]]
    for inner in inside:
        if rest and isinstance(inner, dict):
            _expand(world, inner, rest, whole)


def _filled(world: World, value: Any, whole: str) -> Any:
    """Return the object in place of its id, or objects in place of a list of ids."""
    if isinstance(value, list):
        return [_loaded(world, inner) for inner in value]
    if isinstance(value, dict) or value is None:
        return value
    found = world.store.get(value) if isinstance(value, str) else None
    if found is None:
        raise invalid(f"This property cannot be expanded ({whole}).", param="expand[0]")
    return present(world, found)


def _loaded(world: World, value: Any) -> Any:
    found = world.store.get(value) if isinstance(value, str) else None
    return present(world, found) if found else value


def _included(world: World, holder: Thing, name: str, whole: str) -> Any:
    """Return a list that Stripe includes only when it is expanded."""
    kind, owner = holder.get("object"), holder.get("id", "")
    if kind == "checkout.session" and name == "line_items":
        session = world.fetch("checkout.session", owner)
        return list_object(f"/v1/checkout/sessions/{owner}/line_items", session["_line_items"])
    if kind == "invoice" and name == "payments":
        rows = world.store.select("invoice_payment", invoice=owner)
        return list_object(f"/v1/invoices/{owner}/payments", [present(world, row) for row in rows])
    if kind == "charge" and name == "refunds":
        rows = world.store.select("refund", charge=owner)
        return list_object(f"/v1/charges/{owner}/refunds", [present(world, row) for row in rows])
    if kind == "customer" and name == "subscriptions":
        rows = [row for row in world.store.select("subscription", customer=owner) if row["status"] != "canceled"]
        return list_object(f"/v1/customers/{owner}/subscriptions", [present(world, row) for row in rows])
    if kind == "customer" and name in ("sources", "tax_ids"):
        return list_object(f"/v1/customers/{owner}/{name}", [])
    if kind in ("customer", "price") and name in declared_fields(kind):
        return None
    raise invalid(f"This property cannot be expanded ({whole}).", param="expand[0]")
