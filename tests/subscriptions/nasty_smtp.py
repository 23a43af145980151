"""An SMTP server that misbehaves on command, at any step of the conversation, and counts what it took over."""

import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

# Given a step and how often it was reached, returns what to do instead of the good answer: "drop", "hang", or a reply.
Plan = Callable[[str, int], str | None]
MESSAGE_ID = re.compile(rb"^Message-ID: (<[^>]+>)", re.MULTILINE | re.IGNORECASE)


def always_good(step: str, count: int) -> str | None:
    return None


class NastyServer:
    """`taken` counts each Message-ID whose text arrived whole, before any answer is given.

    Steps are `connect`, `ehlo`, `mail`, `rcpt`, `data`, `text` (after some of it has arrived), `dot` (the whole text
    has arrived and nothing is answered yet) and `after` (the answer to the dot has been sent).
    """

    def __init__(
        self,
        plan: Plan = always_good,
        *,
        pipelining: bool = True,
        counts_dropped: bool = True,
        seconds_per_message: float = 0.0,
    ) -> None:
        self.plan = plan
        # A server that takes its time leaves something to interrupt.
        self.seconds_per_message = seconds_per_message
        self.pipelining = pipelining
        # Whether a message whose dot is answered by a lost connection was kept all the same: servers differ.
        self.counts_dropped = counts_dropped
        self.taken: Counter[str] = Counter()
        self.recipients: list[str] = []
        self.connections = 0
        self._reached: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self._open: set[socket.socket] = set()
        self._is_stopping = False

    @property
    def email_url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def __enter__(self) -> "NastyServer":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._is_stopping = True
        self._listener.close()
        with self._lock:
            for connected in self._open:
                connected.close()

    def _accept(self) -> None:
        while not self._is_stopping:
            try:
                connected, _peer = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(connected)
            threading.Thread(target=self._serve, args=(connected,), daemon=True).start()

    def _serve(self, connected: socket.socket) -> None:
        try:
            _Conversation(self, connected).hold()
        except (OSError, _Dropped):
            pass
        finally:
            connected.close()
            with self._lock:
                self._open.discard(connected)

    def decide(self, step: str) -> str | None:
        with self._lock:
            self._reached[step] += 1
            return self.plan(step, self._reached[step])

    def take(self, message: bytes) -> None:
        match = MESSAGE_ID.search(message)
        with self._lock:
            self.taken[match[1].decode() if match else "?"] += 1


class _Dropped(Exception):
    pass


class _Conversation:
    def __init__(self, server: NastyServer, connected: socket.socket) -> None:
        self.server = server
        self.socket = connected
        self.file = connected.makefile("rb")
        self.was_refused = False

    def hold(self) -> None:
        self._answer("connect", "220 nasty")
        while line := self.file.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                offers = "250-nasty\r\n250-8BITMIME\r\n" + ("250-PIPELINING\r\n" if self.server.pipelining else "")
                self._answer("ehlo", offers + "250 HELP")
            elif verb == b"MAIL":
                self.was_refused = False
                self._answer("mail", "250 sender ok")
            elif verb == b"RCPT":
                if self.was_refused:
                    self._say("503 no sender")
                    continue
                self._answer("rcpt", "250 recipient ok")
                if not self.was_refused:
                    self.server.recipients.append(line[9:-3].decode())
            elif verb == b"DATA":
                self._data()
            elif verb == b"RSET":
                self.was_refused = False
                self._say("250 reset")
            elif verb == b"QUIT":
                self._say("221 bye")
                return

    def _data(self) -> None:
        if self.was_refused:
            self._say("554 no valid recipients")
            return
        if not self._answer("data", "354 go on"):
            return
        text = b""
        decided = self.server.decide("text")
        while (line := self.file.readline()) != b".\r\n":
            if not line:
                raise _Dropped
            text += line
            if decided and len(text) > 200:
                self._misbehave(decided)
        time.sleep(self.server.seconds_per_message)
        decided = self.server.decide("dot")
        if decided is None or (decided in {"drop", "hang"} and self.server.counts_dropped):
            self.server.take(text)
        if decided:
            self._misbehave(decided)
            return
        self._say("250 2.0.0 taken")
        if decided := self.server.decide("after"):
            self._misbehave(decided)

    def _answer(self, step: str, good: str) -> bool:
        decided = self.server.decide(step)
        if decided is None:
            self._say(good)
            return True
        self.was_refused = True
        self._misbehave(decided)
        return False

    def _misbehave(self, decided: str) -> None:
        if decided == "drop":
            self.socket.shutdown(socket.SHUT_RDWR)
            raise _Dropped
        if decided == "hang":
            time.sleep(60)
            raise _Dropped
        self._say(decided)
        if decided.startswith("421"):
            raise _Dropped

    def _say(self, words: str) -> None:
        self.socket.sendall(words.encode() + b"\r\n")
