"""The sandbox's Stripe as a process of its own, spoken to over HTTP by the unmodified SDK."""

from collections.abc import Iterator

import pytest
import stripe

from sandbox.stripe.testing import StripeSandbox
from tests.sandbox.stripe.shop import Shop


@pytest.fixture(scope="session")
def _process() -> Iterator[StripeSandbox]:
    with StripeSandbox(webhook_secret="whsec_of_the_test") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_process: StripeSandbox) -> StripeSandbox:
    """A sandbox with nothing in it and the real time on its clock."""
    _process.reset()
    return _process


@pytest.fixture
def client(sandbox: StripeSandbox) -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_sandbox", base_addresses={"api": sandbox.url})


@pytest.fixture
def shop(client: stripe.StripeClient, sandbox: StripeSandbox) -> Shop:
    return Shop(client, sandbox)
