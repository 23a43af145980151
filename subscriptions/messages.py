"""An issue as bytes for the wire: serialised once, with a reader's own values put into the bytes.

What differs between two readers is the address in To, the token in the links and the Message-ID. Everything else is
encoded once for an issue, because building each message anew costs a hundred times as much as sending it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from subscriptions.models import Issue, IssueRendering, Newsletter
from subscriptions.transfer_encoding import Segments, encode
from subscriptions.transports import Letter

# Stands in frozen renderings where the reader's token will be. It is made of letters and digits only, so that it passes
# through templates, the CSS inliner and URL patterns unchanged, and no article holds it by chance.
TOKEN_MARKER = "readertoken7c1fa7d04e0b4f3f9a6d2b8c5e"  # noqa: S105 - a placeholder and no secret.

_ADDRESS, _TOKEN, _MESSAGE_ID = "address", "token", "message_id"


@dataclass(frozen=True, slots=True)
class Words:
    """The parts of a message that people see."""

    subject: str
    text: str
    html: str


class IssueMessage:
    """One issue, ready to be addressed. `to_reader` costs microseconds and allocates nothing but the message."""

    def __init__(self, *, issue: Issue, words: Words, date: datetime, token_length: int) -> None:
        newsletter = issue.newsletter
        self.issue = issue
        self.words = words
        self.sender = newsletter.sender_address
        self.domain = self.sender.rpartition("@")[2]
        self._token_length = token_length
        boundary = f"=_issue-{issue.pk}-{newsletter.pk}-{date:%Y%m%d%H%M%S}"
        self._layout: list[tuple[str, Any]] = []
        for line in self._headers(issue, newsletter, words.subject, date):
            self._add_line(line)
        self._add_bytes(
            f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'.encode()
        )
        for kind, text in (("plain", words.text), ("html", words.html)):
            encoding, segments = encode(text, marker=TOKEN_MARKER, value_length=token_length)
            self._add_bytes(
                f"--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\n"
                f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode()
            )
            self._add_segments(segments)
            self._add_bytes(b"\r\n")
        self._add_bytes(f"--{boundary}--\r\n".encode())
        # What differs between readers stands behind other words or begins with a letter, so one look is enough for all.
        self.is_dotless = b"\r\n." not in b"".join(part if not kind else b"x" for kind, part in self._layout)

    def message_id(self, delivery_uuid: UUID) -> str:
        return f"<{delivery_uuid.hex}@{self.domain}>"

    def letter(self) -> Letter:
        """Return what all readers share, for a provider that merges each reader's token in itself."""
        newsletter = self.issue.newsletter
        return Letter(
            sender=_sender(newsletter),
            subject=one_line(self.words.subject),
            text=self.words.text,
            html=self.words.html,
            headers={"Reply-To": replies_to(newsletter), **_shared_headers(self.issue, newsletter)},
            personal_headers={"List-Unsubscribe": f"<{_unsubscribe_url()}>"},
            marker=TOKEN_MARKER,
        )

    def to_reader(self, *, address: str, token: str, delivery_uuid: UUID) -> bytes:
        """Return the whole message to one reader."""
        raw_token = token.encode("ascii")
        if len(raw_token) != self._token_length:
            raise ValueError("the token has another length than the layout was made for")
        values = {
            _ADDRESS: address.encode("ascii"),
            _TOKEN: raw_token,
            _MESSAGE_ID: self.message_id(delivery_uuid).encode("ascii"),
        }
        parts = []
        for kind, content in self._layout:
            if not kind:
                parts.append(content)
            elif kind == "slot":
                parts.append(content.fill(raw_token))
            else:
                parts.append(values[kind])
        return b"".join(parts)

    # Building the layout

    def _add_bytes(self, data: bytes) -> None:
        if self._layout and not self._layout[-1][0]:
            data = self._layout.pop()[1] + data
        self._layout.append(("", data))

    def _add_segments(self, segments: Segments) -> None:
        for segment in segments:
            if isinstance(segment, bytes):
                self._add_bytes(segment)
            else:
                self._layout.append(("slot", segment))

    def _add_line(self, line: bytes | tuple[bytes, str, bytes]) -> None:
        if isinstance(line, bytes):
            self._add_bytes(line)
            return
        before, kind, after = line
        self._add_bytes(before)
        self._layout.append((kind, None))
        self._add_bytes(after)

    def _headers(
        self, issue: Issue, newsletter: Newsletter, subject: str, date: datetime
    ) -> list[bytes | tuple[bytes, str, bytes]]:
        before_token, _marker, after_token = _unsubscribe_url().partition(TOKEN_MARKER)
        return [
            _worded("From", _sender(newsletter)),
            (b"To: ", _ADDRESS, b"\r\n"),
            _worded("Subject", one_line(subject)),
            _plain("Date", format_datetime(date.astimezone(UTC))),
            (b"Message-ID: ", _MESSAGE_ID, b"\r\n"),
            _worded("Reply-To", replies_to(newsletter)),
            # RFC 8058: one HTTPS address, the same for the click of a person and the POST of a mail program.
            (b"List-Unsubscribe: <" + before_token.encode("ascii"), _TOKEN, after_token.encode("ascii") + b">\r\n"),
            *(_plain(name, value) for name, value in _shared_headers(issue, newsletter).items()),
        ]


