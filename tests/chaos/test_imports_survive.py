"""An import whose workers are killed at any moment: every line has its verdict once, nobody is lost or doubled.

`CHAOS_LINES` makes the run longer; its figures are printed.
"""

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from psycopg.conninfo import make_conninfo

from newsroom.suppressions import suppress
from subscriptions import importing, ledger
from subscriptions.models import (
    Consent,
    ImportChunk,
    ImportRow,
    Newsletter,
    Subscriber,
    SubscriberImport,
    Subscription,
)
from tests.subscriptions.factories import make_newsletter, make_policy, make_subscription

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(7200), pytest.mark.django_db(transaction=True)]

PROJECT = Path(__file__).resolve().parents[2]
LINES = int(os.environ.get("CHAOS_LINES", "800"))
# Many small steps, so that a short file meets many kills.
BLOCK, COPY_ROWS = (50, 100) if LINES < 10_000 else (500, 1_000)
UNSUBSCRIBED, ERASED = 40, 60


def test_killed_workers_lose_no_line_and_double_none(say: Callable[[str], None]) -> None:
    make_policy()
    newsletter = make_newsletter()
    make_subscription(newsletter=newsletter, email=_address(UNSUBSCRIBED), state=Subscription.State.UNSUBSCRIBED)
    suppress(_address(ERASED), reason="erased", scope="newsletters", at=timezone.now())
    before = (Subscriber.objects.count(), Subscription.objects.count(), Consent.objects.count())
    found = _receive(newsletter)
    expected = {number: _verdict(number) for number in range(2, LINES + 2) if _text(number)}

    importing.start(found, by=None, at=timezone.now())
    with _workers(found) as live:
        kills = live()
        assert _state(found) == SubscriberImport.State.DONE
        rows = ImportRow.objects.filter(subscriber_import=found)
        assert dict(rows.values_list("line", "verdict")) == expected
        imported = Counter(expected.values())["imported"]
        grown = (Subscriber.objects.count(), Subscription.objects.count(), Consent.objects.count())
        assert grown == tuple(count + imported for count in before)
        assert list(ledger.faults()) == []
        assert not ImportChunk.objects.exists()

        importing.undo(found, by=None, at=timezone.now())
        kills_of_undoing = live()
    assert _state(found) == SubscriberImport.State.UNDONE
    assert (Subscriber.objects.count(), Subscription.objects.count()) == before[:2]
    assert Consent.objects.count() == before[2] + 2 * imported
    assert list(ledger.faults()) == []
    say(
        f"{len(expected)} lines, {imported} imported; two workers killed {kills} times while importing and "
        f"{kills_of_undoing} times while undoing; 0 lost, 0 doubled"
    )
    assert kills >= 3
    assert kills_of_undoing >= 1


def _receive(newsletter: Newsletter) -> SubscriberImport:
    text = "email\n" + "".join(f"{_text(number)}\n" for number in range(2, LINES + 2))
    raw = text.encode()
    return importing.receive(
        (raw[start : start + 10_000] for start in range(0, len(raw), 10_000)),
        newsletter=newsletter,
        file_name="readers.csv",
        source="Mailchimp",
        wording="Send me the letter.",
        evidence="in the safe",
        by=None,
        at=timezone.now(),
    )


def _address(number: int) -> str:
    return f"reader{number}@example.org"


def _text(number: int) -> str:
    """Return a line of the file: mostly a new address, sometimes one that stood before, none, or nonsense."""
    match number % 10:
        case 3:
            return f"nonsense {number}"
        case 5:
            return ""
        case 7:
            return _address(number - 1)
    return _address(number)


def _verdict(number: int) -> str:
    if number in (UNSUBSCRIBED, ERASED):
        return "unsubscribed" if number == UNSUBSCRIBED else "suppressed"
    return {3: "invalid", 7: "duplicate"}.get(number % 10, "imported")


def _state(found: SubscriberImport) -> str:
    found.refresh_from_db()
    return found.state


@contextmanager
def _workers(found: SubscriberImport) -> Iterator[Callable[[], int]]:
    """Give a function that lets workers live and die until they reach the import's end, and returns how many died."""
    chance = random.Random(6)
    values = connection.settings_dict
    url = make_conninfo(
        dbname=values["NAME"], host=values["HOST"], port=values["PORT"] or None, user=values["USER"],
        password=values["PASSWORD"] or None,
    )  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.import_worker", str(found.pk), str(BLOCK), str(COPY_ROWS)],
        cwd=PROJECT,
        env=os.environ | {"DATABASE_URL": url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    requests, answers = process.stdin, process.stdout

    def live() -> int:
        kills = 0
        while True:
            # A life may be too short for one step on a busy machine, so each is a little longer than the one before.
            print(chance.uniform(0.03, 0.2) * 1.15**kills, file=requests, flush=True)
            answer = answers.readline().strip()
            assert answer in {"killed", "ended"}, "a worker ended with an error"
            kills += answer == "killed"
            if _state(found) in {"done", "undone"}:
                return kills

    try:
        yield live
    finally:
        requests.close()
        process.wait(timeout=30)
        answers.close()
