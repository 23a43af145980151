"""Stripe settings that would take money wrongly, or not at all, stop the start."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's own name.

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def register_all() -> None:
    register(stripe_keys_agree, Tags.security)
    register(stripe_is_ready, Tags.security, deploy=True)


def stripe_keys_agree(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The key's mode is the one that was meant."""
    return list(_key_faults())


def _key_faults() -> Iterator[CheckMessage]:
    key = settings.STRIPE_SECRET_KEY
    if not key:
        return
    kind, _sep, rest = key.partition("_")
    mode = rest.partition("_")[0]
    if kind not in ("sk", "rk") or mode not in ("test", "live"):
        yield Error(
            "STRIPE_SECRET_KEY is not a secret key.",
            hint="It begins with sk_test_, sk_live_ or rk_live_.",
            id="donations.E001",
        )
    if mode == "live" and not settings.STRIPE_LIVE:
        yield Error(
            "STRIPE_SECRET_KEY takes real money, and STRIPE_LIVE is not 1.",
            hint="Set STRIPE_LIVE=1 on the production machine alone.",
            id="donations.E002",
        )
    if mode == "test" and settings.STRIPE_LIVE:
        yield Error("STRIPE_LIVE is 1, but STRIPE_SECRET_KEY takes no real money.", id="donations.E003")
    if mode == "live" and settings.STRIPE_API_BASE:
        yield Error("STRIPE_API_BASE leads a live key elsewhere than to Stripe.", id="donations.E004")
    if not settings.STRIPE_WEBHOOK_SECRET:
        yield Error(
            "STRIPE_WEBHOOK_SECRET is empty, so no webhook can be believed.",
            hint="Copy the endpoint's signing secret (whsec_…) from Stripe.",
            id="donations.E005",
        )
    elif not settings.STRIPE_WEBHOOK_SECRET.startswith("whsec_") or len(settings.STRIPE_WEBHOOK_SECRET) < 20:
        yield Error(
            "STRIPE_WEBHOOK_SECRET is not a signing secret.", hint="It begins with whsec_.", id="donations.E006"
        )


def stripe_is_ready(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """What a production machine needs to take gifts."""
    return list(_production_faults()) if settings.IS_PRODUCTION else []


def _production_faults() -> Iterator[CheckMessage]:
    if not settings.STRIPE_SECRET_KEY:
        yield Warning("STRIPE_SECRET_KEY is empty: no gift can be taken.", id="donations.W010")
    elif not settings.STRIPE_LIVE:
        yield Warning("Gifts are taken in Stripe's test mode: no money moves.", id="donations.W011")
    if settings.STRIPE_API_BASE and urlsplit(settings.STRIPE_API_BASE).hostname in LOOPBACK:
        yield Error("STRIPE_API_BASE names this machine: that is the sandbox, not Stripe.", id="donations.E012")
    if "https://checkout.stripe.com" not in settings.STRIPE_PAGE_ORIGINS:
        yield Warning(
            "STRIPE_PAGE_ORIGINS lacks https://checkout.stripe.com: browsers drop the way to Stripe's page.",
            id="donations.W013",
        )
