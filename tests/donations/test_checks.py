"""Settings that would take money wrongly stop the start."""

from typing import Any

import pytest

from donations.checks import stripe_is_ready, stripe_keys_agree

GOOD = {
    "STRIPE_SECRET_KEY": "sk_live_" + "a" * 24,
    "STRIPE_WEBHOOK_SECRET": "whsec_" + "b" * 24,
    "STRIPE_LIVE": True,
    "STRIPE_API_BASE": "",
    "IS_PRODUCTION": True,
    "STRIPE_PAGE_ORIGINS": ["https://checkout.stripe.com", "https://billing.stripe.com"],
}


def faults(settings: Any, **changes: Any) -> set[str]:
    for name, value in {**GOOD, **changes}.items():
        setattr(settings, name, value)
    return {str(fault.id) for fault in [*stripe_keys_agree(None), *stripe_is_ready(None)]}


def test_a_live_machine_with_everything_set_has_no_fault(settings: Any) -> None:
    assert faults(settings) == set()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"STRIPE_SECRET_KEY": "pk_live_aaaaaaaaaaaa"}, "donations.E001"),
        ({"STRIPE_LIVE": False}, "donations.E002"),
        ({"STRIPE_SECRET_KEY": "sk_test_aaaaaaaaaaaa"}, "donations.E003"),
        ({"STRIPE_API_BASE": "https://elsewhere.example"}, "donations.E004"),
        ({"STRIPE_WEBHOOK_SECRET": ""}, "donations.E005"),
        ({"STRIPE_WEBHOOK_SECRET": "insecure"}, "donations.E006"),
        ({"STRIPE_SECRET_KEY": ""}, "donations.W010"),
        ({"STRIPE_SECRET_KEY": "rk_test_aaaaaaaaaaaa", "STRIPE_LIVE": False}, "donations.W011"),
        ({"STRIPE_API_BASE": "http://127.0.0.1:8421"}, "donations.E012"),
        ({"STRIPE_PAGE_ORIGINS": []}, "donations.W013"),
    ],
)
def test_each_unsafe_setting_is_named(settings: Any, changes: dict[str, Any], fault: str) -> None:
    assert fault in faults(settings, **changes)


def test_a_development_machine_may_use_the_sandbox(settings: Any) -> None:
    sandbox = {"STRIPE_SECRET_KEY": "sk_test_sandbox", "STRIPE_LIVE": False, "STRIPE_API_BASE": "http://127.0.0.1:8421"}
    assert faults(settings, IS_PRODUCTION=False, **sandbox) == set()
