"""Files of subscribers as other systems and spreadsheets write them: encodings, columns, and what a line says."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from django.conf import settings
from django.utils.dateparse import parse_date, parse_datetime

from newsroom.addresses import InvalidAddress, normalise_email
from subscriptions.models import ImportChunk, ImportRow, SubscriberImport

CHUNK_BYTES = 1024 * 1024
PREVIEW_ROWS = 10
COLUMN_LENGTH = 100
DELIMITERS = ",;\t|"

# The names of columns in the exports of Mailchimp, Ghost, Substack and listmonk, in lower case, best first.
EMAIL_COLUMNS = [
    "email address", "email", "e-mail", "e-mail address", "subscriber email", "mail", "почта", "электронная почта",
]  # fmt: skip
DATE_COLUMNS = [
    "confirm_time", "optin_time", "created_at", "subscription date", "subscribed_at", "start date", "date",
]  # fmt: skip
STATUS_COLUMNS = [
    "subscribed_to_emails", "email_disabled", "unsub_time", "clean_time", "status", "subscription status",
    "member status",
]  # fmt: skip
LANGUAGE_COLUMNS = ["language", "lang", "locale", "язык"]
# What only one system's files have, to tell staff which it is.
SYSTEMS = {
    "Mailchimp": {"email address", "optin_time"},
    "Ghost": {"email", "subscribed_to_emails"},
    "Substack": {"email", "active_subscription"},
    "listmonk": {"email", "uuid", "attributes", "status"},
}
# An address among other words, such as `Lena <lena@example.org>`.
ADDRESS_WITHIN = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
# Columns that hold something only for people who do not receive mail there.
FILLED_WHEN_OFF = {"unsub_time", "clean_time"}
# What other columns of states say of someone who does not receive mail there.
NOT_SUBSCRIBED = {
    "false", "no", "0", "unsubscribed", "cleaned", "blocklisted", "disabled", "bounced", "archived", "pending",
    "unconfirmed", "complained", "deleted", "inactive",
}  # fmt: skip


class UnreadableFile(Exception):
    """The file is no table with a column of addresses."""


@dataclass(frozen=True)
class Columns:
    """Which column is what, by name; an empty name where the file has none."""

    email: str
    date: str = ""
    status: str = ""
    language: str = ""

    def of(self, names: list[str]) -> "Places":
        """Return where these columns stand. Raises UnreadableFile without a column of addresses."""
        if self.email not in names:
            raise UnreadableFile("no column of addresses")
        found = {name: place for place, name in enumerate(names)}
        return Places(
            email=found[self.email],
            date=found.get(self.date),
            status=found.get(self.status),
            language=found.get(self.language),
            is_other_way_round=self.status.lower() == "email_disabled",
            is_filled_when_off=self.status.lower() in FILLED_WHEN_OFF,
        )


@dataclass(frozen=True)
class Places:
    """Where in a line to look for what."""

    email: int
    date: int | None
    status: int | None
    language: int | None
    is_other_way_round: bool
    is_filled_when_off: bool

    def read(self, cells: list[str]) -> "Reading":
        """Say what a line tells of one person."""
        written = _cell(cells, self.email)
        verdict = ""
        try:
            email = normalise_email(written)
        except InvalidAddress:
            email, verdict = _without_addresses(written)[:254], ImportRow.Verdict.INVALID.value
        if not verdict and self._is_off(_cell(cells, self.status).strip().lower()):
            verdict = ImportRow.Verdict.LEFT_THERE.value
        return Reading(email, _moment(_cell(cells, self.date)), _language(_cell(cells, self.language)), verdict)

    def _is_off(self, value: str) -> bool:
        if self.is_filled_when_off:
            return bool(value)
        return value in {"true", "yes", "1"} if self.is_other_way_round else value in NOT_SUBSCRIBED


@dataclass(frozen=True, slots=True)
class Reading:
    """A person in a line: the address, or what stands in its place, and a verdict where the line alone decides."""

    email: str
    signed_up_at: datetime | None
    language: str
    verdict: str


@dataclass(frozen=True)
class Head:
    """The first lines of a file, and how they would be read."""

    encoding: str
    delimiter: str
    has_header: bool
    names: list[str]
    rows: list[list[str]]
    columns: Columns
    system: str


def look(beginning: bytes, *, encoding: str = "") -> Head:
    """Tell the delimiter and the columns from a file's first bytes, and its encoding. Raises UnreadableFile."""
    encoding = encoding or encoding_of([beginning])
    text = codecs.getincrementaldecoder(encoding)("replace").decode(beginning)
    first_line = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=first_line.count)
    try:
        lines = list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), PREVIEW_ROWS + 1))
    except csv.Error as error:
        raise UnreadableFile("no table") from error
    if not lines:
        raise UnreadableFile("empty")
    has_header = not any(_is_address(cell) for cell in lines[0])
    names = names_of(lines[0], has_header=has_header)
    rows = lines[1:] if has_header else lines[:PREVIEW_ROWS]
    email = _first(names, EMAIL_COLUMNS) or _fullest(names, rows)
    if not email:
        raise UnreadableFile("no column of addresses")
    columns = Columns(
        email, _first(names, DATE_COLUMNS), _first(names, STATUS_COLUMNS), _first(names, LANGUAGE_COLUMNS)
    )
    lowered = {name.lower() for name in names}
    system = next((name for name, signs in SYSTEMS.items() if signs <= lowered), "")
    return Head(encoding, delimiter, has_header, names, rows, columns, system)


