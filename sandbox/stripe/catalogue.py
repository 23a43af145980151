"""Products and prices."""

from typing import Any

from sandbox.stripe import events, listing
from sandbox.stripe.errors import invalid, not_simulated
from sandbox.stripe.ids import new_id
from sandbox.stripe.money import MAXIMUM, check_currency
from sandbox.stripe.rules import merged_metadata
from sandbox.stripe.shapes import Thing, complete
from sandbox.stripe.world import World

Params = dict[str, Any]

# The longest interval that Stripe bills, three years.
LONGEST_INTERVAL = {"day": 1095, "week": 156, "month": 36, "year": 3}


def create_product(world: World, params: Params) -> Thing:
    """Create a product."""
    if "default_price_data" in params:
        raise not_simulated("default_price_data")
    return events.save(world, build_product(world, params), "product.created")


def build_product(world: World, params: Params, *, active: bool = True) -> Thing:
    """Return a product that is not stored yet."""
    product_id = params.get("id") or new_id("product")
    if world.store.get(product_id):
        raise invalid("Product already exists.", code="resource_already_exists", param="id")
    return complete(
        "product",
        id=product_id,
        active=params.get("active", active),
        created=world.now(),
        description=params.get("description"),
        images=params.get("images") or [],
        livemode=False,
        marketing_features=[],
        metadata=merged_metadata({}, params.get("metadata", {})),
        name=params["name"],
        statement_descriptor=params.get("statement_descriptor"),
        tax_code=params.get("tax_code"),
        type="service",
        unit_label=params.get("unit_label"),
        updated=world.now(),
        url=params.get("url"),
    )


def retrieve_product(world: World, params: Params, product: str) -> Thing:
    """Return a product."""
    return world.fetch("product", product)


def update_product(world: World, params: Params, product: str) -> Thing:
    """Change a product."""
    thing = world.fetch("product", product)
    names = ("active", "description", "name", "statement_descriptor", "unit_label", "url")
    changes: Params = {name: params[name] if params[name] != "" else None for name in names if name in params}
    if "metadata" in params:
        changes["metadata"] = merged_metadata(thing["metadata"], params["metadata"])
    return events.update(world, thing, "product.updated", updated=world.now(), **changes)


def delete_product(world: World, params: Params, product: str) -> Thing:
    """Delete a product that has no prices."""
    thing = world.fetch("product", product)
    if world.store.select("price", product=product, limit=1):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.", param="product")
    events.emit(world, "product.deleted", thing)
    return world.store.put({"id": product, "object": "product", "created": thing["created"], "deleted": True})


def list_products(world: World, params: Params) -> Thing:
    """Return a page of products."""
    return listing.page(world, "product", params, "/v1/products", **listing.equal_to(params, "active", "url"))


def create_price(world: World, params: Params) -> Thing:
    """Create a price."""
    for name in ("currency_options", "custom_unit_amount", "tiers", "tiers_mode", "transform_quantity"):
        if name in params:
            raise not_simulated(name)
    if "product" in params:
        product = world.fetch("product", params["product"], param="product")
    elif "product_data" in params:
        product = events.save(world, build_product(world, params["product_data"]), "product.created")
    else:
        raise invalid("You must specify either `product` or `product_data` when creating a price.", param="product")
    return events.save(world, build_price(world, params, product), "price.created")


def from_price_data(world: World, data: Params, *, param: str) -> Thing:
    """Create the price that a request describes inline. Stripe keeps such prices out of its catalogue: not active."""
    if ("product" in data) == ("product_data" in data):
        raise invalid(
            "You must specify either `product` or `product_data` when creating a price.", param=f"{param}[product]"
        )
    if "product" in data:
        product = world.fetch("product", data["product"], param=f"{param}[product]")
    else:
        product = events.save(world, build_product(world, data["product_data"], active=False))
    return events.save(world, build_price(world, data | {"active": False}, product, param=param))


def build_price(world: World, params: Params, product: Thing, *, param: str = "") -> Thing:
    """Return a price that is not stored yet."""
    where = f"{param}[unit_amount]" if param else "unit_amount"
    if "unit_amount" not in params:
        if "unit_amount_decimal" in params:
            raise not_simulated("unit_amount_decimal")
        raise invalid("Missing required param: unit_amount.", param=where, code="parameter_missing")
    amount = params["unit_amount"]
    if not 0 <= amount <= MAXIMUM:
        raise invalid(f"Invalid non-negative integer: {amount}", param=where, code="parameter_invalid_integer")
    recurring = params.get("recurring")
    if recurring:
        recurring = _recurring(recurring, param)
    return complete(
        "price",
        id=new_id("price"),
        active=params.get("active", True),
        billing_scheme="per_unit",
        created=world.now(),
        currency=check_currency(params["currency"], param=f"{param}[currency]" if param else "currency"),
        livemode=False,
        lookup_key=params.get("lookup_key"),
        metadata=merged_metadata({}, params.get("metadata", {})),
        nickname=params.get("nickname"),
        product=product["id"],
        recurring=recurring,
        tax_behavior=params.get("tax_behavior", "unspecified"),
        type="recurring" if recurring else "one_time",
        unit_amount=amount,
        unit_amount_decimal=str(amount),
    )


def _recurring(recurring: Params, param: str) -> Params:
    count = recurring.get("interval_count", 1)
    longest = LONGEST_INTERVAL[recurring["interval"]]
    if not 1 <= count <= longest:
        raise invalid(
            f"The `interval_count` must be between 1 and {longest} for the interval {recurring['interval']}.",
            param=f"{param}[recurring][interval_count]" if param else "recurring[interval_count]",
        )
    return {
        "interval": recurring["interval"],
        "interval_count": count,
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def retrieve_price(world: World, params: Params, price: str) -> Thing:
    """Return a price."""
    return world.fetch("price", price)


def update_price(world: World, params: Params, price: str) -> Thing:
    """Change what may be changed of a price; its amount never may."""
    thing = world.fetch("price", price)
    changes: Params = {name: params[name] or None for name in ("lookup_key", "nickname") if name in params}
    if "active" in params:
        changes["active"] = params["active"]
    if "metadata" in params:
        changes["metadata"] = merged_metadata(thing["metadata"], params["metadata"])
    return events.update(world, thing, "price.updated", **changes)


def list_prices(world: World, params: Params) -> Thing:
    """Return a page of prices."""
    filters = listing.equal_to(params, "active", "currency", "product", "type")
    if "lookup_keys" in params:
        rows = listing.select(world, "price", params, **filters)
        rows = [row for row in rows if row["lookup_key"] in params["lookup_keys"]]
        return {"object": "list", "data": rows, "has_more": False, "url": "/v1/prices"}
    return listing.page(world, "price", params, "/v1/prices", **filters)


def plan_of(price: Thing) -> Thing:
    """Return a recurring price in its older shape, which subscription items still carry."""
    return complete(
        "plan",
        id=price["id"],
        active=price["active"],
        amount=price["unit_amount"],
        amount_decimal=price["unit_amount_decimal"],
        billing_scheme="per_unit",
        created=price["created"],
        currency=price["currency"],
        interval=price["recurring"]["interval"],
        interval_count=price["recurring"]["interval_count"],
        livemode=False,
        metadata=price["metadata"],
        nickname=price["nickname"],
        product=price["product"],
        usage_type="licensed",
    )
