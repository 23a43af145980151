"""Which parameters a Checkout Session may have, by its mode. https://docs.stripe.com/api/checkout/sessions/create"""

import re
from typing import Any

from sandbox.stripe.errors import ApiError, invalid, not_simulated

Params = dict[str, Any]

MINUTE = 60
HOUR = 60 * MINUTE
SHORTEST_LIFE = 30 * MINUTE
LONGEST_LIFE = 24 * HOUR
# A request's clock and its way here may cost a few seconds.
TOLERANCE = 30

# Parameters that exist only in some modes.
MODES = {
    "payment_intent_data": ("payment",),
    "subscription_data": ("subscription",),
    "setup_intent_data": ("setup",),
    "invoice_creation": ("payment",),
    "customer_creation": ("payment", "setup"),
    "payment_method_collection": ("subscription",),
    "submit_type": ("payment", "subscription"),
    "line_items": ("payment", "subscription"),
    "discounts": ("payment", "subscription"),
    "allow_promotion_codes": ("payment", "subscription"),
    "shipping_options": ("payment",),
}
NOT_SIMULATED: tuple[str, ...] = (
    "allow_promotion_codes",
    "customer_account",
    "discounts",
    "optional_items",
    "shipping_options",
    "shipping_address_collection",
    "custom_fields",
    "branding_settings",
    "consent_collection",
    "payment_method_configuration",
    "permissions",
    "name_collection",
)
NOT_SIMULATED_WHEN_ENABLED: tuple[str, ...] = (
    "automatic_tax",
    "invoice_creation",
    "phone_number_collection",
    "tax_id_collection",
    "adaptive_pricing",
    "managed_payments",
)
SUBSCRIPTION_DATA = ("billing_mode", "description", "metadata", "invoice_settings")
INTENT_DATA: tuple[str, ...] = (
    "capture_method",
    "description",
    "metadata",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
)


def check(params: Params, *, now: int) -> None:
    """Refuse what Stripe refuses, in the order in which it would be noticed."""
    mode = params.get("mode")
    if mode is None:
        raise _missing("mode")
    for name, modes in MODES.items():
        if name in params and mode not in modes:
            raise invalid(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    _check_customer(params)
    _check_pages(params)
    if mode != "setup" and not params.get("line_items"):
        raise _missing("line_items")
    if mode == "setup" and "currency" not in params and "allowed_payment_method_types" not in params:
        raise _missing("currency")
    _check_life(params, now)
    _check_submit_type(params, mode)
    _check_reference(params)
    _check_items(params, mode)
    _check_simulated(params)


def _missing(name: str) -> ApiError:
    return invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")


def _check_customer(params: Params) -> None:
    for name in ("customer_email", "customer_creation"):
        if "customer" in params and name in params:
            raise invalid(f"You may only specify one of these parameters: customer, {name}.", param=name)
    if "customer_update" in params and "customer" not in params:
        raise invalid("`customer_update` can only be used with `customer`.", param="customer_update")


def _check_pages(params: Params) -> None:
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise not_simulated(f"ui_mode={params['ui_mode']}")
    if "return_url" in params:
        raise invalid("`return_url` is not allowed with `ui_mode: hosted_page`.", param="return_url")
    if "success_url" not in params:
        raise _missing("success_url")


def _check_life(params: Params, now: int) -> None:
    if "expires_at" not in params:
        return
    life = params["expires_at"] - now
    if life < SHORTEST_LIFE - TOLERANCE:
        raise invalid(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.", param="expires_at"
        )
    if life > LONGEST_LIFE + TOLERANCE:
        raise invalid(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.", param="expires_at"
        )


def _check_submit_type(params: Params, mode: str) -> None:
    kind = params.get("submit_type", "auto")
    if (mode == "subscription" and kind not in ("auto", "subscribe")) or (mode == "payment" and kind == "subscribe"):
        raise invalid(f"You can not pass `submit_type: {kind}` in `{mode}` mode.", param="submit_type")


def _check_reference(params: Params) -> None:
    reference = params.get("client_reference_id", "")
    if reference and not re.fullmatch(r"[A-Za-z0-9_\-]{1,200}", reference):
        raise invalid(
            "Invalid `client_reference_id`: only letters, digits, dashes and underscores are allowed.",
            param="client_reference_id",
        )


def _check_items(params: Params, mode: str) -> None:
    items = params.get("line_items") or []
    most = 100 if mode == "payment" else 20
    if len(items) > most:
        raise invalid(f"You may pass at most {most} line items in `{mode}` mode.", param="line_items")
    for position, item in enumerate(items):
        where = f"line_items[{position}]"
        if "quantity" not in item:
            raise invalid("Quantity is required. Add `quantity` to " + where, param=f"{where}[quantity]")
        if item["quantity"] < 1:
            raise invalid(f"Invalid positive integer: {item['quantity']}", param=f"{where}[quantity]")
        if "price" in item and "price_data" in item:
            raise invalid("You may only specify one of these parameters: price, price_data.", param=where)
        for name in ("adjustable_quantity", "tax_rates"):
            if item.get(name):
                raise not_simulated(f"{where}[{name}]")


def _check_simulated(params: Params) -> None:
    for name in NOT_SIMULATED:
        if params.get(name):
            raise not_simulated(name)
    for name in NOT_SIMULATED_WHEN_ENABLED:
        if (params.get(name) or {}).get("enabled"):
            raise not_simulated(f"{name}[enabled]")
    for holder, known in (("subscription_data", SUBSCRIPTION_DATA), ("payment_intent_data", INTENT_DATA)):
        for name in params.get(holder) or {}:
            if name not in known:
                raise not_simulated(f"{holder}[{name}]")
