"""Servers and workers that a chaos test may kill, and the account of what came of everybody afterwards."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from django.core.management import call_command
from django.db import connections
from django.utils import timezone
from psycopg.conninfo import conninfo_to_dict

from newsroom.database_roles import OWNER
from sandbox.folder import Folder, short_folder
from sandbox.servers import Servers
from subscriptions import claims, issues
from subscriptions.models import Delivery, Issue, Subscriber, Subscription
from tests.subscriptions.factories import make_newsletter
from tests.subscriptions.issue_factories import make_issue
from tests.subscriptions.nasty_smtp import NastyServer
from tests.subscriptions.provider_server import ProviderServer

PROJECT = Path(__file__).resolve().parents[2]
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Account:
    """What became of everybody, by the rows and by the mail server's own count."""

    states: Counter[str]
    lost: int
    doubled: int
    doubled_known: int
    prepared: int

    def __str__(self) -> str:
        states = ", ".join(f"{count} {state}" for state, count in sorted(self.states.items()))
        return f"{self.prepared} prepared: {states}; {self.lost} lost, {self.doubled} doubled"


class Stage:
    """PostgreSQL and Redis of this test alone, with fsync on, and worker processes on them."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self.environment = os.environ | servers.environment
        self.workers: list[subprocess.Popen[bytes]] = []

    @classmethod
    @contextmanager
    def built(cls) -> Iterator["Stage"]:
        folder = Folder(short_folder("newsroom-chaos-"))
        folder.claim()
        without = {
            name: value
            for name, value in os.environ.items()
            if name not in {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"}
        }
        try:
            with mock.patch.dict(os.environ, without, clear=True):
                servers = Servers(folder, durable=True)
                servers.start()
            stage = cls(servers)
            try:
                with stage.own_database():
                    call_command("migrate", verbosity=0)
                    yield stage
            finally:
                stage.stop_workers()
                servers.stop()
        finally:
            folder.release()
            shutil.rmtree(folder.path, ignore_errors=True)

    @contextmanager
    def own_database(self) -> Iterator[None]:
        """Point this process's models at the stage's database."""
        original = {alias: dict(connections[alias].settings_dict) for alias in connections}
        variables = {"default": "DATABASE_URL", OWNER: "DATABASE_OWNER_URL"}
        for alias, variable in ((alias, variables[alias]) for alias in original):
            parts = conninfo_to_dict(self.environment[variable])
            connections[alias].close()
            connections[alias].settings_dict.update(
                NAME=parts["dbname"], HOST=parts["host"], PORT=str(parts["port"]), USER=parts["user"]
            )
        try:
            yield
        finally:
            for alias, values in original.items():
                connections[alias].close()
                connections[alias].settings_dict.update(values)

    # Rows

    def make_issue(self, *, readers: int, **kwargs: object) -> Issue:
        """Make an issue that is being sent to so many readers. The consent ledger has tests of its own."""
        newsletter = make_newsletter(**kwargs)
        subscribers = Subscriber.objects.bulk_create(
            Subscriber(email=f"n{newsletter.pk}r{number}@example.org", created_at=LONG_AGO, confirmed_at=LONG_AGO)
            for number in range(readers)
        )
        Subscription.objects.bulk_create(
            Subscription(
                subscriber=subscriber,
                newsletter=newsletter,
                state=Subscription.State.ACTIVE,
                requested_at=LONG_AGO,
                confirmed_at=LONG_AGO,
            )
            for subscriber in subscribers
        )
        issue = make_issue(newsletter=newsletter)
        at = timezone.now()
        issues.approve(issue, by=None, at=at)
        issues.start(issue, by=None, at=at)
        return issue

    # Workers

    def start_worker(
        self,
        issue: Issue,
        server: NastyServer | ProviderServer,
        *,
        window_seconds: float = 1.0,
        dot_seconds: float = 1.0,
    ) -> subprocess.Popen[bytes]:
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.worker", str(issue.pk), str(window_seconds), str(dot_seconds), "3"],
            cwd=PROJECT,
            env=self.environment | {"EMAIL_URL": server.email_url, "SENDING_WORKERS": "3"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.workers.append(worker)
        return worker

    def kill_worker(self, worker: subprocess.Popen[bytes]) -> None:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        self.workers.remove(worker)

    def kill_server(self, name: str) -> None:
        """End a server of this stage at once, as a crash does."""
        child = next(child for child in self.servers.children if child.program.name == name)
        os.kill(child.pid, signal.SIGKILL)
        child.process.wait()

    def stop_workers(self) -> None:
        for worker in list(self.workers):
            worker.send_signal(signal.SIGCONT)
            self.kill_worker(worker)

    # Watching

    def tick(self, issue: Issue) -> None:
        """Do what a minute's tick does for an issue: expire leases, and let nothing wait for its next try."""
        at = timezone.now()
        claims.expire(at=at)
        Delivery.objects.filter(issue=issue, state="pending", not_before__gt=at).update(not_before=at)
        issues.finish(issue, at=at)

    def wait_until_done(self, issue: Issue, *, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds + (issue.prepared or 0) / 20
        while Issue.objects.get(pk=issue.pk).state != Issue.State.SENT:
            assert time.monotonic() < deadline, f"The issue hangs: {self.states(issue)}"
            self.tick(issue)
            time.sleep(0.1)

    def wait_for_accepted(self, issue: Issue, count: int, *, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds + count / 20
        while claims.progress(issue, at=timezone.now()).counts["accepted"] < count:
            assert time.monotonic() < deadline, f"Too few accepted: {self.states(issue)}"
            time.sleep(0.02)

    def states(self, issue: Issue) -> Counter[str]:
        return Counter(Delivery.objects.filter(issue=issue).values_list("state", flat=True))

    def account(self, issue: Issue, server: NastyServer | ProviderServer) -> Account:
        """Compare the rows with the mail server's count. Nobody may be lost, nor doubled outside the unknown."""
        rows = list(Delivery.objects.filter(issue=issue).values_list("uuid", "state", "tries"))
        name = "<{}@meridian.example>" if isinstance(server, NastyServer) else "{}"
        taken = {uuid: server.taken[name.format(uuid.hex)] for uuid, _state, _tries in rows}
        issue.refresh_from_db()
        assert sum(server.taken.values()) == sum(taken.values()), "the server took something nobody sent"
        return Account(
            states=Counter(state for _uuid, state, _tries in rows),
            lost=sum(1 for uuid, state, _tries in rows if state == "accepted" and not taken[uuid]),
            doubled=sum(1 for count in taken.values() if count > 1),
            doubled_known=sum(1 for uuid, _state, tries in rows if taken[uuid] > 1 and tries <= 1),
            prepared=issue.prepared or 0,
        )
