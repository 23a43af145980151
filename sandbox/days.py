"""Live through the product's days that the clock of the sandbox's Stripe has jumped over.

``python -m sandbox.days --since TIME --at TIME`` does on each of these days what the beat would have started, at that
day's time: notices of cards and of annual gifts, reminders, yearly statements, and the mails themselves. Whatever runs
again asks for no mail twice.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")
django.setup()

from donations import notices, reminders, reminding, statements  # noqa: E402 - models only after the set-up.
from donations.models import Reminder  # noqa: E402
from newsroom import outbox  # noqa: E402
from newsroom.models import OutgoingMail  # noqa: E402

# Whoever jumps over several years does not wait for every day of them.
MOST_DAYS = 400


def days_between(since: datetime, at: datetime) -> Iterator[datetime]:
    """Yield each day's moment after `since` up to `at`, the last one exactly; only the latest of very many."""
    count = min(max(0, -(-(at - since) // timedelta(days=1)) - 1), MOST_DAYS)
    for number in range(count, 0, -1):
        yield at - timedelta(days=number)
    yield at


def live(at: datetime) -> int:
    """Do a day's jobs at one moment, and return how many mails left."""
    for pk in Reminder.objects.filter(state=Reminder.State.ASKED).order_by("pk").values_list("pk", flat=True):
        reminders.handle(pk, at=at)
    notices.queue_due_notices(at=at)
    statements.send_due(at=at)
    reminding.queue_due(by=at, at=at)
    due = list(OutgoingMail.objects.due(at).order_by("not_before", "pk").values_list("pk", flat=True))
    for pk in due:
        outbox.deliver(pk, at=at)
    reminding.settle(at=at)
    reminding.note_conversions()
    return len(due)


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.days", description=__doc__)
    parser.add_argument("--since", type=datetime.fromisoformat, required=True, help="the clock before it was advanced")
    parser.add_argument("--at", type=datetime.fromisoformat, required=True, help="the clock now")
    chosen = parser.parse_args(words)
    count = sum(live(day) for day in days_between(chosen.since, chosen.at))
    print(f"{count} mails were due by {chosen.at:%Y-%m-%d %H:%M} UTC", flush=True)


if __name__ == "__main__":
    main()
