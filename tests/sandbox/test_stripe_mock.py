"""A second opinion on our requests: Stripe's own mock checks each against its published description of the API.

The mock keeps nothing and declines nothing, so it says no more than that a request is well formed. These tests run
where its program is found: STRIPE_MOCK_PATH, on the PATH, or in ~/go/bin, where `go install` puts it.
"""

import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from django.utils import timezone

from donations import keeping, mine, stripe_api
from donations.models import GivingTerms, Payment, RecurringGift
from donations.reconcile import reconcile
from sandbox.ports import HOST, free_port
from sandbox.programs import PROJECT, accepts
from sandbox.stripe.errors import ApiError
from sandbox.stripe.form_encoding import decode, split_key
from sandbox.stripe.parameters import checked
from sandbox.stripe.routes import ROUTES
from tests.donations.conftest import _short_wait, _stripe_process, amounts, reader, stripe_sandbox  # noqa: F401
from tests.donations.reader import Reader

# What the mock's description does not have yet and the SDK's has, by call and parameter.
NEWER_THAN_THE_MOCK = frozenset(
    {
        # The successor of `payment_method_types` since 2026; the mock's description is older than our API version.
        ("checkout.sessions.create", "allowed_payment_method_types"),
    }
)
IBAN = "DE89370400440532013000"


def program() -> str:
    """Return the mock's program, or an empty text."""
    named = [os.environ.get("STRIPE_MOCK_PATH", ""), shutil.which("stripe-mock") or ""]
    named.append(str(Path.home() / "go" / "bin" / "stripe-mock"))
    return next((path for path in named if path and Path(path).is_file()), "")


pytestmark = [pytest.mark.django_db, pytest.mark.where(bool(program()))]


@dataclass(frozen=True)
class Sent:
    """One request of the product's, as it went over the wire."""

    method: str
    path: str
    query: str
    body: str

    @property
    def service(self) -> str:
        """The SDK's name for the call."""
        known = [one for one in ROUTES if one.method == self.method and one.expression.fullmatch(self.path)]
        assert known, f"{self.method} {self.path} is no call that the sandbox knows"
        return known[0].service

    @property
    def parameters(self) -> dict[str, Any]:
        return decode(self.body or self.query)

    @property
    def body_for_the_mock(self) -> str:
        """The body without the parameters that are newer than the mock."""
        pairs = parse_qsl(self.body, keep_blank_values=True)
        return urlencode([pair for pair in pairs if (self.service, split_key(pair[0])[0]) not in NEWER_THAN_THE_MOCK])

    @property
    def shape(self) -> tuple[str, tuple[str, ...]]:
        """What tells two requests apart: the call and the names of its parameters."""
        return self.service, tuple(sorted(line.partition("=")[0] for line in (self.body or self.query).split("&")))


