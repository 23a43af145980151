"""Whatever goes wrong is told once, by mail and at the operator's URL, until it is well again."""

import json
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.db import connection
from django.utils import timezone

from newsroom import alarms, registry, watches
from newsroom.jobs import run_daily
from newsroom.models import Alarm, Job, OutgoingMail
from newsroom.registry import Watch
from tests.operations.trouble import TROUBLES

MINUTE = timedelta(minutes=1)


class Receiver(ThreadingHTTPServer):
    """The operator's server: keeps what it is told, and answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Keep)
        self.status = 200
        self.told: list[dict[str, Any]] = []
        self.pings: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Keep(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 200:
            self.server.told.append(json.loads(body))
        self._answer()

    def do_GET(self) -> None:
        self.server.pings.append(self.path)
        self._answer()

    def _answer(self) -> None:
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def served(server: HTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with Receiver() as server, served(server):
        settings.ALARM_URL, settings.DEAD_MAN_URL = f"{server.url}/alarm", f"{server.url}/alive"
        yield server


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One watch alone, which finds wrong whatever stands in this list."""
    found: list[str] = []
    watch = Watch("test", "The tea is cold", "Put the kettle on.", lambda at: " ".join(found), "admin:index")
    monkeypatch.setattr(registry, "watches", [watch])
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(TROUBLES))
def test_each_trouble_rings_its_own_alarm_and_no_other(name: str, settings: Any) -> None:
    settings.ALARM_DISK_PERCENT = 0
    at = timezone.now()
    assert {watch.name: watch.look(at) for watch in registry.watches if watch.look(at)} == {}

    TROUBLES[name](at, settings)

    ringing = {watch.name: watch.look(at) for watch in registry.watches if watch.look(at)}
    assert list(ringing) == [name]
    (watch,) = [watch for watch in registry.watches if watch.name == name]
    assert len(str(watch.what_to_do)) > 40
    assert "@" not in ringing[name]


def test_every_watch_has_its_trouble_here() -> None:
    assert {watch.name for watch in registry.watches} == {*TROUBLES, "certificate-ends"}


@pytest.mark.django_db
def test_an_alarm_is_told_once_and_so_is_its_end(receiver: Receiver, wrong: list[str], settings: Any) -> None:
    settings.ALARM_ADDRESS = "oncall@meridian.example"
    at = timezone.now()
    alarms.look(at=at)
    assert (receiver.told, len(receiver.pings)) == ([], 1)

    wrong.append("Since noon.")
    for minute in range(3):
        alarms.look(at=at + minute * MINUTE)
    wrong.clear()
    for minute in range(4, 12):
        alarms.look(at=at + minute * MINUTE)

    begun, ended = receiver.told
    assert (begun["alarm"], begun["state"], begun["title"]) == ("test", "ringing", "The tea is cold")
    assert begun["text"] == "The tea is cold: Since noon.\n\nPut the kettle on."
    assert begun["url"] == "http://testserver/admin/"
    assert (ended["state"], ended["title"]) == ("ended", "Well again: The tea is cold")
    assert receiver.pings == ["/alive"] * 12
    mails = OutgoingMail.objects.order_by("pk").values_list("address", "context__title")
    assert list(mails) == [(settings.ALARM_ADDRESS, begun["title"]), (settings.ALARM_ADDRESS, ended["title"])]
    wrong.append("Again.")
    alarms.look(at=at + 20 * MINUTE)
    assert [one["state"] for one in receiver.told] == ["ringing", "ended", "ringing"]
    assert alarms.forget_old(at=at + timedelta(days=120)) == 1


@pytest.mark.django_db
def test_what_comes_and_goes_within_minutes_is_one_alarm(receiver: Receiver, wrong: list[str]) -> None:
    at = timezone.now()
    for minute in range(10):
        wrong[:] = ["It blinks."] if minute % 2 else []
        alarms.look(at=at + minute * MINUTE)
    assert [one["state"] for one in receiver.told] == ["ringing"]


@pytest.mark.django_db
def test_a_url_that_fails_is_told_later_and_mail_and_ping_go_out_all_the_same(
    receiver: Receiver, wrong: list[str], settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    at = timezone.now()
    wrong.append("Since noon.")
    receiver.status = 500
    alarms.look(at=at)
    settings.ALARM_URL, working = "http://127.0.0.1:9/secret-hook", settings.ALARM_URL
    settings.DEAD_MAN_URL = "http://127.0.0.1:9/secret-ping"
    alarms.look(at=at + MINUTE)
    assert (receiver.told, OutgoingMail.objects.count()) == ([], 1)
    assert "secret" not in caplog.text
    settings.ALARM_URL, receiver.status = working, 200
    wrong.clear()
    for minute in (2, 10):
        alarms.look(at=at + minute * MINUTE)
    assert [one["state"] for one in receiver.told] == ["ringing", "ended"]


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_once_one_tells(receiver: Receiver, wrong: list[str]) -> None:
    wrong.append("Since noon.")
    at = timezone.now()
    together = Barrier(6)

    def look(number: int) -> None:
        try:
            together.wait(10)
            alarms.look(at=at)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as workers:
        list(workers.map(look, range(6)))
    assert (len(receiver.told), Alarm.objects.count(), OutgoingMail.objects.count()) == (1, 1, 1)


@pytest.mark.django_db
def test_a_watch_that_fails_keeps_no_other_from_looking(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, wrong: list[str]
) -> None:
    def fail(at: datetime) -> str:
        raise RuntimeError

    broken = Watch("broken", "Broken", "Mend it.", fail)
    monkeypatch.setattr(registry, "watches", [broken, *registry.watches])
    wrong.append("Since noon.")
    alarms.look(at=timezone.now())
    assert [one["alarm"] for one in receiver.told] == ["test"]


@pytest.mark.django_db
def test_a_job_whose_process_was_killed_runs_again_the_same_day() -> None:
    at = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
    Job.objects.create(name="nightly", last_date=at.date(), started_at=at)
    assert not run_daily("nightly", lambda *, at: "done", at=at + timedelta(hours=1))
    assert run_daily("nightly", lambda *, at: "done", at=at + timedelta(hours=3))
    assert not run_daily("nightly", lambda *, at: "done", at=at + timedelta(hours=6))


def certificate(folder: Path, *, days: int) -> tuple[Path, Path]:
    """Write a certificate of localhost for so many days, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{days}.pem", folder / f"{days}.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


def test_a_certificate_that_ends_soon_or_that_nobody_trusts_rings(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = timezone.now()
    found = []
    for days, is_trusted in ((90, True), (5, True), (90, False)):
        files = certificate(tmp_path, days=days)
        monkeypatch.setenv("SSL_CERT_FILE", str(files[0]) if is_trusted else "/dev/null")
        watches._certificate.clear()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        with Receiver() as server:
            server.socket = context.wrap_socket(server.socket, server_side=True)
            server.handle_error = lambda *args: None  # type: ignore[method-assign]
            with served(server):
                settings.SITE_URL = f"https://localhost:{server.server_port}"
                found.append(watches.certificate_ends(at))
    watches._certificate.clear()
    ends = at + timedelta(days=5)
    assert found[:2] == ["", f"It ends on {ends:%Y-%m-%d}."]
    assert found[2].startswith("Browsers refuse it: self-signed certificate")
    settings.SITE_URL = "https://localhost:9"
    assert watches.certificate_ends(at) == ""
    settings.SITE_URL = "http://newsroomonion.onion"
    assert watches.certificate_ends(at) == ""
