"""The Maildir of caught mail and its index.

A Maildir has one file per message, so a million of them must not be listed for a page. An index in SQLite beside the
folders is appended on each delivery; it holds nothing that the files do not, and is made again when it is missing.
"""

import itertools
import os
import re
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

SCHEMA = """
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file TEXT NOT NULL UNIQUE,
    received_at REAL NOT NULL,
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL,
    subject TEXT NOT NULL,
    search TEXT NOT NULL
);
PRAGMA user_version = 1;
"""
SCHEMA_VERSION = 1
INSERT = "INSERT INTO message (file, received_at, sender, recipients, subject, search) VALUES (?, ?, ?, ?, ?, ?)"
COLUMNS = "id, file, received_at, sender, recipients, subject"
HEADERS_END_WITHIN = 256 * 1024
BLANK_LINE = re.compile(rb"\r?\n\r?\n")
REBUILD_BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the inbox."""

    id: int
    file: str
    received_at: datetime
    sender: str
    recipients: str
    subject: str


class Inbox:
    """Caught messages, delivered by one process and read by its threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._numbers = itertools.count(1)
        self._writing = threading.Lock()
        for name in ("tmp", "new", "cur"):
            (path / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._writer = self._open_index()

    def close(self) -> None:
        self._writer.close()

    def deliver(self, content: bytes, *, sender: str, recipients: Iterable[str]) -> None:
        """Store one message with its envelope in its first headers, as the last server on a message's way does."""
        now = time.time()
        envelope = [f"Return-Path: <{sender}>", *(f"Delivered-To: {address}" for address in recipients)]
        whole = "\r\n".join([*envelope, ""]).encode() + content
        name = f"{now:.6f}.P{os.getpid()}Q{next(self._numbers)}.{socket.gethostname().replace('/', '_')}"
        arriving = self.path / "tmp" / name
        arriving.write_bytes(whole)
        with self._writing:
            arriving.rename(self.path / "new" / name)
            self._writer.execute(
                INSERT,
                _row(f"new/{name}", now, _headers(whole)),
            )
            self._writer.commit()

    def entries(self, *, search: str = "", before: int = 0, limit: int = 50) -> list[Entry]:
        """Return the newest messages, those that mention ``search``, or the page of those older than ``before``."""
        conditions, values = ["1"], []
        if search:
            conditions.append("instr(search, ?)")
            values.append(search.casefold())
        if before:
            conditions.append("id < ?")
            values.append(str(before))
        query = f"SELECT {COLUMNS} FROM message WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT {limit:d}"  # noqa: S608
        with self._reader() as index:
            return [_entry(row) for row in index.execute(query, values)]

    def entry(self, number: int) -> Entry | None:
        with self._reader() as index:
            row = index.execute(f"SELECT {COLUMNS} FROM message WHERE id = ?", [number]).fetchone()  # noqa: S608
        return _entry(row) if row else None

    def count(self) -> int:
        with self._reader() as index:
            return int(index.execute("SELECT count(*) FROM message").fetchone()[0])

    def content(self, entry: Entry) -> bytes:
        return (self.path / entry.file).read_bytes()

    def delete_all(self) -> None:
        """Empty the inbox at once; the files themselves go in the background."""
        trash = self.path / f"trash-{time.time_ns()}"
        trash.mkdir(mode=0o700)
        with self._writing:
            for name in ("new", "cur"):
                (self.path / name).rename(trash / name)
                (self.path / name).mkdir(mode=0o700)
            self._writer.execute("DELETE FROM message")
            self._writer.commit()
        threading.Thread(target=shutil.rmtree, args=(trash,), kwargs={"ignore_errors": True}).start()

    @property
    def _index(self) -> Path:
        return self.path / "index.sqlite3"

    def _reader(self) -> "closing[sqlite3.Connection]":
        return closing(sqlite3.connect(f"{self._index.absolute().as_uri()}?mode=ro", uri=True, timeout=10))

    def _open_index(self) -> sqlite3.Connection:
        for trash in self.path.glob("trash-*"):
            shutil.rmtree(trash, ignore_errors=True)
        try:
            return self._checked_index()
        except sqlite3.DatabaseError:
            for path in self.path.glob("index.sqlite3*"):
                path.unlink()
            return self._checked_index()

    def _checked_index(self) -> sqlite3.Connection:
        """Open the index, and fill it from the files when the two do not agree."""
        index = sqlite3.connect(self._index, check_same_thread=False, timeout=10)
        try:
            # The files are the truth, so the index may lose its last rows in a power cut.
            index.execute("PRAGMA journal_mode = WAL")
            index.execute("PRAGMA synchronous = OFF")
            if index.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
                index.executescript(f"DROP TABLE IF EXISTS message; {SCHEMA}")
            files = sum(1 for _ in self._files())
            if index.execute("SELECT count(*) FROM message").fetchone()[0] != files:
                self._rebuild(index)
        except sqlite3.DatabaseError:
            index.close()
            raise
        return index

    def _files(self) -> Iterator[str]:
        for name in ("new", "cur"):
            with os.scandir(self.path / name) as found:
                yield from (f"{name}/{file.name}" for file in found)

    def _rebuild(self, index: sqlite3.Connection) -> None:
        index.execute("DELETE FROM message")
        # A file's name begins with the time of its delivery.
        files = sorted(self._files(), key=lambda file: file.partition("/")[2])
        for start in range(0, len(files), REBUILD_BATCH):
            index.executemany(
                INSERT,
                [self._row_of_file(file) for file in files[start : start + REBUILD_BATCH]],
            )
            index.commit()

    def _row_of_file(self, file: str) -> tuple[str, float, str, str, str, str]:
        with (self.path / file).open("rb") as stored:
            head = stored.read(HEADERS_END_WITHIN)
        return _row(file, (self.path / file).stat().st_mtime, _headers(head))


def _headers(content: bytes) -> Message:
    """Parse the head of a message alone, as bodies are long and the index holds nothing of them."""
    return HeaderParser().parsestr(BLANK_LINE.split(content, maxsplit=1)[0].decode("utf-8", "replace"))


def _words(headers: Message, name: str) -> str:
    """Return a header on one line in readable words, and as it came where it breaks the rules (RFC 2047)."""
    text = " ".join(" ".join(str(value).split()) for value in headers.get_all(name, []))
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text))).encode("utf-8", "replace").decode("utf-8")
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        return text


def _row(file: str, received_at: float, headers: Message) -> tuple[str, float, str, str, str, str]:
    sender, recipients, subject = (_words(headers, name) for name in ("From", "Delivered-To", "Subject"))
    search = " ".join([sender, recipients, subject, _words(headers, "To")]).casefold()
    return file, received_at, sender, recipients, subject, search


def _entry(row: tuple[int, str, float, str, str, str]) -> Entry:
    number, file, received_at, sender, recipients, subject = row
    return Entry(
        id=number,
        file=file,
        received_at=datetime.fromtimestamp(received_at, UTC),
        sender=sender,
        recipients=recipients,
        subject=subject,
    )