class Listener:
    """Stands between the product and the sandbox's Stripe, and writes down what is asked."""

    def __init__(self, target: str) -> None:
        self.sent: list[Sent] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = urlsplit(self.path)
                listener.sent.append(Sent(self.command, parts.path, parts.query, body.decode()))
                status, headers, content = ask(target, self.command, self.path, body, dict(self.headers.items()))
                self.send_response(status)
                for name in ("Content-Type", "Request-Id", "Stripe-Should-Retry"):
                    if name in headers:
                        self.send_header(name, headers[name])
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the base class's names.

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name.
                """Keep the test's output clean."""

        self.server = ThreadingHTTPServer((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self.server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def ask(base: str, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any, bytes]:
    kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "content-length")}
    request = urllib.request.Request(base + path, data=body or None, headers=kept, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    """The mock's address: plain HTTP on loopback, ended with the tests."""
    port = free_port()
    # By way of the sandbox's launcher, so that a run which is killed leaves nothing behind.
    launching = [sys.executable, "-I", "-S", str(PROJECT / "sandbox" / "launch.py"), str(os.getpid()), "15", "-"]
    process = subprocess.Popen(
        [*launching, program(), "-http-addr", f"{HOST}:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 30
        while not accepts(port)():
            assert process.poll() is None and time.monotonic() < deadline, "stripe-mock did not start"
            time.sleep(0.05)
        yield f"http://{HOST}:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def listener(stripe_sandbox: Any, settings: Any) -> Iterator[Listener]:  # noqa: F811 - the fixture.
    with Listener(stripe_sandbox.url) as listener:
        settings.STRIPE_API_BASE = listener.url
        yield listener


def refusals(mock: str, sent: list[Sent]) -> dict[str, str]:
    """Send each request to the mock and return its refusals, but for what is newer than its description."""
    refused = {}
    for one in sent:
        address = one.path + (f"?{one.query}" if one.query else "")
        headers = {"Authorization": "Bearer sk_test_123", "Content-Type": "application/x-www-form-urlencoded"}
        status, _headers, content = ask(mock, one.method, address, one.body_for_the_mock.encode(), headers)
        if status >= 400:
            refused[f"{one.service} {one.body or one.query}"] = f"{status} {content.decode()[:600]}"
    return refused


def unique(sent: list[Sent]) -> list[Sent]:
    return list({one.shape: one for one in sent}.values())


def live(who: Reader) -> None:
    """Live through everything that makes the product ask Stripe for something."""
    once = who.give()
    keeping.refund(
        Payment.objects.get(donation=once),
        amount=500,
        key=once.attempt_key,
        by=None,
        reason="asked",
        at=timezone.now(),
    )
    who.give("4000000000000259", currency="JPY", amount="5000", covers_fee="on", email="second@example.org")
    debit = who.start(currency="EUR", email="third@example.org")
    who.sandbox.pay(str(who.session_of(debit).stripe_id), "", iban=IBAN)
    who.sandbox.settle(outcome="succeeded")
    who.webhooks()
    changed = who.start(email="fourth@example.org")
    who.submit(changed.attempt_key, amount="5000", email="fourth@example.org")
    monthly = who.give(frequency="monthly", amount="500", email="fifth@example.org")
    gift = RecurringGift.objects.get(donation=monthly)
    at = timezone.now()
    keeping.change_amount(gift, 700, at=at)
    keeping.pause(gift, months=1, at=at)
    keeping.resume(gift, at=at)
    keeping.card_address(gift, return_url="http://testserver/support/mine/")
    who.sandbox.fail_next(gift.stripe_id, times=9)
    who.sandbox.advance(days=70)
    who.webhooks()
    annual = who.give(frequency="annual", amount="6000", email="sixth@example.org")
    keeping.cancel(RecurringGift.objects.get(donation=annual), at=timezone.now())
    GivingTerms.objects.update_or_create(
        pk=1, defaults={"blocked_card_countries": ["RU"], "is_discreet": True, "statement_suffix": "NEWS"}
    )
    for number, card in enumerate(("4242424242424242", "4000006430000009")):
        for frequency in ("once", "monthly"):
            kept = who.start(frequency=frequency, amount="2000", email=f"{frequency}{number}@example.org")
            who.pay(kept, card)
            who.webhooks()
            who.tick()
    mine.end_gifts("fifth@example.org", timezone.now())
    mine.erase_person("fifth@example.org", timezone.now())
    who.tick()
    reconcile(since=timezone.now() - timedelta(days=3))


def test_every_request_of_a_life_of_gifts_is_well_formed_to_stripes_own_mock(
    reader: Reader,  # noqa: F811 - the fixture.
    listener: Listener,
    mock: str,
) -> None:
    live(reader)
    asked = unique(listener.sent)
    assert {"checkout.sessions.create", "refunds.create", "subscriptions.update", "invoices.void_invoice"} <= {
        one.service for one in asked
    }
    assert refusals(mock, asked) == {}


def test_calls_that_are_made_rarely_are_well_formed_too(listener: Listener, mock: str) -> None:
    """Each is asked for something that is not there: what counts is the request."""
    now = timezone.now()
    rare: list[Any] = [
        lambda: stripe_api.find_checkout_session(email="reader@example.org", created_from=now, reference="x", number=1),
        lambda: stripe_api.capture_payment_intent("pi_1", idempotency_key="capture:pi_1:1"),
        lambda: stripe_api.cancel_payment_intent("pi_1"),
        lambda: stripe_api.create_refund("pi_1", amount=None, metadata={}, idempotency_key="x"),
        lambda: stripe_api.open_invoices_of("sub_1"),
        lambda: stripe_api.invoices_of("sub_1"),
        lambda: stripe_api.void_invoice("in_1"),
        lambda: stripe_api.delete_customer("cus_1"),
        lambda: stripe_api.retrieve_customer("cus_1"),
        lambda: stripe_api.invoice_of("pi_1"),
    ]
    for call in rare:
        try:
            call()
        except stripe_api.StripeRefused:
            continue
    assert len(unique(listener.sent)) == len(rare)
    assert refusals(mock, listener.sent) == {}


def test_the_mock_would_notice_a_wrong_parameter(listener: Listener, mock: str) -> None:
    """The test of the tests: a parameter that does not exist is refused by the mock as by the sandbox."""
    wrong = Sent("POST", "/v1/refunds", "", "payment_intent=pi_1&ammount=5")
    assert "ammount" in str(refusals(mock, [wrong]))
    with pytest.raises(ApiError):
        checked(wrong.service, wrong.parameters)


def test_what_is_newer_than_the_mock_is_known_to_the_sdk() -> None:
    for service, name in NEWER_THAN_THE_MOCK:
        with pytest.raises(ApiError) as refusal:
            checked(service, {name: {"nobody": "knows this"}})
        assert refusal.value.error.get("code") != "parameter_unknown" or refusal.value.error["param"] != name
