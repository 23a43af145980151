"""As much of an IMAP server (RFC 3501) on loopback as reading a mailbox needs, with real bytes over a real socket."""

import re
import socket
import threading
from typing import Any, BinaryIO


class ImapServer:
    """`mails` are what the mailbox holds, by their number; deleted ones are gone after EXPUNGE, seen ones in `seen`."""

    def __init__(self, mails: list[bytes], *, breaks_after: int = 1_000_000) -> None:
        self.mails = dict(enumerate(mails, start=1))
        self.seen: set[int] = set()
        self.deleted: set[int] = set()
        self.breaks_after = breaks_after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"imap://desk:secret@127.0.0.1:{self._listener.getsockname()[1]}/INBOX"

    def __enter__(self) -> "ImapServer":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connected, _peer = self._listener.accept()
            except OSError:
                return
            with connected, connected.makefile("rb") as lines:
                self._serve(connected, lines)

    def _serve(self, connected: socket.socket, lines: BinaryIO) -> None:
        connected.sendall(b"* OK ready\r\n")
        fetched = 0
        for line in lines:
            tag, _space, rest = line.strip().partition(b" ")
            verb = rest.upper()
            fetched += verb.startswith(b"UID FETCH")
            if fetched > self.breaks_after:
                return
            if verb.startswith(b"LOGIN") and b'"secret"' not in rest:
                connected.sendall(tag + b" NO who are you\r\n")
                continue
            connected.sendall(self._answer(verb, rest) + tag + b" OK done\r\n")
            if verb.startswith(b"LOGOUT"):
                return

    def _answer(self, verb: bytes, rest: bytes) -> bytes:
        if verb.startswith(b"CAPABILITY"):
            return b"* CAPABILITY IMAP4rev1\r\n"
        if verb.startswith(b"SELECT"):
            return b"* %d EXISTS\r\n" % len(self.mails)
        if verb.startswith(b"UID SEARCH UNSEEN"):
            new = [str(uid).encode() for uid in sorted(set(self.mails) - self.seen - self.deleted)]
            return b"* SEARCH " + b" ".join(new) + b"\r\n"
        if verb.startswith(b"UID FETCH"):
            uid = self._uid(rest)
            raw = self.mails[uid]
            return b"* %d FETCH (UID %d BODY[]<0> {%d}\r\n%s)\r\n" % (uid, uid, len(raw), raw)
        if verb.startswith(b"UID STORE"):
            (self.deleted if b"DELETED" in verb else self.seen).add(self._uid(rest))
        if verb.startswith(b"EXPUNGE"):
            for uid in self.deleted:
                self.mails.pop(uid, None)
        return b"* BYE\r\n" if verb.startswith(b"LOGOUT") else b""

    def _uid(self, rest: bytes) -> int:
        match = re.match(rb"UID \w+ (\d+)", rest)
        assert match is not None
        return int(match[1])