def names_of(first: list[str], *, has_header: bool) -> list[str]:
    """Return a name for each column, and no name twice. Where nothing is written its number is the name."""
    names: list[str] = []
    for number, cell in enumerate(first, start=1):
        # What PostgreSQL does not store, and what a list of names could not show.
        written = cell.replace("\x00", "").strip()[: COLUMN_LENGTH - 10] if has_header else ""
        name = written or f"#{number}"
        names.append(name if name not in names else f"{name} (#{number})")
    return names


def encoding_of(pieces: Iterable[bytes]) -> str:
    """Return the encoding of a file: by its byte-order mark, else UTF-8 where all of it is, else the likely old one."""
    stream = iter(pieces)
    head = next(stream, b"")
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head[1:2] == b"\x00" and head[:1] != b"\x00":
        return "utf-16-le"
    if head[:1] == b"\x00" and head[1:2] != b"\x00":
        return "utf-16-be"
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    piece = head
    try:
        decoder.decode(head)
        for piece in stream:
            decoder.decode(piece)
    except UnicodeDecodeError:
        return _old_encoding(piece)
    return "utf-8"


def _old_encoding(piece: bytes) -> str:
    """Tell Windows' Cyrillic, whose words are of high bytes throughout, from its Latin, which has single accents."""
    words = re.findall(rb"[\xc0-\xff]+", piece)
    return "cp1251" if words and sum(map(len, words)) > 2 * len(words) else "cp1252"


def lines_of(found: SubscriberImport, *, after: int) -> Iterator[tuple[int, Reading]]:
    """Yield the lines of an import's file behind one of them, by number, in the order of the file.

    Numbers count as a spreadsheet does: the first line of the file is 1, and an empty one counts too.
    """
    text = io.TextIOWrapper(io.BufferedReader(Chunks(found)), encoding=found.encoding, newline="")
    reader = csv.reader(text, delimiter=found.delimiter)
    first = next(reader, None)
    if first is None:
        raise UnreadableFile("empty")
    places = columns_of(found).of(names_of(first, has_header=found.has_header))
    if not found.has_header and after < 1:
        yield 1, places.read(first)
    for line, cells in enumerate(reader, start=2):
        if line > after and any(cells):
            yield line, places.read(cells)


def columns_of(found: SubscriberImport) -> Columns:
    return Columns(found.email_column, found.date_column, found.status_column, found.language_column)


def head_of(found: SubscriberImport) -> Head | None:
    """Return the head of an import's file, while it is kept."""
    chunk = ImportChunk.objects.filter(subscriber_import=found).order_by("number").first()
    return look(bytes(chunk.content), encoding=found.encoding) if chunk else None


def _cell(cells: list[str], place: int | None) -> str:
    return cells[place] if place is not None and place < len(cells) else ""


def _without_addresses(text: str) -> str:
    """Return what is no address by itself without those inside it, which no erasure would find there."""
    return ADDRESS_WITHIN.sub("…", text.replace("\x00", ""))


def _is_address(text: str) -> bool:
    if "@" not in text:
        return False
    try:
        normalise_email(text)
    except InvalidAddress:
        return False
    return True


def _first(names: list[str], wanted: list[str]) -> str:
    lowered = {name.lower(): name for name in reversed(names)}
    return next((lowered[name] for name in wanted if name in lowered), "")


def _fullest(names: list[str], rows: list[list[str]]) -> str:
    """Return the column in which most addresses stand, where its name does not tell; '' where none does."""
    counts = [sum(_is_address(_cell(cells, place)) for cells in rows) for place in range(len(names))]
    return names[counts.index(max(counts))] if any(counts) else ""


def _language(text: str) -> str:
    """Return the site's language that a cell names, such as `ru` of `ru-RU`, or ''."""
    code = text.strip().lower().replace("_", "-")[:10]
    known = dict(settings.LANGUAGES)
    return next((one for one in (code, code.partition("-")[0]) if one in known), "")


def _moment(text: str) -> datetime | None:
    """Read a date or a time of an export; what cannot be read is unknown, and then the import's own time counts."""
    text = text.strip()
    if not text:
        return None
    try:
        found = parse_datetime(text)
        if found is None:
            day = parse_date(text[:10])
            found = datetime(day.year, day.month, day.day) if day else None
    except ValueError:
        return None
    if found is None:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Chunks(io.RawIOBase):
    """The file as a stream, one piece in memory at a time."""

    def __init__(self, found: SubscriberImport) -> None:
        self._chunks = ImportChunk.objects.filter(subscriber_import=found)
        self._number = 0
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._left:
            # By number and not by a cursor, which could not outlive the transaction of one step.
            chunk = self._chunks.filter(number=self._number).first()
            self._left = bytes(chunk.content) if chunk else b""
            self._number += 1
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size
