"""One message over SMTP, with an outcome that says what is known."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    # Nothing was taken over; the same message may be offered again.
    TEMPORARY = "temporary"
    REFUSED = "refused"
    # The text was sent and no answer came: it may or may not have been taken over.
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer:
    outcome: Outcome
    code: int = 0
    text: str = ""


@contextmanager
def connection() -> Iterator[smtplib.SMTP]:
    """Open a connection to the server of EMAIL_URL. Raises OSError or smtplib.SMTPException when there is none."""
    context = ssl.create_default_context()
    timeout = settings.EMAIL_TIMEOUT
    client: smtplib.SMTP
    if settings.EMAIL_USE_SSL:
        client = smtplib.SMTP_SSL(settings.EMAIL_HOST, settings.EMAIL_PORT, timeout=timeout, context=context)
    else:
        client = smtplib.SMTP(settings.EMAIL_HOST, settings.EMAIL_PORT, timeout=timeout)
    try:
        if settings.EMAIL_USE_TLS:
            client.starttls(context=context)
        if settings.EMAIL_HOST_USER:
            client.login(settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD)
        yield client
    finally:
        try:
            client.quit()
        except (smtplib.SMTPException, OSError):
            client.close()


def send_one(client: smtplib.SMTP, *, sender: str, recipient: str, message: bytes) -> Answer:
    """Offer one message to one recipient and return what the server said.

    The conversation is held step by step, as what a lost connection means depends on the step: before the final dot
    nothing was taken over (RFC 5321 section 4.2.5), after it nobody knows.
    """
    is_dot_sent = False
    steps = (
        (lambda: client.mail(sender), {250}),
        # 251 and 252 say that the server will forward or try (RFC 5321 section 4.3.2).
        (lambda: client.rcpt(recipient), {250, 251, 252}),
        (lambda: client.docmd("DATA"), {354}),
    )
    try:
        client.ehlo_or_helo_if_needed()
        for step, expected in steps:
            code, text = step()
            if code not in expected:
                return _before_the_text(code, text, recipient)
        is_dot_sent = True
        client.send(smtplib._quote_periods(_with_crlf(message)) + b".\r\n")  # type: ignore[attr-defined]
        return _answer(*client.getreply(), recipient)
    except (smtplib.SMTPException, OSError) as error:
        return Answer(Outcome.UNKNOWN if is_dot_sent else Outcome.TEMPORARY, text=type(error).__name__)


def _before_the_text(code: int, text: Any, recipient: str) -> Answer:
    """Return what an unexpected answer means while nothing was taken over: at best that it may be tried again."""
    answer = _answer(code, text, recipient)
    if answer.outcome is Outcome.ACCEPTED:
        return Answer(Outcome.TEMPORARY, answer.code, answer.text)
    return answer


def _with_crlf(message: bytes) -> bytes:
    lines = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    text = b"\r\n".join(lines)
    return text if text.endswith(b"\r\n") else text + b"\r\n"


def _answer(code: int, text: Any, recipient: str) -> Answer:
    # A server likes to repeat the address in its answer; what is stored must not.
    words = bytes(text).decode("utf-8", "replace").replace(recipient, "<address>")[:250]
    if 200 <= code < 300:
        return Answer(Outcome.ACCEPTED, code, words)
    return Answer(Outcome.REFUSED if 500 <= code < 600 else Outcome.TEMPORARY, code, words)
