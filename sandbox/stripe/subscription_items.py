"""The items of subscriptions: what is billed, and what happens when it changes."""

from typing import Any

from sandbox.stripe import billing, catalogue, events, invoices, listing
from sandbox.stripe.errors import invalid, missing, not_simulated
from sandbox.stripe.ids import new_id
from sandbox.stripe.money import check_amount, shown
from sandbox.stripe.presenting import present
from sandbox.stripe.rules import merged_metadata
from sandbox.stripe.shapes import Thing, complete
from sandbox.stripe.world import World

Params = dict[str, Any]

ONE_TIME = "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`."


def prices_of(world: World, items: list[Params], *, param: str = "items") -> list[tuple[Thing, int, dict[str, str]]]:
    """Return the price, quantity and metadata of each requested item."""
    if not items:
        raise invalid(f"Missing required param: {param}.", param=param, code="parameter_missing")
    found = []
    for position, item in enumerate(items):
        where = f"{param}[{position}]"
        price = price_of(world, item, where)
        if price["type"] != "recurring":
            raise invalid(
                ONE_TIME,
                param=f"{where}[price]",
            )
        found.append((price, item.get("quantity", 1), merged_metadata({}, item.get("metadata") or {})))
    recurrings = {(price["recurring"]["interval"], price["recurring"]["interval_count"]) for price, _, _ in found}
    currencies = {price["currency"] for price, _, _ in found}
    if len(currencies) > 1:
        raise invalid("The prices of a subscription must all use the same currency.", param=param)
    if len(recurrings) > 1:
        raise not_simulated("prices of different intervals in one subscription")
    return found


def price_of(world: World, item: Params, where: str) -> Thing:
    """Return the price that an item names or describes."""
    if "price_data" in item:
        return catalogue.from_price_data(world, item["price_data"], param=f"{where}[price_data]")
    if "price" in item:
        return world.fetch("price", item["price"], param=f"{where}[price]")
    raise invalid(
        f"One of the following params is required: {where}[price], {where}[price_data].",
        param=where,
        code="parameter_missing",
    )


def build(world: World, subscription: Thing, price: Thing, quantity: int, metadata: dict[str, str]) -> Thing:
    """Return an item that is not stored yet."""
    return complete(
        "subscription_item",
        id=new_id("subscription_item"),
        created=world.now(),
        current_period_end=world.now(),
        current_period_start=world.now(),
        discounts=[],
        metadata=metadata,
        plan=catalogue.plan_of(price),
        price=present(world, price),
        quantity=quantity,
        subscription=subscription["id"],
        tax_rates=[],
    )


def change(world: World, subscription: Thing, params: Params) -> Params:
    """Change prices and quantities in place, and return the subscription's fields as they were before."""
    behaviour = params.get("proration_behavior", "create_prorations")
    if behaviour == "always_invoice":
        raise not_simulated("proration_behavior=always_invoice")
    before = {"items": present(world, subscription)["items"]}
    known = {item["id"]: item for item in billing.items_of(world, subscription)}
    for position, given in enumerate(params["items"]):
        where = f"items[{position}]"
        if given.get("deleted") or "id" not in given:
            raise not_simulated(f"{where} without the id of an item to change")
        item = known.get(given["id"])
        if item is None:
            raise missing("subscription_item", given["id"], param=f"{where}[id]", status=400)
        price = price_of(world, given, where) if "price" in given or "price_data" in given else item["price"]
        quantity = given.get("quantity", item["quantity"])
        _check_change(subscription, item, price, where)
        # A subscription may cost nothing for a while; its invoices are then paid without a charge.
        if price["unit_amount"]:
            check_amount(price["unit_amount"] * quantity, price["currency"], param=where)
        if behaviour == "create_prorations":
            _prorate(world, subscription, item, price, quantity)
        metadata = merged_metadata(item["metadata"], given["metadata"]) if "metadata" in given else item["metadata"]
        events.update(
            world,
            item,
            None,
            price=present(world, price),
            plan=catalogue.plan_of(price),
            quantity=quantity,
            metadata=metadata,
        )
    return before


def _check_change(subscription: Thing, item: Thing, price: Thing, where: str) -> None:
    if price["type"] != "recurring":
        raise invalid(
            ONE_TIME,
            param=f"{where}[price]",
        )
    if price["currency"] != subscription["currency"]:
        raise invalid(
            f"The price specified only supports `{price['currency']}`. This doesn't match the expected currency:"
            f" `{subscription['currency']}`.",
            param=f"{where}[price]",
        )
    same = ("interval", "interval_count")
    if any(price["recurring"][name] != item["price"]["recurring"][name] for name in same):
        raise not_simulated(f"{where}: a change of the billing interval")


def _prorate(world: World, subscription: Thing, item: Thing, price: Thing, quantity: int) -> None:
    """Put the rest of the period at the old and at the new price onto the next invoice."""
    start, end_at = item["current_period_start"], item["current_period_end"]
    now = world.now()
    if now >= end_at:
        return
    lines = list(subscription.get("_pending_lines") or [])
    for each, count, sign, words in (
        (item["price"], item["quantity"], -1, "Unused time on"),
        (price, quantity, 1, "Remaining time on"),
    ):
        whole = each["unit_amount"] * count
        part = (whole * (end_at - now) * 2 + (end_at - start)) // (2 * (end_at - start))
        said = f"{words} {count} × {shown(each['unit_amount'], each['currency'])}"
        lines.append(invoices.proration_line(item | {"quantity": count}, each, sign * part, said, now, end_at))
    events.update(world, subscription, None, _pending_lines=lines)


def retrieve(world: World, params: Params, item: str) -> Thing:
    """Return a subscription item."""
    return world.fetch("subscription_item", item)


def list_all(world: World, params: Params) -> Thing:
    """Return the items of a subscription."""
    url = f"/v1/subscription_items?subscription={params['subscription']}"
    return listing.page(world, "subscription_item", params, url, subscription=params["subscription"])
