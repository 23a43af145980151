"""CSV files of subscribers, streamed row by row and safe to open in a spreadsheet."""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from subscriptions.models import ImportRow, SubscriberImport, Subscription

# A spreadsheet takes a cell that begins so for a formula (OWASP, CSV injection).
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
CHUNK = 5_000


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, line: str) -> str:
        return line


def lines(header: list[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Return the lines of a CSV file in UTF-8 with a byte-order mark, which spreadsheets need to see that it is."""
    writer = csv.writer(_Echo())
    yield "\ufeff"
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([safe(value) for value in row])


def safe(value: Any) -> str:
    """Return a cell's text, with an apostrophe before what a spreadsheet would run."""
    if value is None:
        return ""
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.startswith(FORMULA_BEGINS) else text


def subscriptions(chosen: QuerySet[Subscription]) -> Iterator[str]:
    """Return the lines of a file of subscriptions."""
    columns = {
        "email": "subscriber__email",
        "newsletter": "newsletter__slug",
        "state": "state",
        "language": "subscriber__language",
        "requested_at": "requested_at",
        "confirmed_at": "confirmed_at",
        "unsubscribed_at": "unsubscribed_at",
        "paused_until": "paused_until",
    }
    rows = chosen.order_by("pk").values_list(*columns.values()).iterator(chunk_size=CHUNK)
    return lines(list(columns), rows)


def verdicts(found: SubscriberImport) -> Iterator[str]:
    """Return the lines of an import's verdict file."""
    rows = ImportRow.objects.filter(subscriber_import=found).order_by("line").values_list("line", "email", "verdict")
    return lines(["line", "email", "verdict"], rows.iterator(chunk_size=CHUNK))
