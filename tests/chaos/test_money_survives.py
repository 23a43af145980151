"""Gifts while the worker and Redis are killed and webhooks go wrong in every way: nothing is lost, nothing is doubled.

Everything is a process of its own, on servers of this module alone. `CHAOS_HISTORIES` and `CHAOS_GIFTS` make the runs
longer; each test prints its figures.
"""

import json
import os
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoDbBlocker

from donations.models import Donation, Payment, StripeEvent
from donations.reconcile import reconcile
from newsroom.models import OutgoingMail
from tests.chaos.history import History, deeds, ours, theirs
from tests.chaos.money_stage import MoneyStage

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(7200)]

HISTORIES = int(os.environ.get("CHAOS_HISTORIES", "2"))
GIFTS = int(os.environ.get("CHAOS_GIFTS", "15"))
MODES = ("normal", "duplicated", "reordered", "delayed", "dropped", "bad_signatures")


@pytest.fixture(scope="module")
def stage(django_db_blocker: DjangoDbBlocker) -> Iterator[MoneyStage]:
    with django_db_blocker.unblock(), MoneyStage.built() as stage:
        yield stage


@pytest.fixture
def quiet(stage: MoneyStage) -> MoneyStage:
    """The stage at rest, with nothing at Stripe and nobody's mail."""
    stage.sandbox.mode("normal")
    stage.rest()
    stage.sandbox.reset()
    stage.mailbox.clear()
    return stage


class Weathered(History):
    """A history in whose course the webhooks' weather changes."""

    def _weather(self, mode: str, seed: int) -> None:
        self.sandbox.mode(mode, delay_seconds=0.6, seed=seed)


weather = st.tuples(st.just("weather"), st.sampled_from(MODES), st.integers(0, 999))
lives = st.tuples(weather, st.lists(st.one_of(deeds, deeds, deeds, weather), min_size=4, max_size=10))


def mails_of(donations: list[int]) -> Counter[str]:
    """Return how many rows ask for each payment's receipt."""
    paid = Payment.objects.filter(donation__in=donations, state="paid").values_list("pk", flat=True)
    keys = [f"receipt:{pk}" for pk in paid]
    rows = Counter(OutgoingMail.objects.filter(key__in=keys).values_list("key", flat=True))
    return Counter({key: rows[key] for key in keys})


def no_mail_is_doubled(stage: MoneyStage) -> int:
    """See that whatever arrived is one message for each row, and return how many rows were sent.

    A message may arrive twice where its sender was killed; then its Message-ID says that it is the same.
    """
    rows = dict(OutgoingMail.objects.filter(state="sent").values_list("message_id", "tries"))
    arrived = Counter(str(message["Message-ID"]) for message in stage.mailbox.messages)
    twice = {message_id for message_id, number in arrived.items() if number > 1}
    assert all(rows.get(message_id, 0) > 1 for message_id in twice), "a mail left twice without a crash between"
    return len(arrived)


