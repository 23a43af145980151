"""The consent ledger's chain: how rows are appended, and how tampering is found.

Each row carries the hash of the row before it and its own HMAC under a key of `CONSENT_KEYS`, whose id stands in the
row. Who can write to the table but has no key cannot change, remove, insert or swap a row without breaking the chain.
"""

import hmac
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from newsroom import offsite
from newsroom.addresses import address_hash
from subscriptions.models import Consent, ConsentCheckpoint, ConsentHead

GENESIS_HASH = "0" * 64
VERIFY_CHUNK = 10_000


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a new row of the ledger says; its position and hashes come from the chain."""

    subject: UUID
    purpose: str
    action: str
    method: str
    at: datetime
    policy_version: str = ""
    policy_hash: str = ""
    wording: str = ""
    language: str = ""
    page: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Fault:
    """A place where the chain does not hold."""

    position: int
    what: str


ENTRY_FIELDS = tuple(field.name for field in fields(Entry))
_ROW_FIELDS = ("position", *ENTRY_FIELDS, "key_id", "previous_hash")
_COLUMNS = (*_ROW_FIELDS, "row_hash")


def append(entries: Sequence[Entry]) -> list[Consent]:
    """Append rows at the end of the ledger, in the caller's transaction.

    The head's row is locked from here until the caller commits, which makes positions gapless and orders all writers.
    Callers therefore take every other lock first, and append last.
    """
    rows = [Consent(**dict(zip(_COLUMNS, values, strict=True))) for values in _chained(entries)]
    Consent.objects.bulk_create(rows)
    return rows


def append_block(entries: Sequence[Entry]) -> None:
    """Append the many rows of an import, as `append` does, by COPY, which is several times faster."""
    rows = _chained(entries)
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY subscriptions_consent ({', '.join(_COLUMNS)}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _chained(entries: Sequence[Entry]) -> list[tuple[object, ...]]:
    """Return the values of new rows, and move the ledger's head behind them."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "the ledger is appended to in the transaction of the change it proves"
        )
    ConsentHead.objects.bulk_create([ConsentHead(position=0, row_hash=GENESIS_HASH)], ignore_conflicts=True)
    head = ConsentHead.objects.select_for_update().get(pk=1)
    key_id = next(iter(settings.CONSENT_KEYS))
    rows: list[tuple[object, ...]] = []
    for entry in entries:
        said = (head.position + 1, *(getattr(entry, name) for name in ENTRY_FIELDS), key_id, head.row_hash)
        head.position, head.row_hash = head.position + 1, _hash(said, key_id)
        rows.append((*said, head.row_hash))
    if rows:
        head.save()
    # A backup from before must not bring back who has just left.
    gone = (entry for entry in entries if entry.action == Consent.Action.WITHDRAWN)
    offsite.note_all(
        offsite.Left(entry.at, offsite.WITHDRAWN, address_hash(str(entry.subject)), f"{entry.purpose}/{entry.method}")
        for entry in gone
    )
    return rows


def holds(row: Consent) -> bool:
    """Say whether one row is as this product wrote it, by its own keyed hash."""
    if row.key_id not in settings.CONSENT_KEYS:
        return False
    values = tuple(getattr(row, name) for name in _ROW_FIELDS)
    return hmac.compare_digest(row.row_hash, _hash(values, row.key_id))


def faults(*, limit: int = 20) -> Iterator[Fault]:
    """Walk the whole ledger in order and yield each place where it does not hold, up to a limit.

    Memory stays flat: rows come from a server-side cursor. The walk sees one snapshot, so writers need not wait.
    """
    yield from islice(_walk(), limit)


def _walk() -> Iterator[Fault]:
    with transaction.atomic():
        if len(connection.atomic_blocks) == 1:
            # One snapshot for the rows and the head, so that writers need not wait.
            connection.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield from _faults_of_snapshot()


def _faults_of_snapshot() -> Iterator[Fault]:
    rows = Consent.objects.order_by("position").values_list(*_ROW_FIELDS, "row_hash")
    position, previous_hash = 0, GENESIS_HASH
    for checkpoint in ConsentCheckpoint.objects.order_by("position"):
        if not is_signed(checkpoint):
            yield Fault(checkpoint.position, "the checkpoint was not signed by this product")
            continue
        position, previous_hash = checkpoint.position, checkpoint.row_hash
    for row in rows.iterator(chunk_size=VERIFY_CHUNK):
        own_position, key_id, before, row_hash = row[0], row[-3], row[-2], row[-1]
        if own_position != position + 1:
            yield Fault(position + 1, f"rows {position + 1} to {own_position - 1} are missing")
        elif before != previous_hash:
            yield Fault(own_position, "the row does not follow the row before it")
        if key_id not in settings.CONSENT_KEYS:
            yield Fault(own_position, f"the key {key_id} is not among CONSENT_KEYS")
        elif not hmac.compare_digest(row_hash, _hash(row[:-1], key_id)):
            yield Fault(own_position, "the row was changed, or was not written by this product")
        position, previous_hash = own_position, row_hash
    head = ConsentHead.objects.filter(pk=1).first() or ConsentHead(position=0, row_hash=GENESIS_HASH)
    if (head.position, head.row_hash) != (position, previous_hash):
        yield Fault(position + 1, f"the head says that the ledger ends at {head.position}, and it ends at {position}")


def sign(checkpoint: ConsentCheckpoint) -> None:
    """Give a new checkpoint its key and signature."""
    checkpoint.key_id = next(iter(settings.CONSENT_KEYS))
    checkpoint.signature = _signature(checkpoint)


def is_signed(checkpoint: ConsentCheckpoint) -> bool:
    if checkpoint.key_id not in settings.CONSENT_KEYS:
        return False
    return hmac.compare_digest(checkpoint.signature, _signature(checkpoint))


def _signature(checkpoint: ConsentCheckpoint) -> str:
    # The first word keeps a checkpoint from passing for a row, and a row for a checkpoint.
    said = ("checkpoint", checkpoint.position, checkpoint.row_hash, checkpoint.older_than, checkpoint.made_at)
    return _hash((*said, checkpoint.key_id), checkpoint.key_id)


def _hash(values: tuple[object, ...], key_id: str) -> str:
    return hmac.digest(_key(key_id), _encoder.encode(values).encode(), "sha256").hex()


def _key(key_id: str) -> bytes:
    return bytes.fromhex(settings.CONSENT_KEYS[key_id])


def _plain(value: object) -> object:
    """Return the one spelling of a value that JSON has none for, the same before it is stored and after it is read."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value)


# Made once: the walk over a million rows would build it a million times. Numbers and words are written in C, and only
# what JSON has no spelling for comes back to Python.
_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain)
