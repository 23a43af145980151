"""How a window of messages leaves the house: the small interface that every transport keeps.

A transport is given envelopes and tells, for each, what is known afterwards. It never guesses: what a lost connection
means depends on how far the message had gone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    # A permanent answer about this recipient (5xx).
    REFUSED = "refused"
    # Surely not delivered, and worth another try: a 4xx answer, or a connection that broke before the final dot.
    DEFERRED = "deferred"
    # The whole message was handed over and no answer came.
    UNKNOWN = "unknown"
    # Nothing about this recipient was said to the server, so no try is counted.
    UNTOUCHED = "untouched"
    # The server refuses the sender, not the recipient. Going on would refuse every reader for a fault of the house.
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Letter:
    """An issue as the words that all readers share, for a transport that merges each reader's token in itself.

    Texts and `personal_headers` hold `marker` where the token stands.
    """

    sender: str
    subject: str
    text: str
    html: str
    headers: dict[str, str]
    personal_headers: dict[str, str]
    marker: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """One reader's mail: as finished bytes, or as the shared letter and the reader's token where the transport merges.

    `key` is the delivery's own random name, by which reports about the mail find it. `is_dotless` says that the message
    ends with a line end and that no line of it begins with a dot, so that nothing need look for one.
    """

    delivery_id: int
    sender: str
    recipient: str
    message: bytes = b""
    key: str = ""
    letter: Letter | None = None
    token: str = ""
    is_dotless: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known about one envelope. `reply` holds no address."""

    delivery_id: int
    verdict: Verdict
    code: int = 0
    reply: str = ""


class TransportDown(Exception):
    """No connection could be opened, so nothing was said about anybody."""


class Transport(Protocol):
    @property
    def window(self) -> int:
        """How many envelopes one claim may hold."""
        ...

    @property
    def merges(self) -> bool:
        """Whether it takes a letter and a token for each reader instead of finished bytes."""
        ...

    @property
    def longest_silence(self) -> float:
        """Seconds that may pass between the last byte on the wire and the moment its outcome is known."""
        ...

    def send(self, envelopes: Sequence[Envelope], *, deadline: float) -> Iterator[list[Outcome]]:
        """Send each envelope once, and yield outcomes as they come until each envelope has one.

        `deadline` is a reading of `subscriptions.clock.steady()` after which nothing more goes on the wire. Raises
        TransportDown before anything was said when the server cannot be reached.
        """
        ...

    def close(self) -> None:
        """Close what is open. The transport may be used again afterwards."""
        ...