def _sender(newsletter: Newsletter) -> str:
    return str(Address(one_line(newsletter.sender_name), addr_spec=newsletter.sender_address))


def replies_to(newsletter: Newsletter) -> str:
    return newsletter.reply_to or newsletter.sender_address


def _unsubscribe_url() -> str:
    return absolute(reverse("subscriptions:unsubscribe", args=[TOKEN_MARKER]))


def _shared_headers(issue: Issue, newsletter: Newsletter) -> dict[str, str]:
    """Return the headers for machines that are the same for every reader."""
    archive = absolute(reverse("subscriptions:archive", args=[newsletter.slug]))
    return {
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": _list_id(newsletter),
        "List-Help": f"<{absolute(newsletter.get_absolute_url())}>",
        "List-Owner": f"<mailto:{quote(replies_to(newsletter), safe='@.+-_')}>",
        "List-Archive": f"<{archive}>",
        "List-Post": "NO",
        "Feedback-ID": feedback_id(issue, newsletter),
        # RFC 3834: vacation responders stay silent.
        "Auto-Submitted": "auto-generated",
    }


def message_of(issue: Issue, rendering: IssueRendering, *, token_length: int) -> IssueMessage:
    """Return the frozen issue ready to be addressed."""
    words = Words(subject=rendering.subject, text=rendering.mail_text, html=rendering.mail_html)
    return IssueMessage(
        issue=issue, words=words, date=issue.started_at or rendering.rendered_at, token_length=token_length
    )


def absolute(path: str) -> str:
    return f"{settings.SITE_URL}{path}"


def one_line(text: str) -> str:
    """Fold white space to single blanks: a line break in a header would begin another header."""
    return " ".join(text.split())


def feedback_id(issue: Issue, newsletter: Newsletter) -> str:
    """Return Gmail's campaign:list:type:sender, never anything about the reader. The sender has 5 to 15 characters."""
    letters = "".join(letter for letter in newsletter.sender_address.rpartition("@")[2] if letter.isalnum())
    return f"{issue.issue_date:%Y%m%d}:{newsletter.slug}:newsletter:{letters[:15].ljust(5, '0')}"


def _worded(name: str, value: str) -> bytes:
    """Return a header for words in any script, encoded and folded by RFC 2047 and 5322."""
    return SMTP.fold_binary(*SMTP.header_store_parse(name, value))


def _plain(name: str, value: str) -> bytes:
    """Return a header for machines, unfolded: `email` would encode a long address beyond recognition to fold it."""
    line = f"{name}: {value}\r\n".encode("ascii")
    if line.count(b"\n") != 1 or len(line) > 998:
        raise ValueError(f"{name} is no single line of a header")
    return line


def _list_id(newsletter: Newsletter) -> str:
    """Return `"Phrase" <label.domain>` (RFC 2919). A phrase in another script is left out: few programs decode it."""
    name = one_line(newsletter.name)
    phrase = '"' + name.replace("\\", "").replace('"', "") + '" ' if name.isascii() else ""
    return f"{phrase}<{newsletter.list_id}>"
