"""Serve everything over HTTP/1.1: the API, the hosted pages, the control page."""

import sys
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from sandbox.stripe import api, control, control_page, hosted, portal_pages
from sandbox.stripe.answers import Answer, Request, json_answer, page, stylesheet
from sandbox.stripe.world import World

LARGEST_BODY = 1_000_000


def answer(world: World, request: Request) -> Answer:
    """Hand a request to the part that answers it."""
    path = request.path
    if path.startswith("/v1/"):
        return api.answer(world, request)
    if path.startswith("/_control/"):
        return control.answer(world, request)
    if path == "/style.css":
        return stylesheet()
    if path.startswith(("/p/", "/i/", "/receipts/", "/mandates/")):
        return portal_pages.answer(world, request)
    if path == "/" or path.startswith("/control/"):
        return control_page.answer(world, request)
    return hosted.answer(world, request)


class Server(ThreadingHTTPServer):
    """The threading server, with the world that its requests act upon."""

    daemon_threads = True
    request_queue_size = 128
    world: World


class Handler(BaseHTTPRequestHandler):
    """Reads a request, writes its answer, and keeps the connection for the next one."""

    protocol_version = "HTTP/1.1"
    # Seconds after which a silent connection gives its thread back.
    timeout = 120
    server: Server
    # Without it each small answer would wait for the other side's acknowledgement.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer()

    def do_HEAD(self) -> None:
        """Answer a HEAD."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer()

    def do_DELETE(self) -> None:
        """Answer a DELETE."""
        self._answer()

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            self.close_connection = True
            self._send(Answer(413))
            return
        body = self.rfile.read(length).decode("utf-8", "replace")
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        method = "GET" if self.command == "HEAD" else self.command
        request = Request(method, unquote(parts.path), parts.query, body, headers)
        try:
            found = answer(self.server.world, request)
        except Exception:  # noqa: BLE001
            # A fault of the sandbox itself: say so where the developer looks, and answer like Stripe.
            traceback.print_exc(file=sys.stderr)
            found = _broken(request)
        self._send(found)

    def _send(self, found: Answer) -> None:
        if found.lost:
            self.close_connection = True
            return
        try:
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(found.body)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing for each request: addresses hold ids, and the supervisor's log is for people."""


def _broken(request: Request) -> Answer:
    if request.path.startswith(("/v1/", "/_control/")):
        return json_answer({"error": {"message": "The sandbox itself failed; see its log.", "type": "api_error"}}, 500)
    return page("message.html", 500, title="The sandbox failed", message="Its log says why.", link="")
