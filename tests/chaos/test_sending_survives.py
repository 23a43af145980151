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
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import DjangoDbBlocker
from redis import Redis

from subscriptions import consent, issues, reports
from subscriptions.models import Consent, Delivery, Issue, Newsletter, SendingLimit, Subscription
from subscriptions.readers import erase_person
from tests.chaos.stage import Stage
from tests.subscriptions import nasty_smtp, provider_server
from tests.subscriptions.nasty_smtp import NastyServer
from tests.subscriptions.provider_server import ProviderServer

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

READERS = int(os.environ.get("CHAOS_READERS", "200"))
WINDOW = 20
KILLS = max(3, READERS // 100)


@pytest.fixture(scope="module")
def stage(django_db_blocker: DjangoDbBlocker) -> Iterator[Stage]:
    """Stand on a database of this file's own, so that the tests' database need not even exist."""
    with django_db_blocker.unblock(), Stage.built() as stage:
        yield stage


@pytest.fixture(autouse=True)
def _no_worker_is_left(stage: Stage) -> Iterator[None]:
    yield
    stage.stop_workers()
    SendingLimit.objects.all().delete()


def test_killed_workers_lose_nobody_and_double_nobody(stage: Stage, say: Callable[[str], None]) -> None:
    issue = stage.make_issue(readers=READERS)
    kills = KILLS
    with NastyServer(seconds_per_message=0.01) as server:
        workers = [stage.start_worker(issue, server) for _number in range(2)]
        chance = random.Random(1)
        for number in range(1, kills + 1):
            # The windows of the killed wait for their leases meanwhile.
            stage.wait_for_accepted(issue, number * READERS // (kills + 2) - number * WINDOW)
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
    # Slow at first, so that the worker is stopped in the middle of a window.
    with NastyServer(seconds_per_message=0.12) as server:
        sleeper = stage.start_worker(issue, server, window_seconds=1, dot_seconds=2)
        stage.wait_for_accepted(issue, 1)
        time.sleep(0.2)
        sleeper.send_signal(signal.SIGSTOP)
        server.seconds_per_message = 0.005
        time.sleep(3.3)  # The lease is one second for the window and two for the last answer.
        stage.tick(issue)
        unknown = stage.states(issue)["unknown"]
        stage.start_worker(issue, server)
        time.sleep(0.5)
        sleeper.send_signal(signal.SIGCONT)
        stage.wait_until_done(issue)
        time.sleep(0.5)
        account = stage.account(issue, server)
        say(f"stopped beyond the lease with {unknown} unknown: {account}")

        assert 1 <= unknown <= WINDOW
        assert (account.lost, account.doubled) == (0, 0)
        assert account.states["accepted"] + account.states["unknown"] == READERS


def test_a_mail_server_that_breaks_everywhere_loses_nobody(stage: Stage, say: Callable[[str], None]) -> None:
    chance = random.Random(2)
    tricks = ["drop", "drop", "421 4.3.2 closing", "451 4.3.0 later"]

    def plan(step: str, count: int) -> str | None:
        if step == "rcpt" and count % 40 == 0:
            return "550 5.1.1 unknown"
        if step in {"text", "dot"} and count % 90 == 0:
            return "hang"
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
        say(f"a breaking, refusing and hanging mail server: {account}")

        assert account.states["accepted"] + account.states["unknown"] + account.states["refused"] == READERS
        assert account.states["refused"] >= READERS // 60
        assert (account.lost, account.doubled) == (0, 0)
        # Beside those it refused, only a reader whom the server failed nine times over is given up; the row says so.
        refused = Delivery.objects.filter(issue=issue, state="refused")
        assert set(refused.values_list("reason", flat=True)) <= {"expired", "refused"}

        server.plan = nasty_smtp.always_good
        _send_unknown_again(stage, issue)
        after = stage.account(issue, server)
        say(f"after the unknown were sent again: {after}")
        assert after.states == Counter(accepted=READERS - account.states["refused"], refused=account.states["refused"])
        assert after.lost == 0
        assert after.doubled_known == 0


def test_the_rule_to_resend_reaches_everyone(stage: Stage, say: Callable[[str], None]) -> None:
    issue = stage.make_issue(readers=80, unknown_deliveries=Newsletter.UnknownDeliveries.RESEND)
    with NastyServer(lambda step, count: "drop" if step == "dot" and count % 10 == 0 else None) as server:
        stage.start_worker(issue, server)
        stage.wait_until_done(issue)
        account = stage.account(issue, server)
        say(f"resent by rule: {account}")

        assert sum(1 for count in server.taken.values() if count) == 80
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


def test_redis_killed_and_emptied_in_the_middle_loses_nobody(stage: Stage, say: Callable[[str], None]) -> None:
    SendingLimit.objects.create(domain="", per_minute=60 * 200)
    issue = stage.make_issue(readers=READERS)
    with NastyServer(seconds_per_message=0.01) as server:
        for _number in range(2):
            stage.start_worker(issue, server)
        stage.wait_for_accepted(issue, READERS // 4)
        for name in ("cache", "broker"):
            stage.kill_server(name)
        before = stage.states(issue)["accepted"]
        # Without Redis each worker counts alone, at a quarter of the rate: slower, and it goes on.
        stage.wait_for_accepted(issue, min(before + 30, READERS))
        for name in ("cache", "broker"):
            stage.servers.restart(name)
            Redis.from_url(stage.servers.environment[f"{'CACHE' if name == 'cache' else 'REDIS'}_URL"]).flushall()
        stage.wait_until_done(issue)
        account = stage.account(issue, server)
        say(f"both Redis killed and emptied: {account}")

    assert account.states == Counter(accepted=READERS)
    assert (account.lost, account.doubled) == (0, 0)


def test_workers_killed_while_a_provider_answers_lose_nobody(stage: Stage, say: Callable[[str], None]) -> None:
    """A call is one window, so a worker that dies in the middle of one leaves that window unknown and no more."""
    slow_and_moody: list[int | str | None] = [None, None, None, 503, None, None, "drop", None, None, 500]

    def plan(count: int, recipients: list[str]) -> int | str | None:
        time.sleep(0.05)
        return slow_and_moody[count % len(slow_and_moody)]

    issue = stage.make_issue(readers=READERS)
    with ProviderServer(plan) as server:
        workers = [stage.start_worker(issue, server, window_seconds=2) for _number in range(2)]
        stage.wait_for_accepted(issue, READERS // 6)
        stage.kill_worker(workers.pop())
        stage.start_worker(issue, server, window_seconds=2)
        stage.wait_until_done(issue)
        account = stage.account(issue, server)
        say(f"a moody provider and a killed worker: {account}")

        assert account.states["accepted"] + account.states["unknown"] == READERS
        assert (account.lost, account.doubled) == (0, 0)
        server.plan = provider_server.always_good
        _send_unknown_again(stage, issue)
        after = stage.account(issue, server)
        assert after.states == Counter(accepted=READERS)
        assert after.doubled_known == 0


def test_two_workers_share_an_issue_without_overlap_and_heed_who_left(stage: Stage, say: Callable[[str], None]) -> None:
    """Each worker is a process with connections of its own, to Redis too."""
    SendingLimit.objects.create(domain="", per_minute=60 * 1000)
    issue = stage.make_issue(readers=READERS)
    at = timezone.now()
    leaving, bouncing, erased = (list(issue.deliveries.order_by("pk")[n : n + 8]) for n in (0, 60, 120))
    for delivery in leaving:
        consent.withdraw(_subscription(delivery), page="", method=Consent.Method.ONE_CLICK, at=at)
    for delivery in bouncing:
        reports.failed(_subscription(delivery).subscriber.email, status_code="5.1.1", at=at)
    gone = {_subscription(delivery).subscriber.email for delivery in erased}
    for email in gone:
        with transaction.atomic():
            erase_person(email, at)
    with NastyServer(seconds_per_message=0.005) as server:
        for _number in range(2):
            stage.start_worker(issue, server, window_seconds=60, dot_seconds=60)
        stage.wait_until_done(issue)
        account = stage.account(issue, server)
        say(str(account))

    skipped = Delivery.objects.filter(issue=issue, state="skipped").values_list("reason", flat=True)
    assert Counter(skipped) == Counter(unsubscribed=8, suppressed=8, erased=8)
    assert account.states == Counter(accepted=READERS - 24, skipped=24)
    assert (account.lost, account.doubled) == (0, 0)
    assert not gone & set(server.recipients)
    assert len(set(server.recipients)) == READERS - 24
    # Each worker keeps three connections.
    assert server.connections == 6


def _subscription(delivery: Delivery) -> Subscription:
    assert delivery.subscription is not None
    return delivery.subscription


def _send_unknown_again(stage: Stage, issue: Issue) -> None:
    issues.resend_unknown(issue, by=None, at=timezone.now())
    if issue.state == Issue.State.SENDING:
        stage.wait_until_done(issue)
