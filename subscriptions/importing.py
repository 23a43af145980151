"""Importing subscribers from a file of any size, by COPY, in blocks that a killed worker's successor continues."""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import islice
from time import monotonic

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import connection, transaction
from django.db.models import Max
from django.db.models.expressions import RawSQL
from django.utils import timezone

from newsroom.addresses import address_hashes
from newsroom.history import record
from newsroom.models import Suppression
from newsroom.waking import wake, wake_again
from subscriptions import consent
from subscriptions.import_files import (
    CHUNK_BYTES,
    Columns,
    Reading,
    UnreadableFile,
    encoding_of,
    head_of,
    lines_of,
    look,
)
from subscriptions.models import ImportChunk, ImportRow, Newsletter, SubscriberImport, Subscription
from subscriptions.policies import text_in_force

BLOCK = 5_000
COPY_ROWS = 20_000
TURN_SECONDS = 60
UNDO_WITHIN = timedelta(days=1)
PAGE = "/admin/subscriptions/subscriberimport/"

State = SubscriberImport.State
Verdict = ImportRow.Verdict

VERDICT_OF_STATE = {
    Subscription.State.ACTIVE: Verdict.ALREADY_ACTIVE,
    Subscription.State.PENDING: Verdict.PENDING,
    Subscription.State.UNSUBSCRIBED: Verdict.UNSUBSCRIBED,
    Subscription.State.SUPPRESSED: Verdict.SUPPRESSED,
}


# Nobody would look for these addresses any more, so they do not come back into a list of those who must not come back.
FORGOTTEN = (Suppression.Reason.ERASED, Suppression.Reason.MOVED)


class TooLateToUndo(Exception):
    """An import can be undone for a day."""


class NoSuchColumn(Exception):
    """The file has no column of that name."""


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
    beginning = next(stream, b"")
    look(beginning[:CHUNK_BYTES])
    received = SubscriberImport.objects.create(
        newsletter=newsletter,
        file_name=file_name[:200],
        source=source,
        wording=wording,
        evidence=evidence,
        encoding="",
        delimiter="",
        email_column="",
        created_by_id=by.pk if by else None,
        created_at=at,
    )
    # The whole file tells the encoding: a single accent may stand in its last line.
    pieces_kept = _kept(received, beginning, stream)
    encoding = encoding_of(pieces_kept)
    # A mark at the beginning tells it at once; the rest is kept all the same.
    deque(pieces_kept, maxlen=0)
    head = look(beginning[:CHUNK_BYTES], encoding=encoding)
    received.encoding, received.delimiter, received.has_header = head.encoding, head.delimiter, head.has_header
    _set_columns(received, head.columns)
    received.save()
    record(received, action="import.received", actor=by, reason=source, at=at)
    return received


