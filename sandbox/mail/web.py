"""The HTTP side: the inbox as pages, and as JSON for tests.

A page on this machine can be reached by any site the browser visits. So only requests that name this machine as their
host are answered (DNS rebinding), and only forms of these pages may change anything.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO
from urllib.parse import parse_qs, urlsplit

from sandbox.mail.maildir import Entry, Inbox
from sandbox.mail.message import CaughtMessage
from sandbox.mail.pages import FRAME_ALLOWS, default_view, inbox_page, message_page, page

PAGE_SIZE = 50
LOCAL_HOSTS = {"127.0.0.1", "localhost", "::1"}
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src {images}; form-action 'none'; base-uri 'none'; "
    f"frame-ancestors 'self'; sandbox {FRAME_ALLOWS}"
)
SHOWN_PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"}
ONE_CLICK_TIMEOUT = 10


class InboxServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], inbox: Inbox) -> None:
        self.inbox = inbox
        super().__init__(address, InboxHandler)


class InboxHandler(BaseHTTPRequestHandler):
    server: InboxServer
    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if not self._names_this_machine():
            return
        match address.path.strip("/").split("/"):
            case [""]:
                self._inbox(query)
            case ["style.css"]:
                self._send(Path(__file__).with_name("style.css").read_bytes(), "text/css; charset=utf-8")
            case ["messages.json"]:
                self._json(query)
            case ["messages", number]:
                self._with_message(number, lambda message: self._message(message, query))
            case ["messages", number, "html"]:
                self._with_message(number, lambda message: self._html(message, images="images" in query))
            case ["messages", number, "text"]:
                self._with_message(number, lambda message: self._plain((message.text or "").encode()))
            case ["messages", number, "raw"]:
                self._with_message(number, lambda message: self._plain(message.content))
            case ["messages", number, "parts", part]:
                self._with_message(number, lambda message: self._part(message, part))
            case _:
                self._not_found()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self._names_this_machine() or not self._comes_from_these_pages():
            return
        match urlsplit(self.path).path.strip("/").split("/"):
            case ["delete-all"]:
                self.server.inbox.delete_all()
                self._redirect("/")
            case ["messages", number, "unsubscribe"]:
                self._with_message(number, self._unsubscribe)
            case _:
                self._not_found()

    def _names_this_machine(self) -> bool:
        if urlsplit(f"//{self.headers.get('Host', '')}").hostname in LOCAL_HOSTS:
            return True
        self._words("This inbox answers only under the names of this machine.", HTTPStatus.MISDIRECTED_REQUEST)
        return False

    def _comes_from_these_pages(self) -> bool:
        # A client that is no browser sends no Origin, and may do what its user may.
        if self.headers.get("Origin") in (None, f"http://{self.headers['Host']}"):
            return True
        self._words("Another site may not press buttons here.", HTTPStatus.FORBIDDEN)
        return False

    def _with_message(self, number: str, show: Callable[[CaughtMessage], None]) -> None:
        entry = self.server.inbox.entry(int(number)) if number.isdecimal() and len(number) < 18 else None
        if entry is None:
            self._not_found()
            return
        try:
            content = self.server.inbox.content(entry)
        except FileNotFoundError:
            self._not_found()
            return
        show(CaughtMessage(entry, content))

    def _entries(self, query: dict[str, str], limit: int) -> list[Entry]:
        before = query.get("before", "")
        return self.server.inbox.entries(
            search=query.get("q", "").strip(), before=int(before) if before.isdecimal() else 0, limit=limit
        )

    def _inbox(self, query: dict[str, str]) -> None:
        entries = self._entries(query, PAGE_SIZE + 1)
        older_than = entries[PAGE_SIZE - 1].id if len(entries) > PAGE_SIZE else None
        count = self.server.inbox.count()
        search = query.get("q", "").strip()
        self._page(inbox_page(entries[:PAGE_SIZE], search=search, count=count, older_than=older_than))

    def _json(self, query: dict[str, str]) -> None:
        rows = [
            {
                "id": entry.id,
                "received_at": entry.received_at.isoformat(),
                "from": entry.sender,
                "to": entry.recipients,
                "subject": entry.subject,
            }
            for entry in self._entries(query, PAGE_SIZE)
        ]
        self._send(json.dumps({"messages": rows}).encode(), "application/json")

    def _message(self, message: CaughtMessage, query: dict[str, str], notice: str = "") -> None:
        view = query.get("view", default_view(message))
        self._page(message_page(message, view=view, images="images" in query, notice=notice))

    def _html(self, message: CaughtMessage, *, images: bool) -> None:
        sources = "'self' data: http: https:" if images else "'self' data:"
        self._send(message.framed_html().encode(), "text/html; charset=utf-8", MAIL_POLICY.format(images=sources))

    def _part(self, message: CaughtMessage, number: str) -> None:
        part = next((part for part in message.parts if str(part.number) == number), None)
        if part is None:
            self._not_found()
            return
        # Only pictures are shown; anything else could be a page, and is saved instead.
        shown = part.content_type in SHOWN_PICTURES
        self._send(part.content, part.content_type if shown else "application/octet-stream", attached=not shown)

    def _unsubscribe(self, message: CaughtMessage) -> None:
        address = message.one_click_address
        if address is None:
            self._words("This message offers no one-click unsubscribe.", HTTPStatus.CONFLICT)
            return
        self._message(message, {}, notice=press_unsubscribe(address))

    def _not_found(self) -> None:
        self._words("There is no such message or page.", HTTPStatus.NOT_FOUND)

    def _words(self, words: str, status: HTTPStatus) -> None:
        self._page(page(words, f"<h1>{words}</h1>"), status)

    def _plain(self, content: bytes) -> None:
        self._send(content, "text/plain; charset=utf-8")

    def _page(self, html: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(html.encode("utf-8", "replace"), "text/html; charset=utf-8", status=status)

    def _redirect(self, address: str) -> None:
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(
        self,
        content: bytes,
        content_type: str,
        policy: str = PAGE_POLICY,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        attached: bool = False,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "same-origin")
        self.send_header("Cache-Control", "no-store")
        if attached:
            self.send_header("Content-Disposition", "attachment")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's.
        """Write nothing: addresses in the log would name readers."""


class _KeepRedirects(urllib.request.HTTPRedirectHandler):
    """Takes a redirect for the answer: RFC 8058 forbids the sender to send one."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def press_unsubscribe(address: str) -> str:
    """POST what a mailbox provider posts when its user presses "Unsubscribe" (RFC 8058), and say how it went."""
    request = urllib.request.Request(  # noqa: S310 - only http and https addresses are taken from a message.
        address, data=b"List-Unsubscribe=One-Click", method="POST"
    )
    opener = urllib.request.build_opener(_KeepRedirects, urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=ONE_CLICK_TIMEOUT) as answer:
            return f"Unsubscribed: the sender answered {answer.status}."
    except urllib.error.HTTPError as refusal:
        return f"Not unsubscribed: the sender answered {refusal.code}."
    except OSError as error:
        return f"Not unsubscribed: the sender cannot be reached ({error})."
