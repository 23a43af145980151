"""A webhook endpoint on loopback that remembers what it got and answers as it is told."""

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import stripe

WAIT_SECONDS = 10


class Receiver:
    """Use it as a context manager; `url` is its address, `got` the signature header and body of each delivery."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        # Status codes for the next deliveries; when none is left, all are accepted.
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver.got.append((self.headers["Stripe-Signature"], body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Keep the test's output clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook/"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def events(self, secret: str) -> list[stripe.Event]:
        """Return the deliveries as verified events."""
        return [stripe.Webhook.construct_event(body, header, secret) for header, body in list(self.got)]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds of what was received."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"only {len(self.got)} deliveries came"
            time.sleep(0.02)