def test_after_one_comparison_the_books_equal_stripes(quiet: MoneyStage, say: Callable[[str], None]) -> None:
    stage, totals = quiet, Counter[str]()

    @settings(
        max_examples=HISTORIES,
        deadline=None,
        derandomize="CI" in os.environ or HISTORIES < 10,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(lives)
    def lived(life: tuple[Any, list[Any]]) -> None:
        totals.update(live_through(stage, [life[0], *life[1]]))

    began = time.monotonic()
    lived()
    words = ", ".join(f"{number} {name}" for name, number in totals.items())
    say(f"{words} in {time.monotonic() - began:.0f} s")
    assert totals["histories"] >= min(HISTORIES, 2)


def live_through(stage: MoneyStage, steps: list[Any]) -> Counter[str]:
    """Live one history, compare once, replay every event, and return what there was of each kind."""
    stage.sandbox.reset()
    history = Weathered(stage)
    for step in steps:
        history.live(step)
    # What was badly signed or dropped until now never comes; the rest does.
    if stage.sandbox.state()["mode"]["webhooks"] == "bad_signatures":
        stage.sandbox.deliveries()
    stage.sandbox.mode("normal")
    stage.rest()
    since = timezone.now() - timedelta(days=3)
    drift = len(reconcile(since=since).drift)
    ledger = stage.sandbox.ledger()
    books = ours(history.donations)
    assert books == theirs(ledger)
    assert set(mails_of(history.donations).values()) <= {1}

    # The events as rows are forgotten, so that each is applied anew.
    events = stage.sandbox.events()
    stage.rest()
    mails = set(OutgoingMail.objects.values_list("key", "message_id"))
    StripeEvent.objects.all().delete()
    for event in reversed(events):
        assert stage.deliver(json.dumps(event).encode()) == 200
    stage.rest()
    assert ours(history.donations) == books == theirs(stage.sandbox.ledger())
    added = OutgoingMail.objects.exclude(template="notice").values_list("key", "message_id")
    assert set(added) == mails
    no_mail_is_doubled(stage)
    counts = {"histories": 1, "steps": len(steps), "gifts": len(history.donations), "events": len(events)}
    money = {"payments": len(books["payments"]), "refunds": len(books["refunds"]), "disputes": len(books["disputes"])}
    return Counter(counts | money | {"differences repaired": drift})


def test_a_worker_killed_again_and_again_loses_and_doubles_nothing(
    quiet: MoneyStage, say: Callable[[str], None]
) -> None:
    chance, before = random.Random(3), quiet.kills["worker"]
    donations = []
    for number in range(GIFTS):
        donations.append(give(quiet, number))
        if number % 4 == 3:
            # In the middle of what the gifts so far have caused.
            time.sleep(chance.uniform(0, 0.4))
            quiet.kill("worker")
            wait_for_work(quiet)
            time.sleep(chance.uniform(0, 0.6))
            quiet.kill("worker")
    quiet.rest(seconds=180 + GIFTS)
    say(f"{quiet.kills['worker'] - before} kills: {account(quiet, donations)}")


def test_redis_killed_and_emptied_loses_and_doubles_nothing(quiet: MoneyStage, say: Callable[[str], None]) -> None:
    chance, before = random.Random(4), quiet.kills["redis"]
    donations = []
    for number in range(GIFTS):
        donations.append(give(quiet, number))
        if number % 7 == 4:
            time.sleep(chance.uniform(0, 0.5))
            quiet.kill_redis()
    quiet.rest(seconds=180 + GIFTS)
    say(f"{quiet.kills['redis'] - before} kills: {account(quiet, donations)}")


def give(stage: MoneyStage, number: int) -> int:
    """Give, by card and now and then monthly, as far as Stripe's own answer. Return the donation's key."""
    choice = {"frequency": "monthly", "amount": "500"} if number % 5 == 1 else {"currency": "EUR"}
    donation = stage.start(email=f"{uuid.uuid4().hex}@example.org", **choice)
    assert stage.sandbox.pay(str(stage.session_of(donation).stripe_id))["error"] is None
    return donation.pk


def wait_for_work(stage: MoneyStage) -> None:
    """Return once the worker that was started last has ended an event, or there is none to end."""
    started = timezone.now()
    stage.rest(until=StripeEvent.objects.filter(ended_at__gt=started).exists)


def account(stage: MoneyStage, donations: list[int]) -> str:
    """See that every gift is in the books once, with one receipt that arrived, and return the figures in words."""
    books = ours(donations)
    assert books == theirs(stage.sandbox.ledger())
    assert len(books["payments"]) == len(donations)
    assert set(Donation.objects.filter(pk__in=donations).values_list("state", flat=True)) == {"given"}
    assert not StripeEvent.objects.filter(state="failed").exists()
    assert set(mails_of(donations).values()) == {1}
    receipts = OutgoingMail.objects.filter(key__in=mails_of(donations))
    arrived = Counter(str(message["Message-ID"]) for message in stage.mailbox.messages)
    assert all(arrived[message_id] for message_id in receipts.values_list("message_id", flat=True)), "a receipt is lost"
    mails = no_mail_is_doubled(stage)
    repeated = sum(number - 1 for number in arrived.values())
    cut_off = StripeEvent.objects.filter(tries__gt=1).count()
    return (
        f"{len(donations)} gifts, {len(books['payments'])} payments, {mails} mails, "
        f"{repeated} sent again as the same, {cut_off} events cut off and done again"
    )


def test_thirty_two_deliveries_at_once_make_one_payment_and_one_receipt(quiet: MoneyStage) -> None:
    quiet.sandbox.mode("dropped")
    donation = give(quiet, 0)
    (event,) = [one for one in quiet.sandbox.events() if one["type"] == "payment_intent.succeeded"]
    body = json.dumps(event).encode()
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _number: quiet.deliver(body), range(32)))
    assert set(answers) == {200}
    quiet.rest()
    assert StripeEvent.objects.filter(stripe_id=event["id"]).count() == 1
    assert Payment.objects.filter(donation=donation).count() == 1
    assert mails_of([donation]) == Counter({f"receipt:{Payment.objects.get(donation=donation).pk}": 1})
    assert len(quiet.mailbox.messages) == 1


def test_two_presses_of_the_button_at_once_make_one_session(quiet: MoneyStage) -> None:
    attempt_key = uuid.uuid4()
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _number: quiet.submit(attempt_key, email="twice@example.org"), range(2)))
    connection.close()
    assert len(quiet.sandbox.ledger()["sessions"]) == 1
    assert Donation.objects.get(attempt_key=attempt_key).sessions.count() == 1
    # One of the two may be told to wait a moment; whoever is led on is led to the same page.
    assert len({where for status, where in answers if status == 303 and "/support/" not in where}) == 1
