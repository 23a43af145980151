"""What the newsletter's benchmarks share: readers by the million, one issue of 30 KB, and workers as processes."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.db import connection
from django.utils import timezone

from bench._bulk import connection as owner
from newsroom.models import Section
from sandbox.ports import free_port
from sandbox.programs import accepts
from subscriptions import issues, sending
from subscriptions.models import Delivery, DeliveryTally, Issue, Newsletter
from subscriptions.transports import Transport
from tests.newsroom.factories import make_article, make_section
from tests.subscriptions.factories import make_newsletter
from tests.subscriptions.issue_factories import make_issue

PARAGRAPH = (
    "The report that the bridge was closed on had been in a drawer for four years, and nobody had asked for it. "
)


def make_readers(newsletter: Newsletter, count: int) -> None:
    """Subscribe so many readers, by two statements: how they signed up makes no difference to sending."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO subscriptions_subscriber (email, language, created_at, confirmed_at) "
            "SELECT 'reader' || n || '@example.org', 'en', now(), now() FROM generate_series(1, %s) n "
            "ON CONFLICT DO NOTHING",
            [count],
        )
        cursor.execute(
            "INSERT INTO subscriptions_subscription (subscriber_id, newsletter_id, state, requested_at, confirmed_at) "
            "SELECT id, %s, 'active', now(), now() FROM subscriptions_subscriber ORDER BY id LIMIT %s",
            [newsletter.pk, count],
        )
    # Only the owner of the tables may: for anyone else PostgreSQL passes over them, and plans by what it knew before.
    with owner.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE subscriptions_subscriber, subscriptions_subscription")


def make_approved_issue(readers: int) -> Issue:
    """Make an issue of about 30 KB of words, approved, of a newsletter with so many readers."""
    newsletter = make_newsletter()
    make_readers(newsletter, readers)
    section = Section.objects.first() or make_section()
    articles = [make_article(section=section, standfirst=(PARAGRAPH * 5)[:500]) for _number in range(9)]
    issue = make_issue(newsletter=newsletter, articles=articles, letter=PARAGRAPH * 90)
    issues.approve(issue, by=None, at=timezone.now())
    return issue


def next_issue(issue: Issue) -> Issue:
    """Make an issue of the same articles to the same readers, a week later, for the next run."""
    articles = [pick.article for pick in issue.picks.in_order().select_related("article")]
    later = issue.issue_date + timedelta(days=7)
    following = make_issue(
        newsletter=issue.newsletter, issue_date=later, articles=articles, letter=PARAGRAPH * 90, subject=issue.subject
    )
    issues.approve(following, by=None, at=timezone.now())
    return following


def start(issue: Issue) -> float:
    """Prepare the issue for everybody and return the seconds it took."""
    began = time.perf_counter()
    issues.start(issue, by=None, at=timezone.now())
    return time.perf_counter() - began


@dataclass(frozen=True)
class Run:
    """What workers did together: seconds by the rows' own times, processor seconds, the largest memory in MB."""

    seconds: float
    processor: float
    memory: int


def launch_workers(issue: Issue, count: int, *, script: str) -> list[subprocess.Popen[bytes]]:
    command = [sys.executable, script, "worker", str(issue.pk)]
    return [subprocess.Popen(command, stdout=subprocess.PIPE) for _number in range(count)]


def finished(issue: Issue, workers: list[subprocess.Popen[bytes]]) -> Run:
    """Wait for the workers, and see that everybody was sent to."""
    said = [worker.communicate()[0].split() for worker in workers]
    tallies = DeliveryTally.objects.filter(issue=issue)
    first, last = tallies.filter(accepted__gt=0).earliest("at").at, tallies.latest("at").at
    # The first tally was written when its window had been sent; the time before it is in the workers' own figure.
    began = min(float(words[2]) for words in said)
    accepted = Delivery.objects.filter(issue=issue, state="accepted").count()
    assert accepted == issue.prepared, f"{accepted} of {issue.prepared} were sent to"
    return Run(
        seconds=(last - first).total_seconds() + (first.timestamp() - began),
        processor=sum(float(words[0]) for words in said),
        memory=max(int(words[1]) for words in said) // 1024,
    )


def send_with_workers(issue: Issue, count: int, *, script: str) -> Run:
    return finished(issue, launch_workers(issue, count, script=script))


def work(issue_id: int, transport: Transport | None = None) -> None:
    """Be a worker: send until nothing is due, then say what it took. Started programs and imports do not count."""
    connection.ensure_connection()
    began, before = time.time(), resource.getrusage(resource.RUSAGE_SELF)
    while sending.send_issue(issue_id, seconds=20, transport=transport).stop is sending.Stop.TURN_IS_OVER:
        pass
    usage = resource.getrusage(resource.RUSAGE_SELF)
    spent = usage.ru_utime + usage.ru_stime - before.ru_utime - before.ru_stime
    print(spent, usage.ru_maxrss, began)


@contextmanager
def program(command: Callable[[int], list[str]]) -> Iterator[int]:
    """Run a server on a free port until the end of the block."""
    port = free_port()
    process = subprocess.Popen(command(port), stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while not accepts(port)():
            assert process.poll() is None, "the server did not start"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def versus(figure: float, floor: float) -> str:
    """Say a ratio beside its floor."""
    return f"{figure:.2f} (floor {floor:g}: {'kept' if figure >= floor else 'MISSED'})"


def load() -> str:
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


HERE = Path(__file__).resolve().parent
