"""A person in files that staff uploaded and have not imported yet: shown to them, and overwritten at an erasure."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from newsroom.addresses import InvalidAddress, normalise_email
from subscriptions.import_files import Chunks, names_of
from subscriptions.models import ImportChunk, SubscriberImport

FILLER = "-"


def lines_about(address: str) -> list[dict[str, Any]]:
    """Return the lines of waiting files that name the person behind a normalised address."""
    return [
        {"file": found.file_name, "line": number, "content": line.cells}
        for found in _waiting()
        if _may_name(found, address)
        for number, line in enumerate(_lines(found), start=1)
        if any(_names(cell, address) for cell in line.cells)
    ]


def forget(address: str) -> None:
    """Overwrite what waiting files say of a person, in the transaction that erases the person.

    The person's own line is overwritten whole, and in other lines the address. Each stays as long as it was, and so
    does each piece of the file, because a worker may be in the middle of it and counts bytes and lines.
    """
    for found in _waiting():
        if _may_name(found, address):
            _overwrite(found, address)


@dataclass(frozen=True)
class Line:
    """A line as it stands in the file, with its end, and taken apart."""

    text: str
    cells: list[str]


@dataclass(frozen=True)
class Codec:
    """How a file is read so that writing it again gives the same bytes, whatever stands in it."""

    name: str
    errors: str

    @classmethod
    def of(cls, found: SubscriberImport, beginning: bytes) -> "Codec":
        if found.encoding == "utf-16":
            return cls("utf-16-be" if beginning.startswith(codecs.BOM_UTF16_BE) else "utf-16-le", "surrogatepass")
        if found.encoding.startswith("utf-16"):
            return cls(found.encoding, "surrogatepass")
        return cls("utf-8" if found.encoding == "utf-8-sig" else found.encoding, "surrogateescape")

    def bytes_of(self, text: str) -> bytes:
        return text.encode(self.name, self.errors)

    def blank(self, text: str, *, keep: str = "") -> str:
        """Return filler that takes as many bytes as the text, with the characters to keep in their places."""
        unit = len(self.bytes_of(FILLER))
        return "".join(one if one in keep else FILLER * (len(self.bytes_of(one)) // unit) for one in text)


def _waiting() -> Iterator[SubscriberImport]:
    return SubscriberImport.objects.filter(chunks__number=0).order_by("pk").iterator()


def _overwrite(found: SubscriberImport, address: str) -> None:
    codec = _codec_of(found)
    pieces = _pieces(found, address, codec)
    ready = b""
    for pk, content in _chunks_of(found):
        while len(ready) < len(content):
            ready += next(pieces)
        new, ready = ready[: len(content)], ready[len(content) :]
        if new != content:
            ImportChunk.objects.filter(pk=pk).update(content=new)


def _pieces(found: SubscriberImport, address: str, codec: Codec) -> Iterator[bytes]:
    """Yield the file line by line as it shall be."""
    place: int | None = None
    kept = f'{found.delimiter}"\r\n\ufeff'
    for number, line in enumerate(_lines(found)):
        if number == 0 and found.email_column in (
            names := names_of([cell.removeprefix("\ufeff") for cell in line.cells], has_header=found.has_header)
        ):
            place = names.index(found.email_column)
        # Where the column of addresses is unknown nobody knows whose line it is, and any cell decides.
        own = line.cells if place is None else line.cells[place : place + 1]
        if any(_is(cell, address) for cell in own):
            yield codec.bytes_of(codec.blank(line.text, keep=kept))
            continue
        text = re.sub(re.escape(address), lambda match: codec.blank(match[0]), line.text, flags=re.IGNORECASE)
        for cell in line.cells:
            if _is(cell, address):
                text = text.replace(cell, codec.blank(cell))
        yield codec.bytes_of(text)


def _lines(found: SubscriberImport) -> Iterator[Line]:
    codec = _codec_of(found)
    stream = io.TextIOWrapper(io.BufferedReader(Chunks(found)), encoding=codec.name, errors=codec.errors, newline="")
    read: list[str] = []

    def noted() -> Iterator[str]:
        for text in stream:
            read.append(text)
            yield text

    for cells in csv.reader(noted(), delimiter=found.delimiter):
        yield Line("".join(read), cells)
        read.clear()
    if read:
        yield Line("".join(read), [])


def _chunks_of(found: SubscriberImport) -> Iterator[tuple[int, bytes]]:
    for pk in ImportChunk.objects.filter(subscriber_import=found).order_by("number").values_list("pk", flat=True):
        yield pk, bytes(ImportChunk.objects.values_list("content", flat=True).get(pk=pk))


def _codec_of(found: SubscriberImport) -> Codec:
    return Codec.of(found, next((content for _pk, content in _chunks_of(found)), b"")[:4])


def _may_name(found: SubscriberImport, address: str) -> bool:
    """Look for the local part first: to take a file of a million lines apart costs a hundred times more."""
    local = address.rpartition("@")[0]
    codec = _codec_of(found)
    decoder = codecs.getincrementaldecoder(codec.name)("replace")
    tail = ""
    for _pk, content in _chunks_of(found):
        piece = (tail + decoder.decode(content)).lower()
        if local in piece:
            return True
        tail = piece[-len(local) :]
    return False


def _is(cell: str, address: str) -> bool:
    try:
        return "@" in cell and normalise_email(cell.removeprefix("\ufeff")) == address
    except InvalidAddress:
        return False


def _names(cell: str, address: str) -> bool:
    return _is(cell, address) or address in cell.lower()
