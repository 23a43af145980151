"""Importing subscribers from a file of any size, by COPY, in blocks that a killed worker's successor continues."""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from time import monotonic

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import connection, transaction
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from newsroom.addresses import InvalidAddress, address_hashes, normalise_email
from newsroom.history import record
from newsroom.models import Suppression
from newsroom.waking import wake
from subscriptions import consent
from subscriptions.models import ImportChunk, ImportRow, Newsletter, SubscriberImport, Subscription
from subscriptions.policies import text_in_force

CHUNK_BYTES = 1024 * 1024
BLOCK = 5_000
COPY_ROWS = 20_000
TURN_SECONDS = 60
UNDO_WITHIN = timedelta(days=1)
PREVIEW_ROWS = 10
PAGE = "/admin/subscriptions/subscriberimport/"

State = SubscriberImport.State
Verdict = ImportRow.Verdict

# The names of columns in the exports of Mailchimp, Ghost, Substack and listmonk, in lower case, best first.
EMAIL_COLUMNS = ["email address", "email", "e-mail", "e-mail address", "subscriber email", "mail"]
DATE_COLUMNS = [
    "confirm_time", "optin_time", "created_at", "subscription date", "subscribed_at", "start date", "date",
]  # fmt: skip
STATUS_COLUMNS = ["subscribed_to_emails", "email_disabled", "status", "subscription status", "member status"]
# What these columns say of someone who does not receive mail there.
NOT_SUBSCRIBED = {
    "false",
    "no",
    "0",
    "unsubscribed",
    "cleaned",
    "blocklisted",
    "disabled",
    "bounced",
    "archived",
    "pending",
}
VERDICT_OF_STATE = {
    Subscription.State.ACTIVE: Verdict.ALREADY_ACTIVE,
    Subscription.State.PENDING: Verdict.PENDING,
    Subscription.State.UNSUBSCRIBED: Verdict.UNSUBSCRIBED,
    Subscription.State.SUPPRESSED: Verdict.SUPPRESSED,
}


class UnreadableFile(Exception):
    """The file is no table with a column of addresses."""


class TooLateToUndo(Exception):
    """An import can be undone for a day."""


@dataclass(frozen=True)
class Preview:
    """The head of a file, and how it would be read."""

    encoding: str
    delimiter: str
    columns: list[str]
    rows: list[list[str]]
    email_column: str
    date_column: str
    status_column: str


def look(head: bytes) -> Preview:
    """Tell the encoding, the delimiter and the columns from a file's first bytes. Raises UnreadableFile."""
    encoding = _encoding(head)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    first_line = text.partition("\n")[0]
    delimiter = max(",;\t|", key=first_line.count)
    lines = list(csv.reader(io.StringIO(text), delimiter=delimiter))[: PREVIEW_ROWS + 1]
    if not lines:
        raise UnreadableFile("empty")
    columns = [name.strip() for name in lines[0]]
    email_column = _first(columns, EMAIL_COLUMNS)
    if not email_column:
        raise UnreadableFile("no column of addresses")
    return Preview(
        encoding=encoding,
        delimiter=delimiter,
        columns=columns,
        rows=lines[1:],
        email_column=email_column,
        date_column=_first(columns, DATE_COLUMNS),
        status_column=_first(columns, STATUS_COLUMNS),
    )


@transaction.atomic
def receive(
    pieces: Iterable[bytes],
    *,
    newsletter: Newsletter,
    file_name: str,
    source: str,
    wording: str,
    evidence: str,
    by: AbstractBaseUser | AnonymousUser | None,
    at: datetime,
) -> SubscriberImport:
    """Keep a file in the database, for staff to look at before it runs. Raises UnreadableFile."""
    stream = iter(pieces)
    head = next(stream, b"")
    preview = look(head[:CHUNK_BYTES])
    received = SubscriberImport.objects.create(
        newsletter=newsletter,
        file_name=file_name[:200],
        source=source,
        wording=wording,
        evidence=evidence,
        encoding=preview.encoding,
        delimiter=preview.delimiter,
        email_column=preview.email_column,
        date_column=preview.date_column,
        status_column=preview.status_column,
        created_by_id=by.pk if by else None,
        created_at=at,
    )
    number = 0
    for piece in _chain(head, stream):
        for start in range(0, len(piece), CHUNK_BYTES):
            content = piece[start : start + CHUNK_BYTES]
            ImportChunk.objects.create(subscriber_import=received, number=number, content=content)
            number += 1
    record(received, action="import.received", actor=by, reason=source, at=at)
    return received


def preview_of(found: SubscriberImport) -> Preview | None:
    """Return the head of an import's file, while it is kept."""
    chunk = ImportChunk.objects.filter(subscriber_import=found).order_by("number").first()
    return look(bytes(chunk.content)) if chunk else None


