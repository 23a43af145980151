"""A provider's HTTP interface on loopback that answers as Mailgun does, and the others in their own shape.

`python -m tests.subscriptions.provider_server PORT` runs it as a process of its own, for benchmarks.
"""

import json
import re
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

# Given how many calls there were and the recipients of this one: a status to answer, or what to do instead:
# "hang" takes the mail over and says nothing, "drop" takes it over and closes, "garble" answers what is no JSON, and
# "partly" refuses the first recipient where the provider has words for that.
Plan = Callable[[int, list[str]], int | str | None]
ADDRESS = re.compile(r"[^\s<>,]+@[^\s<>,]+")


def always_good(count: int, recipients: list[str]) -> int | str | None:
    return None


class ProviderServer:
    """`taken` counts each delivery's key as it was taken over; `calls` are the parsed requests."""

    def __init__(self, plan: Plan = always_good, *, port: int = 0, keeps_calls: bool = True) -> None:
        self.plan = plan
        self.taken: Counter[str] = Counter()
        self.calls: list[dict[str, Any]] = []
        self.count = 0
        self.keeps_calls = keeps_calls
        self.released = threading.Event()
        self._lock = threading.Lock()
        outer = self

        class Handler(_Handler):
            server_side = outer

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v3/"

    @property
    def email_url(self) -> str:
        return f"mailgun://key@meridian.example?api_url={self.url}"

    def __enter__(self) -> "ProviderServer":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def serve(self) -> None:
        self._server.serve_forever()

    def decide(self, recipients: list[str]) -> int | str | None:
        with self._lock:
            self.count += 1
            return self.plan(self.count, recipients)

    def take(self, call: dict[str, Any], keys: list[str]) -> None:
        with self._lock:
            self.taken.update(keys)
            if self.keeps_calls:
                self.calls.append(call)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_side: ProviderServer

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        call, recipients, keys = self._mailgun(raw) if self.path.endswith("/messages") else self._json(raw)
        decided = self.server_side.decide(recipients)
        if decided is None or isinstance(decided, str):
            self.server_side.take(call, keys)
        if decided == "hang":
            self.server_side.released.wait(20)
        if decided in {"drop", "hang"}:
            self.close_connection = True
            return
        if decided == "garble":
            self._answer(200, b"<html>")
        elif isinstance(decided, int):
            words = {"message": f"to parameter is not a valid address: {recipients[0]}"}
            self._answer(decided, json.dumps(words).encode())
        else:
            self._answer(200, json.dumps(self._good(recipients, refused=int(decided == "partly"))).encode())

    def _mailgun(self, raw: bytes) -> tuple[dict[str, Any], list[str], list[str]]:
        fields = parse_qs(raw.decode())
        variables = json.loads(fields.get("recipient-variables", ["{}"])[0])
        recipients = [ADDRESS.findall(text)[0] for text in fields["to"]]
        call = {name: values if name == "to" else values[0] for name, values in fields.items()}
        call["recipient-variables"] = variables
        return call, recipients, [variables[one]["v:delivery"] for one in recipients]

    def _json(self, raw: bytes) -> tuple[dict[str, Any], list[str], list[str]]:
        call = json.loads(raw)
        # Every provider's JSON names its recipients in another place; the addresses in it are in their order.
        text = json.dumps(call)
        recipients = list(dict.fromkeys(re.findall(r"reader\d+@example\.org", text)))
        return call, recipients, re.findall(r"[0-9a-f]{32}", text)

    def _good(self, recipients: list[str], *, refused: int) -> Any:
        if self.path.endswith("/email/bulk"):
            return {"ID": "f1", "Status": "Accepted", "PercentageCompleted": 0}
        if "transmissions" in self.path:
            accepted = len(recipients) - refused
            counts = {"total_rejected_recipients": refused, "total_accepted_recipients": accepted}
            return {"results": {**counts, "id": "1"}}
        if self.path.endswith("/send"):
            return {
                "Messages": [
                    {"Status": "error", "Errors": [{"ErrorMessage": "no"}]}
                    if number < refused
                    else {"Status": "success", "To": [{"Email": one, "MessageID": 1, "MessageUUID": "u"}]}
                    for number, one in enumerate(recipients)
                ]
            }
        if self.path.endswith("/smtp/email"):
            return {"messageIds": [f"<{number}@brevo>" for number in range(len(recipients))]}
        return {"id": "<20261120090000.1.ABC@meridian.example>", "message": "Queued. Thank you."}

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status in {429, 503}:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *args: Any) -> None:
        pass


if __name__ == "__main__":
    ProviderServer(port=int(sys.argv[1]), keeps_calls=False).serve()