def _kept(received: SubscriberImport, beginning: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    """Store the pieces of a file, and pass each on."""
    number = 0
    for piece in _chain(beginning, rest):
        for start in range(0, len(piece), CHUNK_BYTES):
            content = piece[start : start + CHUNK_BYTES]
            ImportChunk.objects.create(subscriber_import=received, number=number, content=content)
            number += 1
            yield content


@transaction.atomic
def choose_columns(
    found: SubscriberImport, columns: Columns, *, by: AbstractBaseUser | AnonymousUser | None, at: datetime
) -> bool:
    """Say which column is what, before the import runs. Raises NoSuchColumn."""
    waiting = SubscriberImport.objects.select_for_update().filter(pk=found.pk, state=State.RECEIVED).first()
    head = head_of(waiting) if waiting else None
    if waiting is None or head is None:
        return False
    chosen = {columns.email, columns.date, columns.status, columns.language}
    if not columns.email or chosen - {""} - set(head.names):
        raise NoSuchColumn
    _set_columns(waiting, columns)
    waiting.save()
    record(waiting, action="import.columns_chosen", actor=by, after=asdict(columns), at=at)
    return True


def _set_columns(found: SubscriberImport, columns: Columns) -> None:
    found.email_column, found.date_column = columns.email, columns.date
    found.status_column, found.language_column = columns.status, columns.language


@transaction.atomic
def discard(found: SubscriberImport, *, by: AbstractBaseUser | AnonymousUser | None, at: datetime) -> bool:
    """Delete the file of an import that never ran. That there was one stays."""
    waiting = SubscriberImport.objects.select_for_update().filter(pk=found.pk, state=State.RECEIVED).first()
    if waiting is None:
        return False
    _end(waiting, State.DISCARDED, at)
    record(waiting, action="import.discarded", actor=by, at=at)
    return True


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
        wake_again("subscriptions.tasks.work_on_import", pk)


def work(pk: int, *, at: datetime | None = None, seconds: float = TURN_SECONDS) -> None:
    """Do an import's next step, and more of them for a minute at most, then stand in line again.

    Each step is one transaction under the lock of the import's row: a worker that is killed loses only its own step,
    and two workers take turns.
    """
    begun = monotonic()
    turn = Turn()
    while _step(pk, at or timezone.now(), turn):
        if monotonic() - begun > seconds:
            wake("subscriptions.tasks.work_on_import", pk)
            return


class Turn:
    """What one worker keeps between two of its steps: the places up to which it has read, and has had its verdicts."""

    def __init__(self) -> None:
        self.settled = 0
        self.lines: Iterator[tuple[int, Reading]] | None = None
        self.line = 0
        self.pieces: list[tuple[int, str]] = []


@transaction.atomic
def _step(pk: int, at: datetime, turn: Turn) -> bool:
    """Do one step, and say whether there may be another."""
    # Without the key: an erasure that this step waits for may have to see at its end that the import is there.
    unlocked = SubscriberImport.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
    found = unlocked.filter(pk=pk).first()
    if found is None:
        return False
    match found.state:
        case State.STAGING:
            return _stage(found, at, turn)
        case State.RUNNING:
            return _import_block(found, at, turn)
        case State.UNDOING:
            return _undo_block(found, at)
    return False


def _stage(found: SubscriberImport, at: datetime, turn: Turn) -> bool:
    """Read the file's next lines into rows, by COPY. A file that cannot be read ends the import, and nobody is in."""
    own = ImportRow.objects.filter(subscriber_import=found)
    line = own.aggregate(line=Max("line"))["line"] or 0
    pieces = _locked_pieces(found)
    # An erasure writes pieces anew between two steps, and what was read of them before still names the person.
    if turn.lines is None or turn.pieces != pieces:
        turn.lines, turn.line, turn.pieces = lines_of(found, after=line), line, pieces
    elif turn.line != line:
        # Another worker reads the same file, and to take turns would have both begin anew each time.
        return False
    try:
        batch = list(islice(turn.lines, COPY_ROWS))
    except (UnicodeError, csv.Error, UnreadableFile) as error:
        own.delete()
        _end(found, State.FAILED, at, error=type(error).__name__)
        return False
    if not batch:
        # All of it is in rows now, where an erasure finds its person.
        ImportChunk.objects.filter(subscriber_import=found).delete()
        found.state = State.RUNNING
        found.save(update_fields=["state"])
        return True
    columns = "subscriber_import_id, line, email, signed_up_at, language, verdict"
    with connection.cursor() as cursor, cursor.copy(f"COPY subscriptions_importrow ({columns}) FROM STDIN") as copy:
        for number, person in batch:
            copy.write_row((found.pk, number, person.email, person.signed_up_at, person.language, person.verdict))
    turn.line = batch[-1][0]
    return True


def _locked_pieces(found: SubscriberImport) -> list[tuple[int, str]]:
    """Return the file's pieces, each with the transaction that wrote it, locked until this step ends.

    An erasure that comes meanwhile waits for the lock before it looks for its person among the rows of this step.
    """
    pieces = ImportChunk.objects.select_for_update(no_key=True).filter(subscriber_import=found).order_by("number")
    written_by = RawSQL("subscriptions_importchunk.xmin::text", [])
    return list(pieces.annotate(written_by=written_by).values_list("pk", "written_by"))


def _import_block(found: SubscriberImport, at: datetime, turn: Turn) -> bool:
    # Locked, so that an erasure under way ends first and one that comes later finds what is written here.
    waiting = ImportRow.objects.select_for_update(of=("self",)).filter(subscriber_import=found, verdict="")
    # From where this worker was: before it stand only the entries that the index has not forgotten yet.
    rows = list(waiting.filter(line__gt=turn.settled).order_by("line")[:BLOCK])
    policy_text = text_in_force(found.newsletter.language, at=at)
    if not rows:
        _end(found, State.DONE, at)
        return False
    if policy_text is None:
        _end(found, State.FAILED, at, error="no Privacy Policy is in force")
        return False
    settled = _settled_by_other_lines([row.pk for row in rows])
    suppressed = _suppressed([row.email for row in rows], at)
    wanted = [row for row in rows if row.pk not in settled and row.email not in suppressed]
    added = consent.grant_block(
        [consent.Imported(row.email, row.signed_up_at, row.language) for row in wanted],
        newsletter=found.newsletter,
        shown=consent.Shown(
            found.wording, found.newsletter.language, policy_text.policy.version, policy_text.body_hash
        ),
        page=f"{PAGE}{found.pk}/",
        reason=f"{found.source}; {found.evidence}",
        at=at,
    )
    left = [row.email for row in wanted if row.email not in added]
    own = Subscription.objects.filter(newsletter=found.newsletter, subscriber__email__in=left)
    states = dict(own.values_list("subscriber__email", "state"))
    for row in rows:
        if row.pk in settled:
            row.verdict = settled[row.pk]
        elif row.email in added:
            row.verdict, row.subscription_id = Verdict.IMPORTED, added[row.email]
        elif row.email in suppressed:
            row.verdict = Verdict.SUPPRESSED
        else:
            row.verdict = VERDICT_OF_STATE[Subscription.State(states[row.email])]
        if suppressed.get(row.email) in FORGOTTEN:
            row.email = ""
    _write_verdicts(rows)
    turn.settled = rows[-1].line
    return True


def _undo_block(found: SubscriberImport, at: datetime) -> bool:
    imported = ImportRow.objects.filter(subscriber_import=found, verdict=Verdict.IMPORTED)
    rows = list(imported.order_by("line").values_list("pk", "subscription_id")[:BLOCK])
    if not rows:
        _end(found, State.UNDONE, at)
        return False
    consent.undo_block(
        [subscription for _pk, subscription in rows if subscription is not None],
        newsletter=found.newsletter,
        page=f"{PAGE}{found.pk}/",
        reason=f"undone: {found.source}",
        at=at,
    )
    ImportRow.objects.filter(pk__in=[pk for pk, _subscription in rows]).update(verdict=Verdict.UNDONE)
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
            UPDATE subscriptions_importrow r
            SET email = v.email, verdict = v.verdict, subscription_id = v.subscription_id
            FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[]) AS v (id, email, verdict, subscription_id)
            WHERE r.id = v.id
            """,
            [
                [row.pk for row in rows],
                [row.email for row in rows],
                [str(row.verdict) for row in rows],
                [row.subscription_id for row in rows],
            ],
        )


def _settled_by_other_lines(pks: list[int]) -> dict[int, Verdict]:
    """Return the verdict of lines whose address stands in the file before, or that another line says has left."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT row.id, bool_or(other.verdict = 'left-there')
            FROM subscriptions_importrow row JOIN subscriptions_importrow other
            ON other.subscriber_import_id = row.subscriber_import_id AND other.email = row.email AND other.id <> row.id
            WHERE row.id = ANY(%s) AND row.email <> ''
            AND (other.verdict = 'left-there' OR other.line < row.line AND other.verdict <> 'invalid')
            GROUP BY row.id
            """,
            [pks],
        )
        return {pk: Verdict.LEFT_THERE if has_left else Verdict.DUPLICATE for pk, has_left in cursor.fetchall()}


def _suppressed(emails: list[str], at: datetime) -> dict[str, str]:
    """Return the addresses that an import must not bring back, and why: those to be forgotten above all others."""
    owners = {hashed: email for email in emails for hashed in address_hashes(email)}
    rows = Suppression.objects.filter(address_hash__in=list(owners)).exclude(expires_at__lte=at)
    reasons = rows.values_list("address_hash", "reason")
    return {owners[hashed]: reason for hashed, reason in sorted(reasons, key=lambda one: one[1] in FORGOTTEN)}


def _chain(beginning: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield beginning
    yield from rest
