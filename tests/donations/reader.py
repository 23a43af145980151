"""A reader who gives, through the front door: our pages, the sandbox's page, and the webhooks that follow."""

import random
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from django.http import HttpResponse
from django.test import Client

from donations.models import CheckoutSession, Donation
from donations.tasks import tick
from sandbox.stripe.testing import StripeSandbox

Delivery = dict[str, Any]


class Reader:
    """Everything a reader does, and what reaches us afterwards."""

    def __init__(
        self,
        client: Client,
        sandbox: StripeSandbox,
        run_queue: Callable[[], int],
        commits: Callable[..., AbstractContextManager[Any]],
    ) -> None:
        self.client = client
        self.sandbox = sandbox
        self._run_queue = run_queue
        self._commits = commits

    def submit(self, attempt_key: uuid.UUID | None = None, **fields: Any) -> HttpResponse:
        """Press the button on an attempt's page."""
        values = {"frequency": "once", "amount": "2000", "currency": "USD", "email": "reader@example.org", **fields}
        return self.client.post(f"/support/{attempt_key or uuid.uuid4()}/", values)  # type: ignore[return-value]

    def start(self, **fields: Any) -> Donation:
        """Go as far as Stripe's page."""
        attempt_key = uuid.uuid4()
        response = self.submit(attempt_key, **fields)
        assert response.status_code == 303, response.content.decode()
        return Donation.objects.get(attempt_key=attempt_key)

    def session_of(self, donation: Donation) -> CheckoutSession:
        return donation.sessions.get(state__in=CheckoutSession.LIVE_STATES)

    def pay(self, donation: Donation, card: str = "4242424242424242", **details: Any) -> dict[str, Any]:
        """Pay on Stripe's page. Nothing has reached us yet."""
        return self.sandbox.pay(str(self.session_of(donation).stripe_id), card, **details)

    def give(self, card: str = "4242424242424242", **fields: Any) -> Donation:
        """Live the whole story: choose, pay, and have every webhook delivered and worked off."""
        donation = self.start(**fields)
        answer = self.pay(donation, card)
        assert answer["error"] is None, answer["error"]
        self.webhooks()
        donation.refresh_from_db()
        return donation

    def webhooks(self, *, times: int = 1, shuffle: int | None = None, only: str = "") -> list[Delivery]:
        """Deliver everything that waits, each `times` times, in an order that `shuffle` picks, and run the queue."""
        deliveries = [one for one in self.sandbox.deliveries() if one["type"].startswith(only)]
        row = deliveries * times
        if shuffle is not None:
            random.Random(shuffle).shuffle(row)
        for delivery in row:
            assert self.deliver(delivery).status_code == 200
        self.work()
        return deliveries

    def deliver(self, delivery: Delivery) -> HttpResponse:
        """Post one webhook as Stripe does, with its own signature."""
        with self._commits(execute=True):
            return self.client.generic(  # type: ignore[return-value]
                "POST", "/stripe/webhook/", delivery["body"], "application/json", headers=delivery["headers"]
            )

    def tick(self) -> None:
        """Let the beat's minute pass, and run what it woke."""
        with self._commits(execute=True):
            tick()
        self.work()

    def open(self, address: str) -> str:
        """Read one of our pages, with what it wakes."""
        with self._commits(execute=True):
            return self.client.get(address).content.decode()

    def work(self) -> None:
        """Run what waits in the queue."""
        with self._commits(execute=True):
            self._run_queue()
