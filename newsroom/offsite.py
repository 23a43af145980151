"""The off-site list: who left, kept outside the database, so that a backup cannot bring them back.

A backup is older than what happened since. Whoever was erased, unsubscribed or complained in between would be back
after a restore. So each of those goes, as it happens, as one line to a place that OFFSITE_LIST names: a file on other
storage that is only added to, or an address that adds what is posted to it and gives the whole back to a GET. No line
holds an address: the keyed hash is the one of suppressions, whose key is in no backup either. A line that says that the
house is alive goes there every few minutes; the last one tells how much was lost.

The line is written to a table in the transaction that it tells of, and goes out after it, so that no reader waits for
another server; what could not be written is tried again every minute.
"""

import fcntl
import logging
import os
import re
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from newsroom.models import OffsiteLine
from newsroom.waking import wake

logger = logging.getLogger(__name__)

WORD = "newsroom-left"
ALIVE, WITHDRAWN, SUPPRESSED = "alive", "withdrawn", "suppressed"
ALIVE_EVERY = timedelta(minutes=5)
TIMEOUT_SECONDS = 10
BATCH = 500
SCHEMES = ("https", "http")
_LINE = re.compile(rf"{WORD} (\S+) (\w+)(?: (\S+) (\S+))?")


class ListAway(Exception):
    """The list could not be written to or read."""


@dataclass(frozen=True)
class Left:
    """One line: what happened at a time, to whom (a keyed hash), and of what (a purpose, or reason and scope)."""

    at: datetime
    kind: str
    digest: str = ""
    detail: str = ""

    def __str__(self) -> str:
        words = [WORD, self.at.astimezone(UTC).isoformat(timespec="microseconds"), self.kind, self.digest, self.detail]
        return " ".join(word for word in words if word)


@dataclass
class OffsiteList:
    """What the list said when it was read."""

    left: list[Left] = field(default_factory=list)
    unreadable: int = 0

    @property
    def alive_until(self) -> datetime | None:
        """Return the last time that anything was written."""
        return max((one.at for one in self.left), default=None)

    def since(self, moment: datetime, kind: str) -> list[Left]:
        return [one for one in self.left if one.kind == kind and one.at >= moment]


def note(kind: str, *, digest: str, detail: str, at: datetime) -> None:
    """Put one line on its way, in the caller's transaction."""
    note_all([Left(at, kind, digest, detail)])


def note_all(left: Iterable[Left]) -> None:
    if not settings.OFFSITE_LIST:
        return
    rows = [OffsiteLine(line=str(one), made_at=one.at) for one in left]
    if rows:
        OffsiteLine.objects.bulk_create(rows, batch_size=2000)
        wake("newsroom.tasks.write_offsite")


def say_alive(*, at: datetime) -> None:
    """Once in five minutes, put a line on its way that says when the house was alive."""
    if settings.OFFSITE_LIST and at.minute % (ALIVE_EVERY.seconds // 60) == 0:
        note_all([Left(at, ALIVE)])


def write_waiting() -> int:
    """Write the waiting lines to the list, in the order of their making, and return how many there were.

    A process that is killed between the two writes them twice, which says nothing more than once.
    """
    total = 0
    while settings.OFFSITE_LIST:
        with transaction.atomic():
            rows = list(OffsiteLine.objects.select_for_update(skip_locked=True).order_by("pk")[:BATCH])
        # Locks end before the network is spoken to: two workers may write the same lines, and that does no harm.
        if not rows:
            break
        _append([row.line for row in rows])
        OffsiteLine.objects.filter(pk__in=[row.pk for row in rows]).delete()
        total += len(rows)
    return total


def write_or_wait() -> None:
    """Write what waits; if the list is away, the next minute tries again."""
    try:
        write_waiting()
    except ListAway as error:
        logger.warning("The off-site list could not be written: %s.", error)


def oldest_waiting() -> datetime | None:
    """Return since when a line waits, for an alarm: what has not left the house would be lost with it."""
    return OffsiteLine.objects.order_by("made_at").values_list("made_at", flat=True).first()


def _append(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    place = settings.OFFSITE_LIST
    if urlsplit(place).scheme in SCHEMES:
        _ask(place, text.encode())
        return
    try:
        # One write at a file that is only added to: lines of two workers stand one after the other.
        descriptor = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.write(descriptor, text.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ListAway(error.strerror or type(error).__name__) from error


def read(place: str = "") -> OffsiteList:
    """Read the whole list, from OFFSITE_LIST or another place. Raises ListAway."""
    place = place or settings.OFFSITE_LIST
    if urlsplit(place).scheme in SCHEMES:
        return parse(_ask(place, None).decode("utf-8", "replace"))
    try:
        return parse(Path(place).read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise ListAway(error.strerror or type(error).__name__) from error


def parse(text: str) -> OffsiteList:
    found = OffsiteList()
    for line in text.splitlines():
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        try:
            at = datetime.fromisoformat(match[1]) if match else None
        except ValueError:
            at = None
        if match is None or at is None or at.tzinfo is None:
            found.unreadable += 1
            continue
        found.left.append(Left(at, match[2], match[3] or "", match[4] or ""))
    return found


def _ask(place: str, body: bytes | None) -> bytes:
    parts = urlsplit(place)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    request = urllib.request.Request(bare, body, headers, method="GET" if body is None else "POST")  # noqa: S310 - the scheme was looked at.
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - as above.
            content: bytes = answer.read()
            return content
    except urllib.error.HTTPError as error:
        error.close()
        raise ListAway(f"it answered {error.code}") from error
    except OSError as error:
        raise ListAway(type(error).__name__) from error


def now_if_alive() -> None:
    """Handle the minute's tick: say that the house is alive, and write what waits."""
    say_alive(at=timezone.now())
    if OffsiteLine.objects.exists():
        write_or_wait()
