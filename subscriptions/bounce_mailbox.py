"""The mailbox that mail servers report to, read over IMAP or from a Maildir.

A report is deleted once it is stored, because it holds an address. What is no report, such as a reader's answer, stays
for a person and is marked as seen, so that it is not read again.
"""

import imaplib
import logging
import mailbox
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from django.conf import settings
from django.db import connection

from subscriptions import reports
from subscriptions.bounce_messages import reports_in

logger = logging.getLogger(__name__)

# The most of one run. A mailbox of a big issue takes several.
MOST = 2_000
# A report encloses our mail at most once; what is bigger is none.
LARGEST = 2 * 1024 * 1024
TIMEOUT = 30.0

Handle = Callable[[bytes], bool]


class MailboxAway(Exception):
    """The mailbox could not be opened or read to its end."""


@dataclass
class Reading:
    """How many mails were reports, how many of those were about a mail of ours, and how many were something else."""

    reports: int = 0
    matched: int = 0
    others: int = 0

    def __str__(self) -> str:
        return f"{self.reports} reports, {self.matched} of them about mail of ours; {self.others} other mails"


class Box(Protocol):
    def read(self, handle: Handle, *, most: int) -> None:
        """Show each new mail to `handle`; delete those it says it is done with, and mark the others as seen."""
        ...


def read_bounces(*, at: datetime, url: str = "") -> Reading:
    """Read the mailbox of BOUNCES_URL, unless another worker is at it. Raises MailboxAway."""
    reading = Reading()

    def handle(raw: bytes) -> bool:
        found = reports_in(raw, received_at=at)
        if not found:
            reading.others += 1
            return False
        reading.reports += 1
        taken = [reports.take(report, at=at) for report in found]
        reading.matched += any(taken)
        return True

    with _alone() as is_alone:
        if is_alone:
            box_of(urlsplit(url or settings.BOUNCES_URL)).read(handle, most=MOST)
    return reading


def box_of(url: SplitResult) -> Box:
    return MaildirBox(Path(unquote(url.path))) if url.scheme == "maildir" else ImapBox(url)


class MaildirBox:
    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, handle: Handle, *, most: int) -> None:
        if not (self.path / "new").is_dir():
            raise MailboxAway("There is no Maildir at this path.")
        box = mailbox.Maildir(self.path, create=False)
        try:
            for name in sorted(box.keys())[:most]:
                self._read_one(box, name, handle)
        except OSError as error:
            raise MailboxAway(type(error).__name__) from error

    def _read_one(self, box: mailbox.Maildir, name: str, handle: Handle) -> None:
        try:
            message = box.get_message(name)
            if "S" in message.get_flags():
                return
            raw = box.get_bytes(name)
        except (KeyError, FileNotFoundError):
            # Another program took it meanwhile.
            return
        if len(raw) <= LARGEST and handle(raw):
            box.discard(name)
            return
        message.set_subdir("cur")
        message.add_flag("S")
        box[name] = message


class ImapBox:
    def __init__(self, url: SplitResult) -> None:
        self.url = url

    def read(self, handle: Handle, *, most: int) -> None:
        try:
            with self._opened() as client:
                folder = unquote(self.url.path.strip("/")) or "INBOX"
                self._ask(client.select(f'"{folder}"'))
                for uid in self._ask(client.uid("SEARCH", "UNSEEN"))[0].split()[:most]:
                    self._read_one(client, uid.decode(), handle)
                client.expunge()
        except (OSError, imaplib.IMAP4.error) as error:
            raise MailboxAway(type(error).__name__) from error

    @contextmanager
    def _opened(self) -> Iterator[imaplib.IMAP4]:
        host, context = self.url.hostname or "localhost", ssl.create_default_context()
        client: imaplib.IMAP4
        if self.url.scheme == "imaps":
            client = imaplib.IMAP4_SSL(host, self.url.port or 993, ssl_context=context, timeout=TIMEOUT)
        else:
            client = imaplib.IMAP4(host, self.url.port or 143, timeout=TIMEOUT)
        try:
            if self.url.scheme == "imap" and "STARTTLS" in client.capabilities:
                client.starttls(context)
            if self.url.username:
                client.login(unquote(self.url.username), unquote(self.url.password or ""))
            yield client
        finally:
            with suppress(OSError, imaplib.IMAP4.error):
                client.logout()
            with suppress(OSError):
                client.shutdown()

    def _read_one(self, client: imaplib.IMAP4, uid: str, handle: Handle) -> None:
        # PEEK, so that a mail is marked only after it was dealt with.
        answer = self._ask(client.uid("FETCH", uid, f"(BODY.PEEK[]<0.{LARGEST}>)"))
        raw = next((part[1] for part in answer if isinstance(part, tuple)), b"")
        is_report = bool(raw) and handle(raw)
        self._ask(client.uid("STORE", uid, "+FLAGS", r"(\Deleted)" if is_report else r"(\Seen)"))

    def _ask(self, answered: tuple[str, list]) -> list:
        kind, data = answered
        if kind != "OK":
            raise imaplib.IMAP4.error(kind)
        return data


@contextmanager
def _alone() -> Iterator[bool]:
    """Hold the mailbox for this process, so that two ticks do not read it side by side."""
    key = "SELECT {}(hashtextextended('subscriptions.bounce_mailbox', 0))"
    with connection.cursor() as cursor:
        cursor.execute(key.format("pg_try_advisory_lock"))
        (is_ours,) = cursor.fetchone()
    try:
        yield is_ours
    finally:
        if is_ours:
            with connection.cursor() as cursor:
                cursor.execute(key.format("pg_advisory_unlock"))
