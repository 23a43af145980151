"""Give each object every field that its class in the SDK declares.

Builders name the fields that carry something. The rest follow from the pinned SDK, so a field that Stripe adds appears
here with the upgrade, and a field that the SDK does not declare is refused.
"""

from functools import cache
from importlib import import_module
from typing import Any, get_args

from stripe._object_classes import OBJECT_CLASSES

Thing = dict[str, Any]

# Fields that Stripe leaves out unless they are asked for by `expand` or apply to the object.
ABSENT = {
    "account": {"external_accounts", "future_requirements", "groups", "individual"},
    "charge": {"level3", "refunds"},
    "checkout.session": {"line_items", "permissions", "optional_items", "name_collection"},
    "customer": {"cash_balance", "invoice_credit_balance", "sources", "subscriptions", "tax", "tax_ids"},
    "event": {"account", "context"},
    "invoice": {"confirmation_secret", "payments"},
    "price": {"currency_options", "tiers"},
}


@cache
def declared_fields(kind: str) -> dict[str, bool]:
    """Return the fields that the SDK's class declares for an object, each with whether it may be null."""
    module, name = OBJECT_CLASSES[kind]
    sdk_class = getattr(import_module(module), name)
    return {
        field: type(None) in get_args(hint)
        for field, hint in sdk_class.__annotations__.items()
        if not field.startswith("_") and field not in ("OBJECT_NAME", "deleted")
    }


def complete(kind: str, **values: Any) -> Thing:
    """Return an object of this kind with its values and null for every other field that may be null.

    Fields that begin with an underscore are the sandbox's own notes; answers leave them out.
    Raises `LookupError` when a value's field is not declared or a required field has no value.
    """
    declared = declared_fields(kind)
    unknown = [name for name in values if name not in declared and not name.startswith("_")]
    if unknown:
        raise LookupError(f"{kind} has no field {unknown[0]}.")
    absent = ABSENT.get(kind, set())
    thing: Thing = {"id": values.pop("id"), "object": kind} if "id" in values else {"object": kind}
    for name in sorted(declared):
        if name in values or name in ("id", "object"):
            continue
        if kind == "payment_method" and name in _payment_method_types():
            continue
        if not declared[name]:
            raise LookupError(f"{kind} needs a value for {name}.")
        if name not in absent:
            values[name] = None
    return thing | {name: values[name] for name in sorted(values)}


@cache
def _payment_method_types() -> frozenset[str]:
    """Return the fields of which a payment method carries only the one that its type names."""
    common = {
        "allow_redisplay",
        "billing_details",
        "created",
        "customer",
        "customer_account",
        "id",
        "livemode",
        "metadata",
    }
    return frozenset(declared_fields("payment_method")) - common - {"object", "type"}


def list_object(url: str, data: list[Thing], *, has_more: bool = False) -> Thing:
    """Return Stripe's list shape around some objects."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}
