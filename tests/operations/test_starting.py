"""The start command: three real processes that refuse an unsafe environment, answer, tell nobody, and end."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core import signing
from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict

from newsroom import settings as settings_module
from newsroom import waking
from newsroom.mail import queue_mail
from newsroom.models import Heartbeat, OutgoingMail
from sandbox.environment import read_values
from sandbox.ports import free_port
from tests.newsroom.factories import make_article
from tests.operations.secrets_in import secrets_in
from tests.subscriptions.factories import make_newsletter, make_policy
from tests.subscriptions.nasty_smtp import NastyServer

PROJECT = Path(__file__).resolve().parents[2]
LONGEST_END_SECONDS = 20.0


class Started:
    """The product's own processes on the test's database, with their words in files."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.port = free_port()
        url = django_settings.DATABASE_URL
        name = conninfo_to_dict(url)["dbname"]
        own_name = str(django_settings.DATABASES["default"]["NAME"])
        own_url = url.replace(f"/{name}?", f"/{own_name}?", 1)
        assert own_url != url
        own = {"DATABASE_URL": own_url, "PAGE_CACHE": "1", "METRICS_TOKEN": "t" * 40}
        self.environment = os.environ | own | variables
        self.environment.pop("DATABASE_OWNER_URL", None)
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, kind: str, *words: str) -> None:
        with (self.folder / f"{kind}.log").open("wb") as log:
            self.running[kind] = subprocess.Popen(
                [sys.executable, "manage.py", "start", kind, *words],
                cwd=PROJECT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def end(self) -> dict[str, int]:
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        return {kind: process.wait(LONGEST_END_SECONDS) for kind, process in self.running.items()}

    def kill(self) -> None:
        for process in self.running.values():
            if process.poll() is None:
                process.kill()
                process.wait()

    def words(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

    def send_raw(self, data: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as client:
            client.sendall(data)
            return client.recv(1000)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Started]]:
    made = []

    def make(**variables: str) -> Started:
        made.append(Started(tmp_path, **variables))
        return made[-1]

    yield make
    for one in made:
        one.kill()


def wait_for(ready: Callable[[], Any], *, what: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if ready():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{what} took longer than a minute")


@pytest.mark.django_db(transaction=True)
def test_site_worker_and_clock_start_answer_finish_their_work_and_tell_nobody(
    started: Callable[..., Started],
) -> None:
    make_policy()
    newsletter = make_newsletter()
    article = make_article(slug="a-story")
    address = "olga.secret@reader.example.org"
    with NastyServer(seconds_per_message=2.0) as mail_server:
        product = started(EMAIL_URL=mail_server.email_url, LOG_LEVEL="INFO")
        product.start("web", "--bind", f"127.0.0.1:{product.port}", "--processes", "1")
        product.start("worker", "--concurrency", "1")
        product.start("beat")
        wait_for(lambda: product.ask("GET", "/healthz")[0] == 200, what="the site")
        wait_for(Heartbeat.objects.filter(kind="worker").exists, what="the worker")
        wait_for(Heartbeat.objects.filter(kind="beat").exists, what="the clock")
        waking.wake("newsroom.tasks.tick")
        wait_for(lambda: product.ask("GET", "/readyz")[0] == 200, what="readiness")

        token = signing.dumps("a reader", salt="x")
        secret = "Zm9vYmFyYmF6cXV4LW9uZS10aW1lLWxpbms"
        told = {"X-Forwarded-For": "203.0.113.77", "Referer": f"http://testserver/?e={address}", "Host": "testserver"}
        assert product.ask("GET", article.get_absolute_url(), **told)[0] == 200
        assert product.ask("GET", f"/newsletter/confirm/{token}/?email={address}", **told)[0] in (404, 410)
        assert product.ask("GET", f"/{secret}/", **told)[0] == 404
        assert product.ask("GET", "/search/", Host="203.0.113.99")[0] == 400
        assert product.ask("POST", "/stripe/webhook/", "{}", **told)[0] == 400
        form = {"Content-Type": "application/x-www-form-urlencoded", **told}
        assert product.ask("POST", "/stripe/webhook/", "x" * (3 * 1024 * 1024), **form)[0] in (400, 413)
        assert product.ask("GET", "/metrics", Authorization=f"Bearer {'t' * 40}")[0] == 200
        assert product.send_raw(f"GET /{secret}/?{address} HTTP/9\r\n\r\n".encode()).startswith(b"HTTP/1.1 4")
        assert product.send_raw(f"GET /{secret}/ HTTP/1.1\r\nX: {'a' * 9000}\r\n\r\n".encode()).startswith(
            b"HTTP/1.1 4"
        )

        # The worker is told to end while the mail server takes its time over this mail.
        mail = queue_mail(key="last", template="notice", to=address, context={"title": "x", "words": "y"})
        wait_for(lambda: OutgoingMail.objects.get(pk=mail.pk).state == "sending", what="the last mail")
        assert product.end() == {"web": 0, "worker": 0, "beat": 0}
    mail.refresh_from_db()
    assert mail.state == "sent"
    words = product.words()
    assert "Invalid request from ip=<ip>" in words, "something was told, so this looks at real lines"
    assert secrets_in(words, address, secret, token, "olga", newsletter.slug) == []


def production() -> dict[str, str]:
    values = read_values(PROJECT / "tests/production.env")
    return {name: value.strip("'") for name, value in values.items()} | {"PATH": os.environ["PATH"]}


def test_production_does_not_start_without_a_variable_and_names_it() -> None:
    environment = production()
    del environment["EMAIL_URL"], environment["STRIPE_WEBHOOK_SECRET"]
    done = subprocess.run(
        [sys.executable, "manage.py", "start", "worker"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert re.search(r"ERRORS:\n.*STRIPE_WEBHOOK_SECRET is empty.*EMAIL_URL is not set", done.stderr, re.DOTALL)


def test_a_value_that_cannot_be_read_is_refused_by_name_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDING_WORKERS", "many")
    with pytest.raises(ImproperlyConfigured, match="SENDING_WORKERS is 'many'"):
        settings_module.env_number("SENDING_WORKERS", 2)
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL is no address") as refused:
        settings_module.database("DATABASE_URL", "postgresql://newsroom:secret@[host/")
    assert "secret" not in str(refused.value)
    assert refused.value.__suppress_context__
