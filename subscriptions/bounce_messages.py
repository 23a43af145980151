"""Reading the mails by which mail servers report: delivery status (RFC 3464) and abuse feedback (RFC 5965).

They come from anybody and in any shape, so nothing here trusts their form: what cannot be read is no report. Only the
random name of one of our mails makes a report count, and that is looked up elsewhere.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes
from email.errors import MessageError
from email.message import Message
from email.parser import HeaderParser
from email.utils import parsedate_to_datetime

from django.utils import timezone

from newsroom.bounces import code_in, key_in
from subscriptions.models import MailEvent
from subscriptions.reports import Report, event_id_of

Kind = MailEvent.Kind
OUR_MESSAGE_ID = re.compile(r"<\s*([0-9a-f]{32})@[^>\s]+>")
ACTIONS = {"failed": Kind.BOUNCED, "delayed": Kind.DEFERRED, "delivered": Kind.DELIVERED}
# RFC 5965 section 7.3 and what providers added. `not-spam` takes a complaint back; `auth-failure` is about DNS.
COMPLAINTS = {"abuse", "fraud", "virus", "other", "opt-out", "opt-out-list", "miscategorized"}
# Headers in which the address of BOUNCE_ADDRESS stands, with the mail's own name in it.
ADDRESSED = ("To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To")
# What servers write that answer in words only, such as qmail.
SENDERS_OF_BOUNCES = re.compile(r"mailer-daemon|postmaster|mail delivery", re.IGNORECASE)


def reports_in(raw: bytes, *, received_at: datetime) -> list[Report]:
    """Return what a mail reports, or an empty list for one that is no report."""
    try:
        return list(_reports(message_from_bytes(raw), received_at))
    except (MessageError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # The parser of the standard library stumbles over some broken mails.
        return []


def _reports(message: Message, received_at: datetime) -> Iterator[Report]:
    parts = {part.get_content_type(): part for part in reversed(list(message.walk()))}
    key = _key_by_address(message) or _key_of_original(parts)
    happened_at = _time_of(message, received_at)
    if "message/feedback-report" in parts:
        kinds = {_clean(fields.get("Feedback-Type")).lower() for fields in _fields_of(parts["message/feedback-report"])}
        if key and kinds & COMPLAINTS:
            yield Report("arf", event_id_of(key, Kind.COMPLAINED), Kind.COMPLAINED, key, happened_at)
    elif "message/delivery-status" in parts:
        key = key or _key_in(message.get("In-Reply-To"), message.get("References"))
        for fields in _fields_of(parts["message/delivery-status"]):
            kind = ACTIONS.get(_clean(fields.get("Action")).lower())
            if key and kind is not None:
                yield _status(key, kind, _status_code(fields), happened_at)
    elif key and _is_bounce_in_words(message):
        words = _words_of(message)
        if code := code_in(words):
            yield _status(key, Kind.BOUNCED, code, happened_at)


def _status(key: str, kind: MailEvent.Kind, code: str, happened_at: datetime) -> Report:
    # A mail goes to one person, so the same news of it in two reports is one piece of news.
    return Report("dsn", event_id_of(key, kind, code), kind, key, happened_at, status_code=code)


def _status_code(fields: Message) -> str:
    """Return the code that says most: a server that writes 5.0.0 often puts its own code into the diagnosis."""
    status = code_in(_clean(fields.get("Status")))
    diagnosis = code_in(_clean(fields.get("Diagnostic-Code")))
    return diagnosis if diagnosis and (not status or status.endswith(".0.0")) else status


def _fields_of(part: Message) -> list[Message]:
    """Return the groups of fields of a report's machine-readable part, also where it was not parsed as such."""
    payload = part.get_payload()
    if isinstance(payload, list):
        groups = [one for one in payload if isinstance(one, Message)]
        # A group may have ended up in the text of the one before, behind a stray empty line.
        texts = [text for one in groups if isinstance(text := one.get_payload(), str) and ":" in text]
        return groups + [group for text in texts for group in _groups(text)]
    decoded = part.get_payload(decode=True)
    text = decoded.decode("utf-8", "replace") if isinstance(decoded, bytes) else str(payload)
    return _groups(text)


def _groups(text: str) -> list[Message]:
    return [HeaderParser().parsestr(group) for group in re.split(r"\r?\n\s*\r?\n", text.strip()) if group.strip()]


def _key_by_address(message: Message) -> str:
    for name in ADDRESSED:
        for value in message.get_all(name, []):
            for address in re.findall(r"[^\s<>,;\"]+@[^\s<>,;\"]+", _clean(value)):
                if key := key_in(address):
                    return key
    return ""


def _key_of_original(parts: dict[str, Message]) -> str:
    """Return our name of the mail that the report encloses, whole or by its headers."""
    for kind in ("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"):
        part = parts.get(kind)
        if part is None:
            continue
        payload = part.get_payload()
        inner = payload[0] if isinstance(payload, list) and payload else None
        if not isinstance(inner, Message):
            decoded = part.get_payload(decode=True)
            text = decoded.decode("utf-8", "replace") if isinstance(decoded, bytes) else str(payload)
            inner = HeaderParser().parsestr(text.lstrip())
        if key := _key_in(inner.get("Message-ID")):
            return key
    return ""


def _key_in(*values: object) -> str:
    for value in values:
        if match := OUR_MESSAGE_ID.search(_clean(value).lower()):
            return match[1]
    return ""


def _is_bounce_in_words(message: Message) -> bool:
    is_from_server = SENDERS_OF_BOUNCES.search(_clean(message.get("From"))) is not None
    has_empty_sender = _clean(message.get("Return-Path")) == "<>"
    return is_from_server or has_empty_sender


def _words_of(message: Message) -> str:
    part = next((one for one in message.walk() if one.get_content_type() == "text/plain"), None)
    decoded = part.get_payload(decode=True) if part is not None else b""
    return decoded[:20_000].decode("utf-8", "replace") if isinstance(decoded, bytes) else ""


def _time_of(message: Message, received_at: datetime) -> datetime:
    try:
        said = parsedate_to_datetime(_clean(message.get("Date")))
        aware = said if timezone.is_aware(said) else timezone.make_aware(said)
        return min(aware, received_at)
    except (ValueError, TypeError, OverflowError):
        return received_at


def _clean(value: object) -> str:
    # A header with raw bytes in it is an object of its own kind.
    return "" if value is None else " ".join(str(value).split())
