"""One SMTP connection: opening it, and walking envelopes through it without waiting for the socket.

The session is a state machine over bytes. `SmtpTransport` owns the loop that waits; a session is told when its socket
can be read or written. With PIPELINING (RFC 2920) the end of one message and the MAIL, RCPT and DATA of the next leave
in one group, so that each message costs a single round trip.
"""

import base64
import re
import socket
import ssl
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from subscriptions.clock import steady
from subscriptions.transports import Envelope, Outcome, TransportDown, Verdict

REPLY_LINE = re.compile(rb"^(\d{3})([ -]?)(.*)$", re.DOTALL)
# RFC 5321 section 4.5.3.1.5 allows 512 bytes; a server that sends this much without an answer is broken or hostile.
LONGEST_REPLY = 65_536
# A receiver's policy, such as Gmail's 4.7.28, handed through by a relay: it is about this recipient's domain, and
# moving the message to another connection would only insist.
TOO_FAST = re.compile(r"\b4\.7\.\d")
MAILBOX = re.compile(r"^[\x21-\x3b\x3d\x3f-\x7e]+@[A-Za-z0-9.\-:\[\]]+$")


@dataclass(frozen=True, slots=True)
class SmtpServer:
    host: str
    port: int = 25
    security: str = ""  # "", "starttls" or "tls"
    username: str = ""
    password: str = ""
    local_name: str = "localhost"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. RFC 5321 section 4.5.3.2 wants patience at the final dot; giving up there makes an unknown outcome."""

    connect: float = 15.0
    command: float = 60.0
    final_dot: float = 300.0

    @property
    def longest(self) -> float:
        return max(self.command, self.final_dot)


class Step(StrEnum):
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"
    RSET = "rset"


class Passage:
    """How far one envelope has gone on one connection."""

    __slots__ = ("dot_ends_at", "envelope", "has_begun_text", "outcome")

    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope
        self.outcome: Outcome | None = None
        self.has_begun_text = False
        # Position in the stream of bytes behind the final dot, once it is queued.
        self.dot_ends_at: int | None = None

    def settle(self, verdict: Verdict, code: int = 0, reply: str = "") -> Outcome:
        words = without(self.envelope.recipient, reply)
        self.outcome = Outcome(self.envelope.delivery_id, verdict, code, words[:200])
        return self.outcome


class SessionLost(Exception):
    """The connection is of no more use."""


class SmtpSession:
    """One open connection. `settled` collects outcomes, `returned` envelopes that another connection may take."""

    def __init__(self, server: SmtpServer, timeouts: Timeouts) -> None:
        """Connect, secure and authenticate. Raises TransportDown."""
        self.server = server
        self.timeouts = timeouts
        self.features: dict[str, str] = {}
        self.settled: list[Outcome] = []
        self.returned: list[Envelope] = []
        # Whether the loop that waits was told to wait also until the kernel takes more bytes.
        self.waits_for_room = False
        self._incoming = b""
        self._reply_lines: list[str] = []
        self._queued: list[bytes] = []
        self._outgoing = memoryview(b"")
        self._queued_bytes = 0
        self._written_bytes = 0
        self._commands: deque[tuple[Step, bytes, Passage]] = deque()
        self._awaited: deque[tuple[Step, Passage]] = deque()
        self._progress_at = steady()
        self.socket = self._open()
        self.socket.setblocking(False)

    # Opening, with a blocking socket

    def _open(self) -> socket.socket:
        connected: socket.socket | None = None
        try:
            connected = socket.create_connection((self.server.host, self.server.port), timeout=self.timeouts.connect)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                # Bytes that the kernel could not deliver for this long are given up, so none leaves after the lease.
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self.timeouts.longest * 1000))
            if self.server.security == "tls":
                connected = self._secured(connected)
            self._expect(connected, None, 220)
            self._greet(connected)
            if self.server.security == "starttls":
                self._expect(connected, b"STARTTLS\r\n", 220)
                if self._incoming:
                    # What came before the handshake came from nobody known (CVE-2011-0411).
                    raise TransportDown("The server spoke out of turn before TLS.")
                connected = self._secured(connected)
                self._greet(connected)
            if self.server.username:
                self._authenticate(connected)
        except (OSError, SessionLost) as error:
            if connected is not None:
                connected.close()
            raise TransportDown(f"{type(error).__name__}: {error}"[:200]) from error
        except TransportDown:
            if connected is not None:
                connected.close()
            raise
        return connected

    def _secured(self, plain: socket.socket) -> socket.socket:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=self.server.host)

    def _greet(self, connected: socket.socket) -> None:
        lines = self._expect(connected, f"EHLO {self.server.local_name}\r\n".encode("ascii", "replace"), 250)
        self.features = {}
        for line in lines[1:]:
            keyword, _, parameters = line.partition(" ")
            self.features[keyword.upper()] = parameters

    def _authenticate(self, connected: socket.socket) -> None:
        offered = self.features.get("AUTH", "").upper().split()
        username, password = self.server.username.encode(), self.server.password.encode()
        if "PLAIN" in offered:
            secret = base64.b64encode(b"\0" + username + b"\0" + password)
            self._expect(connected, b"AUTH PLAIN " + secret + b"\r\n", 235)
        elif "LOGIN" in offered:
            self._expect(connected, b"AUTH LOGIN\r\n", 334)
            self._expect(connected, base64.b64encode(username) + b"\r\n", 334)
            self._expect(connected, base64.b64encode(password) + b"\r\n", 235)
        else:
            raise TransportDown("The server offers neither AUTH PLAIN nor AUTH LOGIN.")

    def _expect(self, connected: socket.socket, line: bytes | None, code: int) -> list[str]:
        if line is not None:
            connected.sendall(line)
        while True:
            reply = self._next_reply()
            if reply is not None:
                if reply[0] != code:
                    raise TransportDown(f"{reply[0]} {' '.join(reply[1])}"[:200])
                return reply[1]
            data = connected.recv(16_384)
            if not data:
                raise SessionLost("closed by the server")
            self._incoming += data

    # Reading replies

    def _next_reply(self) -> tuple[int, list[str]] | None:
        """Return the next whole reply as its code and its lines, or None when more bytes are needed."""
        while True:
            line, separator, rest = self._incoming.partition(b"\n")
            if not separator:
                if len(self._incoming) > LONGEST_REPLY:
                    raise SessionLost("an endless reply")
                return None
            self._incoming = rest
            match = REPLY_LINE.match(line.rstrip(b"\r"))
            if match is None:
                raise SessionLost("a reply that is not SMTP")
            self._reply_lines.append(match[3].decode("utf-8", "replace"))
            if len(self._reply_lines) > 1000:
                raise SessionLost("an endless reply")
            if match[2] != b"-":
                lines, self._reply_lines = self._reply_lines, []
                return int(match[1]), lines

    # Walking envelopes

    @property
    def is_idle(self) -> bool:
        return not self._awaited and not self._commands and not self.wants_to_write

    @property
    def wants_to_write(self) -> bool:
        return bool(self._outgoing) or bool(self._queued)

    @property
    def can_pipeline(self) -> bool:
        return "PIPELINING" in self.features

    def offer(self, envelope: Envelope) -> None:
        """Queue the commands that begin an envelope; the bytes leave with the next `write`."""
        passage = Passage(envelope)
        if not MAILBOX.match(envelope.recipient) or not MAILBOX.match(envelope.sender):
            self.settled.append(passage.settle(Verdict.REFUSED, 553, "5.1.3 the address cannot be written on the wire"))
            return
        body = b""
        if not envelope.message.isascii():
            if "8BITMIME" not in self.features:
                self.settled.append(passage.settle(Verdict.REFUSED, 554, "5.6.3 the server takes no 8-bit message"))
                return
            body = b" BODY=8BITMIME"
        sender, recipient = envelope.sender.encode("ascii"), envelope.recipient.encode("ascii")
        self._commands.append((Step.MAIL, b"MAIL FROM:<" + sender + b">" + body + b"\r\n", passage))
        self._commands.append((Step.RCPT, b"RCPT TO:<" + recipient + b">\r\n", passage))
        self._commands.append((Step.DATA, b"DATA\r\n", passage))
        self._release_commands()

    def _release_commands(self) -> None:
        """Move commands to the wire as far as the server lets them be grouped; DATA always ends a group."""
        group = []
        while self._commands:
            last = self._awaited[-1][0] if self._awaited else None
            if last is Step.DATA or (last is not None and not self.can_pipeline):
                break
            step, line, passage = self._commands.popleft()
            self._awaited.append((step, passage))
            group.append(line)
        if group:
            self._queue(b"".join(group))

    def _queue(self, data: bytes) -> None:
        if not self.wants_to_write:
            # The wait for the server begins when there is something to wait for.
            self._progress_at = steady()
        self._queued.append(data)
        self._queued_bytes += len(data)

    def write(self, deadline: float) -> None:
        """Hand as many bytes to the kernel as it takes. Raises SessionLost, also when the lease is over."""
        if self._queued:
            self._outgoing = memoryview(b"".join((self._outgoing, *self._queued)))
            self._queued.clear()
        while self._outgoing:
            if steady() >= deadline and self._text_is_unfinished():
                raise SessionLost("the lease is over")
            try:
                sent = self.socket.send(self._outgoing)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                raise SessionLost(type(error).__name__) from error
            self._outgoing = self._outgoing[sent:]
            self._written_bytes += sent
            self._progress_at = steady()

    def _text_is_unfinished(self) -> bool:
        return any(
            passage.dot_ends_at is not None and self._written_bytes < passage.dot_ends_at
            for step, passage in self._awaited
            if step is Step.DOT
        )

    def read(self, deadline: float, next_envelope: Callable[[], Envelope | None]) -> None:
        """Take in what has arrived and act on each reply. Raises SessionLost."""
        while True:
            try:
                data = self.socket.recv(65_536)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                raise SessionLost(type(error).__name__) from error
            if not data:
                raise SessionLost("closed by the server")
            self._incoming += data
            self._progress_at = steady()
            while (reply := self._next_reply()) is not None:
                self._act_on(reply[0], " ".join(reply[1]), deadline, next_envelope)
            if not isinstance(self.socket, ssl.SSLSocket) and len(data) < 65_536:
                return

    def _act_on(self, code: int, words: str, deadline: float, next_envelope: Callable[[], Envelope | None]) -> None:
        if not self._awaited:
            raise SessionLost(f"{code} without a question")
        step, passage = self._awaited.popleft()
        if code == 421:
            is_about_reader = step in {Step.RCPT, Step.DATA} and TOO_FAST.search(words) is not None
            if (step is Step.DOT or is_about_reader) and passage.outcome is None:
                self.settled.append(passage.settle(Verdict.DEFERRED, code, words))
            self._awaited.appendleft((step, passage))
            raise SessionLost(f"421 {words}")
        if step is Step.DATA:
            self._after_data(passage, code, words, deadline, next_envelope)
        elif step is Step.RSET:
            if code // 100 != 2:
                raise SessionLost(f"{code} to RSET")
        elif passage.outcome is None and code // 100 != 2:
            self._refuse(step, passage, code, words)
        elif step is Step.DOT and passage.outcome is None:
            self.settled.append(passage.settle(Verdict.ACCEPTED, code, words))
        if passage.outcome is not None and step in {Step.MAIL, Step.RCPT} and not self.can_pipeline:
            self._abandon(passage)
        self._release_commands()

    def _after_data(
        self, passage: Passage, code: int, words: str, deadline: float, next_envelope: Callable[[], Envelope | None]
    ) -> None:
        if code != 354:
            if passage.outcome is None:
                self._refuse(Step.DATA, passage, code, words)
            self._abandon(passage)
            return
        if passage.outcome is not None:
            # The recipient was refused and the server asks for text all the same: RFC 2920 section 3.1 answers with an
            # empty message.
            self._awaited.append((Step.DOT, passage))
            self._queue(b".\r\n")
            return
        if steady() >= deadline:
            # Back among those under way, so that `lose` says of it that it is untouched.
            self._awaited.appendleft((Step.DATA, passage))
            raise SessionLost("the lease is over")
        passage.has_begun_text = True
        message = passage.envelope.message
        self._queue(message if passage.envelope.is_dotless else with_stuffed_dots(message))
        self._queue(b".\r\n")
        passage.dot_ends_at = self._queued_bytes
        self._awaited.append((Step.DOT, passage))
        if self.can_pipeline and (following := next_envelope()) is not None:
            self.offer(following)

    def _refuse(self, step: Step, passage: Passage, code: int, words: str) -> None:
        verdict = {4: Verdict.DEFERRED, 5: Verdict.REFUSED}.get(code // 100)
        if verdict is None:
            self._awaited.appendleft((step, passage))
            raise SessionLost(f"{code} to {step}")
        if verdict is Verdict.REFUSED and step is Step.MAIL:
            verdict = Verdict.BLOCKED
        self.settled.append(passage.settle(verdict, code, words))

    def _abandon(self, passage: Passage) -> None:
        """End a transaction that will carry no text, so that the next MAIL is not nested in it."""
        self._commands = deque(command for command in self._commands if command[2] is not passage)
        self._commands.appendleft((Step.RSET, b"RSET\r\n", passage))

    # The end

    def patience_ends_at(self) -> float:
        """Return the reading of the steady clock at which the server has been silent for too long."""
        waits_for_dot = bool(self._awaited) and self._awaited[0][0] is Step.DOT
        return self._progress_at + (self.timeouts.final_dot if waits_for_dot else self.timeouts.command)

    def lose(self, reason: str) -> None:
        """Drop the connection and say of each envelope on it what is known."""
        seen: set[int] = set()
        passages = [passage for _step, passage in self._awaited] + [passage for _step, _line, passage in self._commands]
        for passage in passages:
            if passage.outcome is not None or id(passage) in seen:
                continue
            seen.add(id(passage))
            if passage.dot_ends_at is not None and self._written_bytes >= passage.dot_ends_at:
                self.settled.append(passage.settle(Verdict.UNKNOWN, 0, reason))
            elif passage.has_begun_text:
                self.settled.append(passage.settle(Verdict.DEFERRED, 0, reason))
            else:
                self.returned.append(passage.envelope)
        self._awaited.clear()
        self._commands.clear()
        self._queued.clear()
        self._outgoing = memoryview(b"")
        self.abort()

    def abort(self) -> None:
        """Close at once, so that the kernel throws away what it has not delivered yet."""
        with suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def quit(self) -> None:
        """Say goodbye to an idle server, without waiting long for its answer."""
        with suppress(OSError):
            self.socket.settimeout(2)
            self.socket.sendall(b"QUIT\r\n")
            self.socket.recv(512)
        self.socket.close()


def without(address: str, words: str) -> str:
    """Take an address out of a server's words. A pattern for each would cost more than sending the mail."""
    place = words.lower().find(address.lower())
    while place >= 0:
        words = f"{words[:place]}<address>{words[place + len(address) :]}"
        place = words.lower().find(address.lower(), place + len("<address>"))
    return words


def with_stuffed_dots(message: bytes) -> bytes:
    """Double the dot that begins a line (RFC 5321 section 4.5.2) and see that the text ends with a line end."""
    if b"\r\n." in message:
        message = message.replace(b"\r\n.", b"\r\n..")
    if message.startswith(b"."):
        message = b"." + message
    return message if message.endswith(b"\r\n") else message + b"\r\n"
