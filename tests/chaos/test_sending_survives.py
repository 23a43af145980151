"""Workers killed and stopped, the mail server breaking everywhere, PostgreSQL and Redis taken away: nobody is lost.

Each test prints its figures. `CHAOS_READERS` makes the runs longer.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from subscriptions import issues
from subscriptions.models import Delivery, Issue, Newsletter
from tests.chaos.stage import Stage
from tests.subscriptions.nasty_smtp import NastyServer

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

READERS = int(os.environ.get("CHAOS_READERS", "300"))
WINDOW = 20


@pytest.fixture(scope="module")
def stage(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Stage]:
    with django_db_blocker.unblock(), Stage.built() as stage:
        yield stage


@pytest.fixture(autouse=True)
def _no_worker_is_left(stage: Stage) -> Iterator[None]:
    yield
    stage.stop_workers()


def test_killed_workers_lose_nobody_and_double_nobody(stage: Stage, say: Callable[[str], None]) -> None:
    issue = stage.make_issue(readers=READERS)
    kills = 5
    with NastyServer(seconds_per_message=0.01) as server:
        workers = [stage.start_worker(issue, server) for _number in range(2)]
        chance = random.Random(1)
        for number in range(1, kills + 1):
            stage.wait_for_accepted(issue, number * READERS // (kills + 2) - 20)
            time.sleep(chance.uniform(0, 0.05))
            stage.kill_worker(workers.pop(0))
            workers.append(stage.start_worker(issue, server))
        stage.wait_until_done(issue)
        account = stage.account(issue, server)
        say(f"{kills} kills: {account}")

        assert account.states["accepted"] + account.states["unknown"] == READERS
        assert account.states["unknown"] <= kills * WINDOW
        assert (account.lost, account.doubled) == (0, 0)

        _send_unknown_again(stage, issue)
        after = stage.account(issue, server)
        say(f"after the unknown were sent again: {after}")
        assert after.states == Counter(accepted=READERS)
        assert sum(1 for count in server.taken.values() if count) == READERS
        assert after.doubled <= account.states["unknown"]
        assert after.doubled_known == 0


def test_a_worker_that_sleeps_beyond_its_lease_is_shut_out(stage: Stage, say: Callable[[str], None]) -> None:
    issue = stage.make_issue(readers=READERS)
    with NastyServer(seconds_per_message=0.01) as server:
        sleeper = stage.start_worker(issue, server, window_seconds=1, dot_seconds=3)
        stage.wait_for_accepted(issue, 1)
        sleeper.send_signal(signal.SIGSTOP)
        time.sleep(4.5)  # The lease is one second for the window and three for the last answer.
        stage.tick(issue)
        unknown = stage.states(issue)["unknown"]
        stage.start_worker(issue, server)
        time.sleep(0.5)
        sleeper.send_signal(signal.SIGCONT)
        stage.wait_until_done(issue)
        time.sleep(0.5)
        account = stage.account(issue, server)
        say(f"stopped beyond the lease with {unknown} unknown: {account}")

        assert unknown <= WINDOW
        assert (account.lost, account.doubled) == (0, 0)
        assert account.states["accepted"] + account.states["unknown"] == READERS


def test_a_mail_server_that_breaks_everywhere_loses_nobody(stage: Stage, say: Callable[[str], None]) -> None:
    chance = random.Random(2)
    tricks = ["drop", "drop", "421 4.3.2 closing", "451 4.3.0 later"]

    def plan(step: str, count: int) -> str | None:
        if chance.random() > 0.03:
            return None
        if step in {"connect", "ehlo"}:
            return "drop"
        return "drop" if step in {"text", "after"} else chance.choice(tricks)

    issue = stage.make_issue(readers=READERS)
    with NastyServer(plan) as server:
        for _number in range(2):
            stage.start_worker(issue, server)
        stage.wait_until_done(issue, seconds=120)
        account = stage.account(issue, server)
        say(f"a breaking mail server: {account}")

        assert account.states["accepted"] + account.states["unknown"] + account.states["refused"] == READERS
        assert (account.lost, account.doubled) == (0, 0)
        # Only a reader whom the server failed nine times over is given up, and the row says so.
        expired = Delivery.objects.filter(issue=issue, state="refused")
        assert set(expired.values_list("reason", flat=True)) <= {"expired"}


def test_the_rule_to_resend_reaches_everyone(stage: Stage, say: Callable[[str], None]) -> None:
    issue = stage.make_issue(readers=120, unknown_deliveries=Newsletter.UnknownDeliveries.RESEND)
    with NastyServer(lambda step, count: "drop" if step == "dot" and count % 10 == 0 else None) as server:
        stage.start_worker(issue, server)
        stage.wait_until_done(issue)
        account = stage.account(issue, server)
        say(f"resent by rule: {account}")

        assert sum(1 for count in server.taken.values() if count) == 120
        assert account.doubled_known == 0


def test_postgresql_restarted_in_the_middle_loses_nobody(stage: Stage, say: Callable[[str], None]) -> None:
    issue = stage.make_issue(readers=READERS)
    with NastyServer(seconds_per_message=0.01) as server:
        for _number in range(2):
            stage.start_worker(issue, server)
        for share in (4, 2):
            stage.wait_for_accepted(issue, READERS // share)
            connection.close()
            stage.servers.restart("postgres")
        stage.wait_until_done(issue)
        account = stage.account(issue, server)
        say(f"PostgreSQL restarted twice: {account}")

        assert account.states["accepted"] + account.states["unknown"] == READERS
        assert (account.lost, account.doubled) == (0, 0)


def test_two_workers_share_an_issue_without_overlap(stage: Stage, say: Callable[[str], None]) -> None:
    issue = stage.make_issue(readers=READERS)
    with NastyServer(seconds_per_message=0.005) as server:
        for _number in range(2):
            stage.start_worker(issue, server, window_seconds=60, dot_seconds=60)
        stage.wait_until_done(issue)
        account = stage.account(issue, server)
        say(str(account))

    assert account.states == Counter(accepted=READERS)
    assert (account.lost, account.doubled) == (0, 0)
    # Each worker keeps three connections.
    assert server.connections == 6


def _send_unknown_again(stage: Stage, issue: Issue) -> None:
    issues.resend_unknown(issue, by=None, at=timezone.now())
    if issue.state == Issue.State.SENDING:
        stage.wait_until_done(issue)