@transaction.atomic
def start(found: SubscriberImport, *, by: AbstractBaseUser | AnonymousUser | None, at: datetime) -> bool:
    """Let an import run. A second click changes nothing."""
    if not SubscriberImport.objects.filter(pk=found.pk, state=State.RECEIVED).update(state=State.STAGING):
        return False
    record(found, action="import.started", actor=by, at=at)
    wake("subscriptions.tasks.work_on_import", found.pk)
    return True


@transaction.atomic
def undo(found: SubscriberImport, *, by: AbstractBaseUser | AnonymousUser | None, at: datetime) -> bool:
    """Take a whole import back. Raises TooLateToUndo a day after its end."""
    done = SubscriberImport.objects.select_for_update().filter(pk=found.pk, state=State.DONE).first()
    if done is None:
        return False
    if done.ended_at is None or at > done.ended_at + UNDO_WITHIN:
        raise TooLateToUndo
    done.state = State.UNDOING
    done.save(update_fields=["state"])
    record(done, action="import.undone", actor=by, at=at)
    wake("subscriptions.tasks.work_on_import", done.pk)
    return True


def sweep() -> None:
    """Wake a worker for each import that is not at its end."""
    unfinished = SubscriberImport.objects.filter(state__in=[State.STAGING, State.RUNNING, State.UNDOING])
    for pk in unfinished.order_by("pk").values_list("pk", flat=True):
        wake("subscriptions.tasks.work_on_import", pk)


def work(pk: int, *, at: datetime | None = None) -> None:
    """Do an import's next steps for a minute at most, then stand in line again.

    Each step is one transaction under the lock of the import's row: a worker that is killed loses only its own step,
    and two workers take turns.
    """
    begun = monotonic()
    while _step(pk, at or timezone.now()):
        if monotonic() - begun > TURN_SECONDS:
            wake("subscriptions.tasks.work_on_import", pk)
            return


@transaction.atomic
def _step(pk: int, at: datetime) -> bool:
    """Do one step, and say whether there may be another."""
    # Without the key: an erasure that this step waits for may have to see at its end that the import is there.
    unlocked = SubscriberImport.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
    found = unlocked.filter(pk=pk).first()
    if found is None:
        return False
    match found.state:
        case State.STAGING:
            return _stage(found, at)
        case State.RUNNING:
            return _import_block(found, at)
        case State.UNDOING:
            return _undo_block(found, at)
    return False


def _stage(found: SubscriberImport, at: datetime) -> bool:
    """Read the whole file into rows, by COPY. A file that cannot be read ends the import."""
    columns = "subscriber_import_id, line, email, signed_up_at, verdict"
    rows = _rows(found)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # The file is read over the same connection, which must rest while a COPY runs.
            while batch := list(islice(rows, COPY_ROWS)):
                with cursor.copy(f"COPY subscriptions_importrow ({columns}) FROM STDIN") as copy:
                    for row in batch:
                        copy.write_row((found.pk, *row))
            cursor.execute(
                """
                UPDATE subscriptions_importrow SET verdict = 'duplicate' WHERE id IN (
                    SELECT id FROM (
                        SELECT id, row_number() OVER (PARTITION BY email ORDER BY line) AS nth
                        FROM subscriptions_importrow WHERE subscriber_import_id = %s AND verdict = ''
                    ) numbered WHERE nth > 1
                )
                """,
                [found.pk],
            )
    except (UnicodeError, csv.Error, UnreadableFile) as error:
        _end(found, State.FAILED, at, error=type(error).__name__)
        return False
    found.state = State.RUNNING
    found.save(update_fields=["state"])
    return True


def _import_block(found: SubscriberImport, at: datetime) -> bool:
    # Locked, so that an erasure under way ends first and one that comes later finds what is written here.
    waiting = ImportRow.objects.select_for_update(of=("self",)).filter(subscriber_import=found, verdict="")
    rows = list(waiting.order_by("line")[:BLOCK])
    policy_text = text_in_force(found.newsletter.language, at=at)
    if not rows:
        _end(found, State.DONE, at)
        return False
    if policy_text is None:
        _end(found, State.FAILED, at, error="no Privacy Policy is in force")
        return False
    suppressed = _suppressed([row.email for row in rows], at)
    added = consent.grant_block(
        [consent.Imported(row.email, row.signed_up_at) for row in rows if row.email not in suppressed],
        newsletter=found.newsletter,
        shown=consent.Shown(
            found.wording, found.newsletter.language, policy_text.policy.version, policy_text.body_hash
        ),
        page=f"{PAGE}{found.pk}/",
        reason=f"{found.source}; {found.evidence}",
        at=at,
    )
    left = [row.email for row in rows if row.email not in added and row.email not in suppressed]
    own = Subscription.objects.filter(newsletter=found.newsletter, subscriber__email__in=left)
    states = dict(own.values_list("subscriber__email", "state"))
    for row in rows:
        if row.email in added:
            row.verdict, row.subscription_id = Verdict.IMPORTED, added[row.email]
        elif row.email in suppressed:
            row.verdict = Verdict.SUPPRESSED
        else:
            row.verdict = VERDICT_OF_STATE[Subscription.State(states[row.email])]
    _write_verdicts(rows)
    return True


