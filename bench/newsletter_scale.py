"""What a million subscribers cost: preparing, memory, the cost of each recipient, and the page that editors watch.

Run by `make bench`, or alone:  python -m sandbox run -- python bench/newsletter_scale.py
`BENCH_READERS` sets how many (1,000,000). The transport is null here: every mail is built for its reader and then
dropped, because the wire is measured in newsletter_sending.py and would hide what grows with the table.
"""

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402

from bench import _newsletter as bench  # noqa: E402
from subscriptions.models import Issue  # noqa: E402
from subscriptions.transports import Envelope, Outcome, Verdict  # noqa: E402

READERS = int(os.environ.get("BENCH_READERS", "1000000"))
FEW = 10_000
MOST_PREPARING, MOST_PAGE, MOST_GROWTH, MOST_MEMORY_GROWTH = 30.0, 0.300, 0.15, 0.10


class NullTransport:
    """Takes every mail and keeps none."""

    window = 100
    merges = False
    longest_silence = 1.0

    def send(self, envelopes: Sequence[Envelope], *, deadline: float) -> Iterator[list[Outcome]]:
        yield [Outcome(one.delivery_id, Verdict.ACCEPTED, 250, "2.0.0") for one in envelopes]

    def close(self) -> None:
        pass


@dataclass(frozen=True, order=True)
class Watched:
    """One look at the page: seconds in all, those of its slowest statement, and how many had been looks before."""

    seconds: float
    slowest_statement: float
    number: int


def watch_page(issue: Issue, workers: list[subprocess.Popen[bytes]]) -> list[Watched]:
    """Open the editors' page of the issue again and again while the workers send; return how long each took."""
    statements: list[float] = []

    def timed(execute: Any, *args: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(*args)
        finally:
            statements.append(time.perf_counter() - began)

    client = Client(headers={"host": settings.SITE_HOST})
    client.force_login(User.objects.get(username="bench"))
    url = reverse("admin:subscriptions_issue_progress", args=[issue.pk])
    took: list[Watched] = []
    while any(worker.poll() is None for worker in workers):
        statements.clear()
        began = time.perf_counter()
        with connection.execute_wrapper(timed):
            response = client.get(url, secure=settings.USES_HTTPS)
        took.append(Watched(time.perf_counter() - began, max(statements), len(took)))
        assert response.status_code == 200, response.status_code
        time.sleep(0.5)
    return took


def run(issue: Issue) -> tuple[bench.Run, list[Watched], float]:
    prepared = bench.start(issue)
    with connection.cursor() as cursor:
        # What autovacuum does by itself within minutes of so many new rows.
        cursor.execute("ANALYZE subscriptions_delivery")
    workers = bench.launch_workers(issue, 1, script=__file__)
    pages: list[Watched] = []
    watcher = threading.Thread(target=lambda: pages.extend(watch_page(issue, workers)))
    watcher.start()
    ended = bench.finished(issue, workers)
    watcher.join()
    return ended, pages, prepared


def said(figure: float, most: float, unit: str) -> str:
    return f"{figure:.2f} {unit} (most {most:g}: {'kept' if figure <= most else 'MISSED'})"


def main() -> None:
    call_command("migrate", verbosity=0)
    User.objects.create_superuser("bench", "bench@meridian.example", "bench")
    print(f"{READERS} subscribers, null transport, {bench.load()}")
    few, many = bench.make_approved_issue(FEW), bench.make_approved_issue(READERS)
    small, _pages, _prepared = run(few)
    large, pages, prepared = run(many)
    costs = [small.processor / FEW, large.processor / READERS]
    rates = [FEW / small.seconds, READERS / large.seconds]
    print(f"preparing the issue, one statement: {said(prepared, MOST_PREPARING, 's')}")
    for name, size, ended, cost, rate in zip(
        ("few", "many"), (FEW, READERS), (small, large), costs, rates, strict=True
    ):
        print(f"{name}: {size} recipients, {rate:.0f}/s, {cost * 1e6:.0f} µs of processor each, {ended.memory} MB")
    growth = costs[1] / costs[0] - 1
    print(f"cost per recipient grows by {said(growth, MOST_GROWTH, '')}, the time by {rates[0] / rates[1] - 1:+.2f}")
    print(f"a worker's memory grows by {said(large.memory / small.memory - 1, MOST_MEMORY_GROWTH, '')}")
    slowest, second = sorted(pages, reverse=True)[:2]
    median = statistics.median(page.seconds for page in pages)
    print(
        f"the page that editors watch, {len(pages)} times: median {median * 1000:.0f} ms, "
        f"slowest {said(slowest.seconds, MOST_PAGE, 's')}, which was number {slowest.number + 1}, "
        f"{slowest.slowest_statement:.2f} s of it in one statement; then {second.seconds:.2f} s"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        bench.work(int(sys.argv[2]), NullTransport())
    else:
        main()
