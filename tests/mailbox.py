"""A real SMTP server on loopback that keeps what it was given."""

import email
import email.policy
import socket
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class _Keeper:
    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        # What to answer instead of taking the next messages over, first come first served.
        self.answers: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name.
        if self.answers:
            return self.answers.pop(0)
        self.envelopes.append(envelope)
        return "250 2.0.0 taken over"


class Mailbox:
    """`messages` are the parsed mails in order of arrival; `answer_next` makes the server refuse.

    `options` are aiosmtpd's own, for encryption and log-in.
    """

    def __init__(self, **options: Any) -> None:
        self._keeper = _Keeper()
        self._parsed: list[EmailMessage] = []
        self.port = _free_port()
        self._controller = Controller(self._keeper, hostname="127.0.0.1", port=self.port, **options)

    def __enter__(self) -> "Mailbox":
        self._controller.start()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._controller.stop()

    @property
    def envelopes(self) -> list[Envelope]:
        return self._keeper.envelopes

    @property
    def messages(self) -> list[EmailMessage]:
        # Each is parsed once, because tests ask again and again while they wait for the next.
        for envelope in self._keeper.envelopes[len(self._parsed) :]:
            assert isinstance(envelope.content, bytes)
            self._parsed.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return list(self._parsed)

    def to(self, address: str) -> list[EmailMessage]:
        return [message for message in self.messages if address in str(message["To"])]

    def answer_next(self, *answers: str) -> None:
        self._keeper.answers.extend(answers)

    def clear(self) -> None:
        self._keeper.envelopes.clear()
        self._parsed.clear()
        self._keeper.answers.clear()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
