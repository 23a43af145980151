"""The off-site list hears of everybody who leaves, over HTTP or in a file, and never of an address."""

import threading
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from newsroom import offsite
from newsroom.addresses import address_hash
from newsroom.models import OffsiteLine, Suppression
from newsroom.suppressions import suppress
from subscriptions import consent
from subscriptions.models import Consent
from tests.subscriptions.factories import make_subscription

NOW = datetime(2026, 11, 20, 9, 0, 0, 123456, tzinfo=UTC)

pytestmark = pytest.mark.django_db


class ListServer(ThreadingHTTPServer):
    """Adds what is posted, gives it back, and is away when told so."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.text = b""
        self.status = 200
        self.credentials: set[str] = set()


class _Handler(BaseHTTPRequestHandler):
    server: ListServer

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 200:
            self.server.text += content
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(self.server.text)

    def _answer(self, content: bytes) -> None:
        self.server.credentials.add(b64decode(self.headers["Authorization"].split()[1]).decode())
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[ListServer]:
    with ListServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_who_leaves_is_on_the_list_before_long_and_nobody_by_name(server: ListServer, settings: Any) -> None:
    settings.OFFSITE_LIST = f"http://newsroom:se%20cret@127.0.0.1:{server.server_port}/list"
    subscription = make_subscription(email="leaves@example.org")
    assert not OffsiteLine.objects.exists()
    consent.withdraw(subscription, page="", method=Consent.Method.ONE_CLICK, at=NOW)
    suppress(
        "complains@example.org",
        reason=Suppression.Reason.COMPLAINED,
        scope=Suppression.Scope.EVERYTHING,
        at=NOW,
        expires_at=NOW + timedelta(days=1),
    )
    offsite.say_alive(at=NOW.replace(minute=3))
    offsite.say_alive(at=NOW.replace(minute=5))
    server.status = 503
    with pytest.raises(offsite.ListAway, match="503"):
        offsite.write_waiting()
    offsite.write_or_wait()
    assert OffsiteLine.objects.count() == 3
    assert offsite.oldest_waiting() == NOW
    server.status = 200
    assert offsite.write_waiting() == 3
    assert offsite.write_waiting() == 0
    assert not OffsiteLine.objects.exists()
    assert b"@" not in server.text
    assert server.credentials == {"newsroom:se cret"}

    read = offsite.read()
    assert [one.kind for one in read.left] == ["withdrawn", "suppressed", "alive"]
    assert read.alive_until == NOW.replace(minute=5)
    withdrawn, suppressed, _alive = read.left
    purpose = subscription.newsletter.purpose
    assert (withdrawn.at, withdrawn.detail) == (NOW, f"{purpose}/one-click")
    assert withdrawn.digest == address_hash(str(subscription.subscriber.subject))
    assert suppressed.digest == address_hash("complains@example.org")
    assert read.since(NOW + timedelta(seconds=1), "withdrawn") == []


def test_a_file_is_added_to_and_a_line_that_is_none_is_counted(settings: Any, tmp_path: Path) -> None:
    settings.OFFSITE_LIST = str(tmp_path / "left.txt")
    (tmp_path / "left.txt").write_text("something a person wrote\n\nnewsroom-left never withdrawn k1:0 x\n")
    offsite.note("alive", digest="", detail="", at=NOW)
    assert offsite.write_waiting() == 1
    read = offsite.read()
    assert (read.unreadable, [str(one) for one in read.left]) == (2, [f"newsroom-left {NOW.isoformat()} alive"])
    settings.OFFSITE_LIST = str(tmp_path / "missing" / "left.txt")
    offsite.note("alive", digest="", detail="", at=NOW)
    with pytest.raises(offsite.ListAway):
        offsite.write_waiting()
    assert OffsiteLine.objects.count() == 1
    settings.OFFSITE_LIST = ""
    offsite.note("alive", digest="", detail="", at=NOW)
    assert (OffsiteLine.objects.count(), offsite.write_waiting()) == (1, 0)
