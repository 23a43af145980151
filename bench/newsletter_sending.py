"""How fast an issue of 30 KB leaves to many readers, over a real SMTP sink on loopback, with the rows' bookkeeping.

Run by `make bench`, or alone:  python -m sandbox run -- python bench/newsletter_sending.py
`BENCH_RECIPIENTS` sets how many (50,000). Beside it, in the same run and into the same sink: Postfix's own load
generator `smtp-source`, which keeps no rows, where it is installed, and Django's SMTP backend with one message per
person. The sink is Postfix's `smtp-sink` where that is installed, else a Python process. Processor time per message is
printed too, because it hardly depends on what else the machine does.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")
os.environ.setdefault("SENDING_CONNECTIONS", "16")

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.mail import EmailMultiAlternatives, get_connection  # noqa: E402
from django.core.management import call_command  # noqa: E402

from bench import _newsletter as bench  # noqa: E402
from subscriptions import claims, sending  # noqa: E402
from subscriptions.messages import message_of  # noqa: E402
from subscriptions.models import Issue  # noqa: E402
from subscriptions.unsubscribing import token  # noqa: E402

RECIPIENTS = int(os.environ.get("BENCH_RECIPIENTS", "50000"))
DJANGO_SECONDS = 5.0
FLOOR_OF_SOURCE, FLOOR_OF_DJANGO = 0.8, 12.0


def installed(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def sink_command(port: int) -> list[str]:
    if (sink := installed("smtp-sink")) is not None:
        # Without privileges of its own it wants to be told whose to take.
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        return [sink, *user, f"127.0.0.1:{port}", "256"]
    return [sys.executable, str(bench.HERE / "_smtp_sink.py"), str(port)]


def where_the_time_goes(issue: Issue) -> dict[str, float]:
    """Send the issue in this process with a clock around each part of the bookkeeper's thread and around its waits."""
    spent: dict[str, float] = {}

    def clocked(name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return act(*args, **kwargs)
            finally:
                spent[name] = spent.get(name, 0.0) + time.perf_counter() - began

        return call

    parts = [(claims, "claim"), (claims, "record"), (sending, "_envelopes"), (sending._Shift, "take_next")]
    originals = [getattr(owner, name) for owner, name in parts]
    for (owner, name), original in zip(parts, originals, strict=True):
        setattr(owner, name, clocked(name, original))
    began = time.perf_counter()
    while sending.send_issue(issue.pk, seconds=60).stop is sending.Stop.TURN_IS_OVER:
        pass
    whole = time.perf_counter() - began
    for (owner, name), original in zip(parts, originals, strict=True):
        setattr(owner, name, original)
    return {name: seconds / whole for name, seconds in spent.items()}


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
    """Measure Postfix's load generator: 16 sessions, each kept open, one prebuilt text of the same size."""
    if (source := installed("smtp-source")) is None:
        return None
    count = min(RECIPIENTS, 30_000)
    began = time.perf_counter()
    options = ["-d", "-s", "16", "-l", str(size), "-m", str(count), "-f", "a@b.example", "-t", "c@d.example"]
    subprocess.run([source, *options, f"127.0.0.1:{port}"], check=True)
    return count / (time.perf_counter() - began)


def main() -> None:
    call_command("migrate", verbosity=0)
    issue = bench.make_approved_issue(RECIPIENTS)
    link = sending.ANY_LINK
    message = message_of(issue, issue.rendering, token_length=len(token(link)))
    size = len(message.to_reader(address="reader12345@example.org", token=token(link), delivery_uuid=link))
    with bench.program(sink_command) as port:
        os.environ["EMAIL_URL"] = f"smtp://127.0.0.1:{port}"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        sink = Path(sink_command(port)[0]).name
        print(f"{RECIPIENTS} readers, {size / 1024:.0f} KB on the wire, into {sink}, {bench.load()}")
        source = smtp_source_rate(port, size)
        print("smtp-source, 16 sessions: " + (f"{source:.0f}/s" if source else "not installed, so not compared"))
        plain, plain_cpu = django_rate(issue)
        print(f"Django's backend, one message per person: {plain:.0f}/s, {plain_cpu * 1e6:.0f} µs of processor each")
        for count in (1, 2):
            issue = bench.next_issue(issue)
            prepared = bench.start(issue)
            run = bench.send_with_workers(issue, count, script=__file__)
            rate, each = RECIPIENTS / run.seconds, run.processor / RECIPIENTS
            print(
                f"{count} worker(s): {rate:.0f}/s, {each * 1e6:.0f} µs of processor each "
                f"({plain_cpu / each:.1f} times less than Django's), {run.memory} MB, prepared in {prepared:.2f} s"
            )
            if count == 1:
                print(f"  of Django's rate: {bench.versus(rate / plain, FLOOR_OF_DJANGO)}")
            if source:
                print(f"  of smtp-source's rate: {bench.versus(rate / source, FLOOR_OF_SOURCE)}")
        issue = bench.next_issue(issue)
        bench.start(issue)
        share = where_the_time_goes(issue)
        print(
            f"one worker: the bookkeeper's thread claimed for {share['claim']:.0%} of the time, recorded for "
            f"{share['record']:.0%} and addressed for {share['_envelopes']:.0%}, while the other was on the wire; "
            f"that one waited for it {share['take_next']:.0%}"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        bench.work(int(sys.argv[2]))
    else:
        main()
