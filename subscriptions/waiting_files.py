"""A person in files that staff uploaded and have not imported yet: shown to the person, and taken out at an erasure."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from typing import Any

from newsroom.addresses import InvalidAddress, normalise_email
from subscriptions.models import ImportChunk, SubscriberImport

CHUNK_BYTES = 1024 * 1024
REMOVED = "…"
State = SubscriberImport.State


def lines_about(address: str) -> list[dict[str, Any]]:
    """Return the lines of waiting files that name the person behind a normalised address."""
    return [
        {"file": waiting.file_name, "line": number, "content": cells}
        for waiting in SubscriberImport.objects.filter(chunks__isnull=False).distinct().order_by("pk")
        if _may_name(waiting, address)
        for number, cells in enumerate(_lines(waiting), start=1)
        if any(_names(cell, address) for cell in cells)
    ]


def forget(address: str) -> None:
    """Empty the person's lines in the files that wait, in the transaction that erases the person.

    A worker that is just reading is waited for, and what it has read are rows by then. What another line says of the
    person in passing is replaced by a mark.
    """
    waiting = SubscriberImport.objects.select_for_update(no_key=True).filter(state__in=[State.RECEIVED, State.STAGING])
    for found in waiting.order_by("pk"):
        if _may_name(found, address):
            _rewrite(found, address)


def _rewrite(found: SubscriberImport, address: str) -> None:
    encoder = codecs.getincrementalencoder(found.encoding)()
    number, buffer = 0, b""
    old = list(ImportChunk.objects.filter(subscriber_import=found).values_list("pk", flat=True))
    offset = len(old)
    place: int | None = None
    for line, cells in enumerate(_lines(found)):
        if line == 0 and found.email_column in (names := [cell.strip("\ufeff ") for cell in cells]):
            place = names.index(found.email_column)
        # Without names of columns nobody knows whose line it is; then any cell decides.
        own = cells if place is None else cells[place : place + 1]
        is_own = any(_is(cell, address) for cell in own)
        # The line stays as an empty one: a worker may be in the middle of the file, and counts lines.
        kept = ["" if is_own else _without(cell, address) for cell in cells]
        buffer += encoder.encode(_as_line(kept, found.delimiter))
        if len(buffer) >= CHUNK_BYTES:
            ImportChunk.objects.create(subscriber_import=found, number=offset + number, content=buffer)
            number, buffer = number + 1, b""
    ImportChunk.objects.create(subscriber_import=found, number=offset + number, content=buffer)
    ImportChunk.objects.filter(pk__in=old).delete()
    # A file is read by the numbers of its pieces, from nought.
    for place, pk in enumerate(
        ImportChunk.objects.filter(subscriber_import=found).order_by("number").values_list("pk", flat=True)
    ):
        ImportChunk.objects.filter(pk=pk).update(number=place)


def _as_line(cells: list[str], delimiter: str) -> str:
    line = io.StringIO(newline="")
    csv.writer(line, delimiter=delimiter).writerow(cells)
    return line.getvalue()


def _may_name(found: SubscriberImport, address: str) -> bool:
    """Look for the local part first: to take a file of a million lines apart costs a hundred times more."""
    local = address.rpartition("@")[0]
    tail = ""
    for text in _texts(found):
        piece = (tail + text).lower()
        if local in piece:
            return True
        tail = piece[-len(local) :]
    return False


def _texts(found: SubscriberImport) -> Iterator[str]:
    """Yield the text of a file piece by piece; what is no text in its encoding is read over."""
    decoder = codecs.getincrementaldecoder(found.encoding)("replace")
    for content in (
        ImportChunk.objects.filter(subscriber_import=found).order_by("number").values_list("content", flat=True)
    ).iterator(chunk_size=1):
        yield decoder.decode(bytes(content))
    yield decoder.decode(b"", final=True)


def _lines(found: SubscriberImport) -> Iterator[list[str]]:
    return csv.reader(_physical_lines(found), delimiter=found.delimiter)


def _physical_lines(found: SubscriberImport) -> Iterator[str]:
    rest = ""
    for text in _texts(found):
        *whole, rest = (rest + text).replace("\x00", "").split("\n")
        yield from (f"{line}\n" for line in whole)
    if rest:
        yield rest


def _is(cell: str, address: str) -> bool:
    try:
        return "@" in cell and normalise_email(cell) == address
    except InvalidAddress:
        return False


def _names(cell: str, address: str) -> bool:
    return _is(cell, address) or address in cell.lower()


def _without(cell: str, address: str) -> str:
    if _is(cell, address):
        return REMOVED
    return re.sub(re.escape(address), REMOVED, cell, flags=re.IGNORECASE) if address in cell.lower() else cell
