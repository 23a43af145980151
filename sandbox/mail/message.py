"""What a caught message shows: its bodies, its parts, and its ways to unsubscribe."""

import email
import email.policy
import re
from dataclasses import dataclass
from email.message import EmailMessage, Message
from functools import cached_property

from sandbox.mail.maildir import Entry

# A web address in plain text; punctuation at its end belongs to the sentence around it.
WEB_ADDRESS = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]]")
CONTENT_ID = re.compile(r"cid:([^\"'\s)>]+)")
HEAD = re.compile(r"<head(\s[^>]*)?>", re.IGNORECASE)
DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A file that travels with the message."""

    number: int
    name: str
    content_type: str
    content_id: str
    content: bytes


class CaughtMessage:
    def __init__(self, entry: Entry, content: bytes) -> None:
        self.entry = entry
        self.content = content
        self._parsed = email.message_from_bytes(content, EmailMessage, policy=email.policy.default)

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [(name, str(value)) for name, value in self._parsed.raw_items()]

    def header(self, name: str) -> str:
        """Return a header in readable words, and as it came where it breaks the rules."""
        try:
            return " ".join(str(value) for value in self._parsed.get_all(name, []))
        except (ValueError, IndexError, AttributeError, UnicodeError):
            # The standard library's parser of addresses is known to fail on some hostile headers.
            return " ".join(value for key, value in self.headers if key.lower() == name.lower())

    @cached_property
    def text(self) -> str | None:
        return self._body("plain")

    @cached_property
    def html(self) -> str | None:
        return self._body("html")

    def _body(self, subtype: str) -> str | None:
        part = self._parsed.get_body(preferencelist=(subtype,))
        return None if part is None else _decode(part)

    @cached_property
    def parts(self) -> list[Part]:
        bodies = [self._parsed.get_body(preferencelist=(subtype,)) for subtype in ("plain", "html")]
        leaves = [part for part in self._parsed.walk() if not part.is_multipart()]
        files = [leaf for leaf in leaves if all(leaf is not body for body in bodies)]
        return [
            Part(
                number=number,
                name=part.get_filename() or part.get_content_type(),
                content_type=part.get_content_type(),
                content_id=str(part.get("Content-ID", "")).strip("<> "),
                content=_payload(part),
            )
            for number, part in enumerate(files)
        ]

    def framed_html(self) -> str:
        """Return the HTML body for a frame: links open a tab of their own, and enclosed pictures have an address."""
        numbers = {part.content_id: part.number for part in self.parts if part.content_id}

        def address(found: re.Match[str]) -> str:
            number = numbers.get(found[1])
            return found[0] if number is None else f"/messages/{self.entry.id}/parts/{number}"

        html = CONTENT_ID.sub(address, self.html or "")
        place = HEAD.search(html) or DOCTYPE.match(html)
        end = place.end() if place else 0
        return f'{html[:end]}<base target="_blank">{html[end:]}'

    @property
    def unsubscribe_addresses(self) -> list[str]:
        """The addresses of List-Unsubscribe (RFC 2369), in the sender's order."""
        return re.findall(r"<([^>]+)>", re.sub(r"\s+", "", self.header("List-Unsubscribe")))

    @property
    def one_click_address(self) -> str | None:
        """The web address a mailbox provider would POST to, where the sender offers that (RFC 8058)."""
        if self.header("List-Unsubscribe-Post").replace(" ", "").lower() != "list-unsubscribe=one-click":
            return None
        return next((address for address in self.unsubscribe_addresses if re.match("https?://", address)), None)


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _decode(part: Message) -> str:
    payload = _payload(part)
    try:
        return payload.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return payload.decode("utf-8", "replace")
