"""How long it takes to verify the consent ledger: every row read, hashed and compared with its chain.

Run by `make bench`, or alone:  python -m sandbox run -- python bench/consent.py
`BENCH_CONSENTS` sets how many rows (1,000,000). The bound is a minute for a million rows on two cores.
"""

import os
import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402

from subscriptions import ledger  # noqa: E402
from subscriptions.models import Consent  # noqa: E402

ROWS = int(os.environ.get("BENCH_CONSENTS", "1000000"))
BLOCK = 5_000
MOST_SECONDS = 60.0
WORDING = (
    "Send me The Friday Letter every Friday. I expressly agree that The Meridian uses my address for this, as its "
    "Privacy Policy (version 2026-1) explains."
)


def make_rows() -> None:
    """Write the ledger as sign-ups do: each person grants and then confirms."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    actions = (Consent.Action.GRANTED, Consent.Action.CONFIRMED)
    for start in range(0, ROWS, BLOCK):
        with transaction.atomic():
            ledger.append(
                [
                    ledger.Entry(
                        subject=UUID(int=number // 2 + 1),
                        purpose="newsletter:friday",
                        action=actions[number % 2],
                        method=Consent.Method.FORM,
                        at=begin + timedelta(seconds=number),
                        policy_version="2026-1",
                        policy_hash="0" * 64,
                        wording=WORDING,
                        language="en",
                        page="/newsletter/friday/",
                    )
                    for number in range(start, min(start + BLOCK, ROWS))
                ]
            )


def main() -> None:
    call_command("migrate", verbosity=0)
    began = time.perf_counter()
    make_rows()
    print(f"{ROWS:,} rows appended in blocks of {BLOCK:,}: {time.perf_counter() - began:.1f} s")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, worked = time.perf_counter(), time.process_time()
    faults = list(ledger.faults())
    took, worked = time.perf_counter() - began, time.process_time() - worked
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert not faults, faults
    allowed = MOST_SECONDS * ROWS / 1_000_000
    verdict = "within" if took <= allowed else "OVER"
    print(f"verified: {took:.1f} s, {took / ROWS * 1e6:.1f} µs a row, {grown:.0f} MB more; {verdict} {allowed:.0f} s")
    print(f"of it this process worked {worked:.1f} s, {worked / ROWS * 1e6:.1f} µs a row; the rest was waiting")


if __name__ == "__main__":
    main()
