"""The whole of giving as processes that a test may kill: web, worker, PostgreSQL, Redis, SMTP, a Stripe."""

import os
import signal
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from celery import Celery
from django.db.models import Q
from django.test import override_settings
from django.utils import timezone
from redis import Redis
from redis.exceptions import RedisError

from donations.models import CheckoutSession, Donation, StripeEvent
from newsroom.models import Job, OutgoingMail
from newsroom.settings import celery_broker_url
from sandbox.children import Child, Program
from sandbox.environment import with_database_number
from sandbox.ports import HOST, free_port
from sandbox.programs import product
from sandbox.stripe.testing import StripeSandbox
from tests.chaos.stage import Stage
from tests.donations.signing import signature_of
from tests.mailbox import Mailbox

SECRET = "whsec_of_the_chaos_tests"
KEY = "sk_test_of_the_chaos_tests"
# How long what stands still is left alone before it is swept up. A sweep queues work of its own, so that one which
# follows at once on another fills the queue of a slow machine quicker than its worker empties it.
SWEEP_SECONDS = 8.0
# The product's own queue, read by the tests only to know that nothing is left in it.
QUEUE = "chaos"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Leave the answer as it is."""


class MoneyStage:
    """Readers come over HTTP to the production server; what Stripe sends reaches it over HTTP as well."""

    def __init__(self, stage: Stage, sandbox: StripeSandbox, mailbox: Mailbox, programs: dict[str, Program]) -> None:
        self.stage = stage
        self.sandbox = sandbox
        self.mailbox = mailbox
        self.programs = programs
        self.children: dict[str, Child] = {}
        self.site = programs["web"].environment["SITE_URL"]
        self.kills: Counter[str] = Counter()
        self._number = count(1)
        self._browser = urllib.request.build_opener(NoRedirect)

    @classmethod
    @contextmanager
    def built(cls) -> Iterator["MoneyStage"]:
        with ExitStack() as stack:
            stage = stack.enter_context(Stage.built())
            mailbox = stack.enter_context(Mailbox())
            port = free_port()
            site = f"http://{HOST}:{port}"
            sandbox = stack.enter_context(StripeSandbox(webhook_url=f"{site}/stripe/webhook/", webhook_secret=SECRET))
            own = {
                "STRIPE_API_BASE": sandbox.url,
                "STRIPE_SECRET_KEY": KEY,
                "STRIPE_WEBHOOK_SECRET": SECRET,
                "SITE_URL": site,
                "EMAIL_URL": f"smtp://{HOST}:{mailbox.port}",
                "TRUSTED_PROXIES": "1",
                "CELERY_QUEUE": QUEUE,
            }
            programs = product(stage.environment | own, {"web": port}, stage.servers.folder.path)
            stack.enter_context(
                override_settings(
                    STRIPE_API_BASE=sandbox.url, STRIPE_SECRET_KEY=KEY, STRIPE_WEBHOOK_SECRET=SECRET, SITE_URL=site
                )
            )
            # The tests say when the books are compared.
            Job.objects.create(name="reconcile", last_date=timezone.now().date() + timedelta(days=1))
            built = cls(stage, sandbox, mailbox, {program.name: program for program in programs})
            stack.callback(built.stop)
            built.launch("web")
            built.launch("worker")
            built.children["web"].wait_until_ready()
            yield built

    # Processes

    def launch(self, name: str) -> None:
        log = self.stage.servers.folder.path / f"{name}.log"
        with log.open("ab") as output:
            self.children[name] = Child(self.programs[name], output)

    def kill(self, name: str) -> None:
        """End a program and all its processes at once, in the middle of whatever it does, and start it again."""
        self.children[name].kill()
        self.kills[name] += 1
        self.launch(name)

    def kill_redis(self) -> None:
        """End Redis at once and lose everything in it."""
        for name in ("broker", "cache"):
            child = next(one for one in self.stage.servers.children if one.program.name == name)
            os.kill(child.pid, signal.SIGKILL)
            child.process.wait()
            for file in Path(child.program.folder).rglob("*"):
                if file.is_file():
                    file.unlink()
            self.stage.servers.restart(name)
        self.kills["redis"] += 1

    def stop(self) -> None:
        for child in self.children.values():
            child.kill()

    def log(self, name: str) -> str:
        return (self.stage.servers.folder.path / f"{name}.log").read_text(errors="replace")[-4000:]

    # A reader

    def submit(self, attempt_key: uuid.UUID, **fields: Any) -> tuple[int, str]:
        """Press the button on an attempt's page; return the answer's status and where it leads."""
        number = next(self._number)
        values = {"frequency": "once", "amount": "2000", "currency": "USD", "email": f"r{number}@example.org", **fields}
        headers = {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}
        request = urllib.request.Request(  # noqa: S310 - our own server on loopback.
            f"{self.site}/support/{attempt_key}/", urllib.parse.urlencode(values).encode(), headers
        )
        try:
            with self._browser.open(request, timeout=60) as answer:
                return answer.status, answer.headers.get("Location", "")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers.get("Location", "")

    def start(self, **fields: Any) -> Donation:
        """Go as far as Stripe's page."""
        attempt_key = uuid.uuid4()
        status, where = self.submit(attempt_key, **fields)
        assert (status, bool(where)) == (303, True), f"{status} {where} {self.log('web')}"
        return Donation.objects.get(attempt_key=attempt_key)

    def session_of(self, donation: Donation) -> CheckoutSession:
        return donation.sessions.get(state__in=CheckoutSession.LIVE_STATES)

    # What Stripe sends

    def deliver(self, body: bytes) -> int:
        """Post one event as Stripe does, with its signature, and return the answer's status."""
        headers = {"Content-Type": "application/json", "Stripe-Signature": signature_of(body, SECRET)}
        request = urllib.request.Request(f"{self.site}/stripe/webhook/", body, headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    # Waiting

    def sweep(self) -> None:
        """Do what a minute's tick does for events and mail, and let nothing wait for its lease or its next try."""
        at = timezone.now()
        StripeEvent.objects.filter(state=StripeEvent.State.RECEIVED, not_before__gt=at).update(not_before=at)
        held = Q(state=OutgoingMail.State.SENDING, claim_expires_at__gt=at)
        OutgoingMail.objects.filter(held).update(claim_expires_at=at)
        waiting = Q(state__in=[OutgoingMail.State.QUEUED, OutgoingMail.State.UNKNOWN], not_before__gt=at)
        OutgoingMail.objects.filter(waiting, tries__lt=2).update(not_before=at)
        self.push("newsroom.tasks.tick")
        self.push("donations.tasks.tick")

    def push(self, task: str) -> None:
        """Put a task into the queue as the beat does."""
        with Celery(broker=celery_broker_url(self.stage.environment["REDIS_URL"])) as app:
            app.send_task(task, queue=QUEUE, ignore_result=True, expires=SWEEP_SECONDS)

    def unfinished(self) -> dict[str, int]:
        """Return how much still waits, by kind; empty when all is at rest."""
        events = StripeEvent.objects.filter(state=StripeEvent.State.RECEIVED)
        mails = OutgoingMail.objects.filter(state__in=[OutgoingMail.State.QUEUED, OutgoingMail.State.SENDING])
        counts = {
            "deliveries": len(self.sandbox.deliveries(take=False)),
            "tasks": self._in_queue(),
            "events": events.count(),
            "mails": mails.count(),
        }
        return {name: number for name, number in counts.items() if number}

    def _in_queue(self) -> int:
        url = self.stage.environment["REDIS_URL"]
        try:
            with Redis.from_url(with_database_number(url, 0)) as redis:
                return int(redis.llen(QUEUE))
        except RedisError:
            return 0

    def rest(self, *, seconds: float = 180.0, until: Callable[[], bool] = lambda: False) -> None:
        """Return when nothing waits any more, or `until` is true.

        Whatever stands still for a while is swept up, as the beat would.
        """
        deadline, moved, before = time.monotonic() + seconds, time.monotonic(), dict[str, int]()
        while (now := self.unfinished()) and not until():
            if now != before:
                moved, before = time.monotonic(), now
            if time.monotonic() - moved > SWEEP_SECONDS:
                self.sweep()
                moved = time.monotonic()
            assert time.monotonic() < deadline, f"It never rests: {now}\n{self.log('worker')}"
            time.sleep(0.05)