def _undo_block(found: SubscriberImport, at: datetime) -> bool:
    rows = list(ImportRow.objects.filter(subscriber_import=found, verdict=Verdict.IMPORTED).order_by("line")[:BLOCK])
    if not rows:
        _end(found, State.UNDONE, at)
        return False
    pks = [row.subscription_id for row in rows if row.subscription_id is not None]
    consent.undo_block(pks, page=f"{PAGE}{found.pk}/", reason=f"undone: {found.source}", at=at)
    ImportRow.objects.filter(pk__in=[row.pk for row in rows]).update(verdict=Verdict.UNDONE)
    return True


def _end(found: SubscriberImport, state: SubscriberImport.State, at: datetime, *, error: str = "") -> None:
    found.state, found.ended_at, found.error = state, at, error
    found.save(update_fields=["state", "ended_at", "error"])
    if state != State.UNDONE:
        ImportChunk.objects.filter(subscriber_import=found).delete()


def _write_verdicts(rows: list[ImportRow]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE subscriptions_importrow r SET verdict = v.verdict, subscription_id = v.subscription_id
            FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) AS v (id, verdict, subscription_id) WHERE r.id = v.id
            """,
            [[row.pk for row in rows], [str(row.verdict) for row in rows], [row.subscription_id for row in rows]],
        )


def _suppressed(emails: list[str], at: datetime) -> set[str]:
    """Return the addresses that an import must not bring back: erased, unsubscribed, bounced or complained."""
    owners = {hashed: email for email in emails for hashed in address_hashes(email)}
    rows = Suppression.objects.filter(address_hash__in=list(owners)).exclude(expires_at__lte=at)
    return {owners[hashed] for hashed in rows.values_list("address_hash", flat=True)}


def _rows(found: SubscriberImport) -> Iterator[tuple[int, str, datetime | None, str]]:
    text = io.TextIOWrapper(io.BufferedReader(_Chunks(found)), encoding=found.encoding, newline="")
    reader = csv.reader(text, delimiter=found.delimiter)
    columns = [name.strip() for name in next(reader)]
    if found.email_column not in columns:
        raise UnreadableFile("no column of addresses")
    email_at = columns.index(found.email_column)
    date_at = columns.index(found.date_column) if found.date_column in columns else None
    status_at = columns.index(found.status_column) if found.status_column in columns else None
    for line, cells in enumerate(reader, start=2):
        if not any(cells):
            continue
        written = _cell(cells, email_at)
        try:
            email, verdict = normalise_email(written), ""
        except InvalidAddress:
            email, verdict = written.replace("\x00", "")[:254], Verdict.INVALID.value
        if not verdict and status_at is not None and _is_off(columns[status_at], _cell(cells, status_at)):
            verdict = Verdict.LEFT_THERE.value
        yield line, email, _moment(_cell(cells, date_at)), verdict


def _is_off(column: str, value: str) -> bool:
    """Say whether a cell tells that the person gets no mail there. `email_disabled` says it the other way round."""
    value = value.strip().lower()
    return value in {"true", "yes", "1"} if column.lower() == "email_disabled" else value in NOT_SUBSCRIBED


def _cell(cells: list[str], place: int | None) -> str:
    return cells[place] if place is not None and place < len(cells) else ""


def _moment(text: str) -> datetime | None:
    """Read a date or a time of an export; what cannot be read is unknown, and then the import's own time counts."""
    text = text.strip()
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


def _encoding(head: bytes) -> str:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        # The end may cut a character in two.
        codecs.getincrementaldecoder("utf-8")("strict").decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _first(columns: list[str], names: list[str]) -> str:
    lowered = {column.lower(): column for column in reversed(columns)}
    return next((lowered[name] for name in names if name in lowered), "")


def _chain(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


class _Chunks(io.RawIOBase):
    """The file as a stream, one piece in memory at a time."""

    def __init__(self, found: SubscriberImport) -> None:
        self._chunks = ImportChunk.objects.filter(subscriber_import=found)
        self._number = 0
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._left:
            # By number and not by a cursor, which could not outlive a transaction that fails in the middle of a file.
            chunk = self._chunks.filter(number=self._number).first()
            self._left = bytes(chunk.content) if chunk else b""
            self._number += 1
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size
