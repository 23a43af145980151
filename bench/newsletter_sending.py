"""How fast an issue of 30 KB leaves to many readers, over a real SMTP sink on loopback, with the rows' bookkeeping.

Run by `make bench`, or alone:  python -m sandbox run -- python bench/newsletter_sending.py
`BENCH_RECIPIENTS` sets how many (50,000). The sink is a Python process of its own: on two cores it takes one of them.
Processor time per message is printed beside the rate, because it hardly depends on what else the machine does.
"""

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.mail import EmailMultiAlternatives, get_connection  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from newsroom.models import Section  # noqa: E402
from sandbox.ports import free_port  # noqa: E402
from sandbox.programs import accepts  # noqa: E402
from subscriptions import claims, issues, sending  # noqa: E402
from subscriptions.models import Delivery, DeliveryTally, Issue, Newsletter  # noqa: E402
from tests.newsroom.factories import make_article, make_section  # noqa: E402
from tests.subscriptions.factories import make_newsletter  # noqa: E402
from tests.subscriptions.issue_factories import make_issue  # noqa: E402

RECIPIENTS = int(os.environ.get("BENCH_RECIPIENTS", "50000"))
DJANGO_SECONDS = 5.0
HERE = Path(__file__).resolve()
PARAGRAPH = (
    "The report that the bridge was closed on had been in a drawer for four years, and nobody had asked for it. "
)


def make_readers(newsletter: Newsletter, count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO subscriptions_subscriber (email, language, created_at, confirmed_at) "
            "SELECT 'reader' || n || '@example.org', 'en', now(), now() FROM generate_series(1, %s) n",
            [count],
        )
        cursor.execute(
            "INSERT INTO subscriptions_subscription (subscriber_id, newsletter_id, state, requested_at, confirmed_at) "
            "SELECT id, %s, 'active', now(), now() FROM subscriptions_subscriber",
            [newsletter.pk],
        )
        cursor.execute("VACUUM ANALYZE subscriptions_subscriber, subscriptions_subscription")


def make_approved_issue(newsletter: Newsletter) -> Issue:
    section = Section.objects.first() or make_section()
    articles = [make_article(section=section, standfirst=(PARAGRAPH * 5)[:500]) for _number in range(9)]
    at = timezone.now()
    issue = make_issue(newsletter=newsletter, articles=articles, letter=PARAGRAPH * 90)
    issues.approve(issue, by=None, at=at)
    return issue


