"""What the tests of giving share: amount rules, the sandbox's Stripe as its own process, and a reader who gives."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from donations import waiting
from donations.truth import sweeping
from sandbox.stripe.testing import StripeSandbox
from tests.donations.factories import make_amount_rules
from tests.donations.reader import Reader

WEBHOOK_SECRET = "whsec_of_the_tests_alone"


@pytest.fixture
def amounts(db: None) -> None:
    make_amount_rules()


@pytest.fixture(scope="session")
def _stripe_process() -> Iterator[StripeSandbox]:
    with StripeSandbox(webhook_secret=WEBHOOK_SECRET) as sandbox:
        yield sandbox


@pytest.fixture
def stripe_sandbox(_stripe_process: StripeSandbox, settings: Any) -> StripeSandbox:
    """The sandbox's Stripe with nothing in it; the product speaks to it over HTTP with the unmodified SDK."""
    _stripe_process.reset()
    settings.STRIPE_API_BASE = _stripe_process.url
    settings.STRIPE_SECRET_KEY = "sk_test_of_the_tests"
    settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
    return _stripe_process


@pytest.fixture
def reader(
    client: Client,
    amounts: None,
    stripe_sandbox: StripeSandbox,
    run_queue: Callable[[], int],
    django_capture_on_commit_callbacks: Any,
) -> Reader:
    return Reader(client, stripe_sandbox, run_queue, django_capture_on_commit_callbacks)


@pytest.fixture(autouse=True)
def _short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the page after the payment wait only a moment: here the worker runs when the test says so."""
    monkeypatch.setattr(waiting, "LONGEST_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(sweeping, "ASK_AGAIN_AFTER", timedelta(0))
