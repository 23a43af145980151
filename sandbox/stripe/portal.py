"""Billing portal sessions and configurations, as requests create them."""

import time
from typing import Any

from sandbox.stripe import customers, listing
from sandbox.stripe.errors import invalid, not_simulated
from sandbox.stripe.ids import new_id, random_text
from sandbox.stripe.rules import merged_metadata
from sandbox.stripe.shapes import Thing, complete
from sandbox.stripe.world import World

Params = dict[str, Any]

# A portal link is meant to be followed at once. https://docs.stripe.com/customer-management/integrate-customer-portal
LIFETIME = 3600
FLOWS = ("payment_method_update", "subscription_cancel")


def create_session(world: World, params: Params) -> Thing:
    """Create a portal session and its page."""
    if "customer" not in params:
        raise invalid("Missing required param: customer.", param="customer", code="parameter_missing")
    customer = customers.existing(world, params["customer"], param="customer")
    configuration = _configuration(world, params)
    if not (params.get("return_url") or configuration["default_return_url"]):
        raise invalid(
            "No return_url was provided. You must provide a return_url when creating a portal session, or set a"
            " default one.",
            param="return_url",
        )
    flow = _flow(world, customer, params["flow_data"]) if "flow_data" in params else None
    token = f"test_{random_text(40)}"
    session = complete(
        "billing_portal.session",
        id=new_id("billing_portal.session"),
        configuration=configuration["id"],
        created=world.now(),
        customer=customer["id"],
        flow=flow,
        livemode=False,
        locale=params.get("locale"),
        return_url=params.get("return_url") or configuration["default_return_url"],
        url=f"/p/session/{token}",
        _path=f"/p/session/{token}",
        _token=token,
        _until=int(time.time()) + LIFETIME,
    )
    return world.store.put(session)


def _configuration(world: World, params: Params) -> Thing:
    if "configuration" in params:
        return world.fetch("billing_portal.configuration", params["configuration"], param="configuration")
    rows = world.store.select("billing_portal.configuration", is_default=True)
    return rows[0] if rows else _build(world, {}, is_default=True)


def _flow(world: World, customer: Thing, given: Params) -> Params:
    kind = given["type"]
    if kind not in FLOWS:
        raise not_simulated(f"flow_data[type]={kind}")
    completion = given.get("after_completion") or {"type": "portal_homepage"}
    flow: Params = {
        "after_completion": {
            "hosted_confirmation": completion.get("hosted_confirmation"),
            "redirect": completion.get("redirect"),
            "type": completion["type"],
        },
        "type": kind,
    }
    if kind == "subscription_cancel":
        name = (given.get("subscription_cancel") or {}).get("subscription", "")
        subscription = world.fetch("subscription", name, param="flow_data[subscription_cancel][subscription]")
        if subscription["customer"] != customer["id"]:
            raise invalid("The subscription does not belong to the customer.", param="flow_data[subscription_cancel]")
        flow["subscription_cancel"] = {"retention": None, "subscription": name}
    return flow


def create_configuration(world: World, params: Params) -> Thing:
    """Create a configuration of the portal."""
    return _build(world, params)


def _build(world: World, params: Params, *, is_default: bool = False) -> Thing:
    wanted = params.get("features") or {}
    cancel = wanted.get("subscription_cancel") or {"enabled": is_default}
    features = {
        "customer_update": {"allowed_updates": [], "enabled": False},
        "invoice_history": {"enabled": (wanted.get("invoice_history") or {}).get("enabled", is_default)},
        "payment_method_update": {
            "enabled": (wanted.get("payment_method_update") or {}).get("enabled", is_default),
            "payment_method_configuration": None,
        },
        "subscription_cancel": {
            "cancellation_reason": {"enabled": False, "options": []},
            "enabled": cancel["enabled"],
            "mode": cancel.get("mode", "at_period_end"),
            "proration_behavior": "none",
        },
        "subscription_pause": {"duration": {"interval_options": [], "type": "indefinite"}, "enabled": False},
        "subscription_update": {
            "billing_cycle_anchor": None,
            "default_allowed_updates": [],
            "enabled": False,
            "products": None,
            "proration_behavior": "none",
            "schedule_at_period_end": {"conditions": []},
            "trial_update_behavior": "end_trial",
        },
    }
    profile = dict.fromkeys(("headline", "privacy_policy_url", "terms_of_service_url"))
    return world.store.put(
        complete(
            "billing_portal.configuration",
            id=new_id("billing_portal.configuration"),
            active=True,
            business_profile=profile | (params.get("business_profile") or {}),
            created=world.now(),
            default_return_url=params.get("default_return_url"),
            features=features,
            is_default=is_default,
            livemode=False,
            login_page={"enabled": False, "url": None},
            metadata=merged_metadata({}, params.get("metadata", {})),
            name=params.get("name"),
            updated=world.now(),
        )
    )


def retrieve_configuration(world: World, params: Params, configuration: str) -> Thing:
    """Return a configuration."""
    return world.fetch("billing_portal.configuration", configuration)


def list_configurations(world: World, params: Params) -> Thing:
    """Return a page of configurations."""
    filters = listing.equal_to(params, "active", "is_default")
    return listing.page(world, "billing_portal.configuration", params, "/v1/billing_portal/configurations", **filters)