def forget(issue: Issue) -> Issue:
    """Make an approved issue of one that was sent, for the next run."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE subscriptions_delivery, subscriptions_deliverytally, subscriptions_mailevent")
    Issue.objects.filter(pk=issue.pk).update(
        state="approved", started_at=None, ended_at=None, candidates=None, prepared=None, excluded=None
    )
    return Issue.objects.get(pk=issue.pk)


def send_with_workers(issue: Issue, count: int) -> tuple[float, float, int]:
    """Send the issue with so many processes.

    Return the seconds it took, their processor seconds together, and the largest memory of one in MB.
    """
    command = [sys.executable, str(HERE), "worker", str(issue.pk)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _number in range(count)]
    said = [worker.communicate()[0].split() for worker in workers]
    first, last = DeliveryTally.objects.filter(accepted__gt=0), DeliveryTally.objects.order_by("-at")
    seconds = (last[0].at - first.earliest("at").at).total_seconds()
    assert Delivery.objects.filter(issue=issue, state="accepted").count() == issue.prepared, "not everybody was sent to"
    return seconds, sum(float(words[0]) for words in said), max(int(words[1]) for words in said) // 1024


def worker(issue_id: int) -> None:
    while sending.send_issue(issue_id, seconds=20).stop is sending.Stop.TURN_IS_OVER:
        pass
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def where_the_time_goes(issue: Issue) -> dict[str, float]:
    """Send the issue in this process with a clock around each part."""
    spent: dict[str, float] = {}

    def clocked(name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return act(*args, **kwargs)
            finally:
                spent[name] = spent.get(name, 0.0) + time.perf_counter() - began

        return call

    originals = (claims.claim, claims.record, sending._envelopes)
    claims.claim, claims.record = clocked("claim", claims.claim), clocked("record", claims.record)
    sending._envelopes = clocked("build", sending._envelopes)
    began = time.perf_counter()
    while sending.send_issue(issue.pk, seconds=60).stop is sending.Stop.TURN_IS_OVER:
        pass
    whole = time.perf_counter() - began
    claims.claim, claims.record, sending._envelopes = originals
    return {**spent, "wire": whole - sum(spent.values())}


def django_rate(issue: Issue) -> tuple[float, float]:
    """Send one EmailMultiAlternatives per person by Django's own backend, as its documentation shows.

    Return the messages a second and the processor seconds of one.
    """
    rendering = issue.rendering
    count, began, used = 0, time.perf_counter(), time.process_time()
    with get_connection() as backend:
        while time.perf_counter() - began < DJANGO_SECONDS:
            message = EmailMultiAlternatives(
                rendering.subject,
                rendering.mail_text,
                issue.newsletter.sender_address,
                [f"reader{count}@example.org"],
                headers={"List-Unsubscribe": "<https://news.example/u/x/>", "Message-ID": f"<{count}@news.example>"},
                connection=backend,
            )
            message.attach_alternative(rendering.mail_html, "text/html")
            message.send()
            count += 1
    return count / (time.perf_counter() - began), (time.process_time() - used) / count


def smtp_source_rate(port: int, size: int) -> float | None:
    """Measure Postfix's own load generator against the same sink, where it is installed."""
    program = shutil.which("smtp-source") or shutil.which("smtp-source", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        return None
    count = min(RECIPIENTS, 20_000)
    began = time.perf_counter()
    sizes = ["-s", "16", "-l", str(size), "-m", str(count)]
    subprocess.run([program, *sizes, "-f", "a@b.example", "-t", "c@d.example", f"inet:127.0.0.1:{port}"], check=True)
    return count / (time.perf_counter() - began)


def main() -> None:
    call_command("migrate", verbosity=0)
    newsletter = make_newsletter()
    make_readers(newsletter, RECIPIENTS)
    issue = make_approved_issue(newsletter)
    port = free_port()
    os.environ["EMAIL_URL"] = f"smtp://127.0.0.1:{port}"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    sink = subprocess.Popen([sys.executable, str(HERE.with_name("_smtp_sink.py")), str(port)])
    try:
        while not accepts(port)():
            time.sleep(0.05)
        size = len(issue.rendering.mail_html) + len(issue.rendering.mail_text)
        print(f"{RECIPIENTS} readers, {size / 1024:.0f} KB of HTML and text, load {os.getloadavg()[0]:.1f}")
        source = smtp_source_rate(port, size)
        print("Postfix's smtp-source, 16 sessions: " + (f"{source:.0f}/s" if source else "not installed"))
        plain, plain_cpu = django_rate(issue)
        print(f"Django's backend, one message per person: {plain:.0f}/s, {plain_cpu * 1e6:.0f} µs of processor each")
        for count in (1, 2):
            issue = forget(issue)
            began = time.perf_counter()
            issues.start(issue, by=None, at=timezone.now())
            prepared = time.perf_counter() - began
            seconds, used, memory = send_with_workers(issue, count)
            rate = RECIPIENTS / seconds
            each = used / RECIPIENTS
            print(
                f"{count} worker(s): {rate:.0f}/s, {rate / plain:.1f} times Django's; {each * 1e6:.0f} µs of processor "
                f"each, {plain_cpu / each:.1f} times less; {memory} MB; prepared in {prepared:.2f} s"
            )
        issue = forget(issue)
        issues.start(issue, by=None, at=timezone.now())
        spent = where_the_time_goes(issue)
        whole = sum(spent.values())
        print("one worker's time: " + ", ".join(f"{name} {100 * part / whole:.0f} %" for name, part in spent.items()))
    finally:
        sink.terminate()
        sink.wait()


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        worker(int(sys.argv[2]))
    else:
        main()
