"""What an import of a million readers costs: seconds, and a worker's memory, few readers against many. And the export.

Run by `make bench`, or alone:  python -m sandbox run -- python bench/imports.py
`BENCH_READERS` sets how many (1,000,000). Each step runs in a process of its own, whose memory is measured.
"""

import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from bench._newsletter import load  # noqa: E402
from subscriptions import exporting, importing  # noqa: E402
from subscriptions.import_files import CHUNK_BYTES  # noqa: E402
from subscriptions.models import ImportRow, Newsletter, SubscriberImport, Subscription  # noqa: E402
from tests.subscriptions.factories import make_newsletter, make_policy  # noqa: E402

READERS = int(os.environ.get("BENCH_READERS", "1000000"))
FEW = READERS // 20
MOST_MEMORY_GROWTH = 0.10
HEADER = b"Email Address,First Name,Last Name,OPTIN_TIME,CONFIRM_TIME,LANGUAGE,MEMBER_RATING\r\n"


@dataclass(frozen=True)
class Ran:
    """One process: how long it took, its share of the processor, and the largest memory it had, in MB."""

    seconds: float
    processor: float
    memory: float


def pieces(readers: int) -> Iterator[bytes]:
    """Yield a file as Mailchimp writes it, in the pieces in which an upload arrives. Every hundredth line is twice."""
    held = HEADER
    for number in range(readers):
        who = number - 1 if number % 100 == 99 else number
        line = f'reader{readers}.{who}@example.org,"Reader, {who}",Example,2024-05-03 08:00:00,2024-05-03 08:05:00,ru,2'
        held += line.encode() + b"\r\n"
        if len(held) > CHUNK_BYTES:
            yield held[:CHUNK_BYTES]
            held = held[CHUNK_BYTES:]
    yield held


def receive(pk: int, readers: int) -> None:
    importing.receive(
        pieces(readers),
        newsletter=Newsletter.objects.get(pk=pk),
        file_name=f"{readers}.csv",
        source="Mailchimp",
        wording="Send me the letter.",
        evidence="in the safe",
        by=None,
        at=timezone.now(),
    )


def work(pk: int, _readers: int) -> None:
    """Be a worker of turns that last a minute, as beat makes them begin."""
    found = SubscriberImport.objects.get(pk=pk)
    while found.state not in {"done", "undone", "failed"}:
        importing.work(pk)
        found.refresh_from_db()


def export(_pk: int, readers: int) -> None:
    written = sum(len(line) for line in exporting.subscriptions(Subscription.objects.all()))
    assert written > readers * 50, written


def ran(step: str, pk: int, readers: int) -> Ran:
    began = time.perf_counter()
    done = subprocess.run([sys.executable, __file__, step, str(pk), str(readers)], stdout=subprocess.PIPE, check=True)
    processor, peak = done.stdout.split()
    return Ran(time.perf_counter() - began, float(processor), int(peak) / 1024)


def run(newsletter: Newsletter, readers: int) -> dict[str, Ran]:
    """Receive, import, export and undo one file, and see that everybody is in, and out again."""
    took = {"received": ran("receive", newsletter.pk, readers)}
    found = SubscriberImport.objects.latest("pk")
    importing.start(found, by=None, at=timezone.now())
    took["imported"] = ran("work", found.pk, readers)
    verdicts = Counter(ImportRow.objects.filter(subscriber_import=found).values_list("verdict", flat=True).iterator())
    twice = readers // 100
    assert verdicts == {"imported": readers - twice, "duplicate": twice}, verdicts
    assert Subscription.objects.count() == readers - twice
    took["exported"] = ran("export", found.pk, readers)
    found.refresh_from_db()
    importing.undo(found, by=None, at=timezone.now())
    took["undone"] = ran("work", found.pk, readers)
    assert not Subscription.objects.exists()
    return took


def main() -> None:
    call_command("migrate", verbosity=0)
    make_policy()
    newsletter = make_newsletter()
    print(f"{READERS} lines as Mailchimp writes them, {load()}")
    few, many = run(newsletter, FEW), run(newsletter, READERS)
    for step, took in many.items():
        growth = took.memory / few[step].memory - 1
        verdict = "kept" if growth <= MOST_MEMORY_GROWTH else "MISSED"
        print(
            f"{step} in {took.seconds:.0f} s, {took.processor / READERS * 1e6:.0f} µs of processor each"
            f" (of {FEW}: {few[step].processor / FEW * 1e6:.0f}); {took.memory:.0f} MB, {growth:+.2f}"
            f" (most {MOST_MEMORY_GROWTH:g}: {verdict})"
        )


if __name__ == "__main__":
    if sys.argv[1:]:
        {"receive": receive, "work": work, "export": export}[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))
        spent = resource.getrusage(resource.RUSAGE_SELF)
        # Not `ru_maxrss`: a new program inherits that of the one which started it.
        peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
        print(spent.ru_utime + spent.ru_stime, peak.split()[1])
    else:
        main()
