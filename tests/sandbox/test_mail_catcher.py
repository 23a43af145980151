"""The mail catcher as a process of its own, over real SMTP and HTTP."""

import json
import re
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from html import unescape
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode

import pytest

from sandbox.ports import free_port
from sandbox.programs import PROJECT, accepts


@dataclass(frozen=True)
class Catcher:
    smtp_port: int
    http_port: int

    def connect(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=10)

    def send(self, message: EmailMessage, *, to: str = "reader@example.org") -> str:
        """Send a message and return the path of its page."""
        with self.connect() as client:
            client.send_message(message, "bounces@meridian.example", [to])
        return self.newest()

    def newest(self) -> str:
        return f"/messages/{self.messages()[0]['id']}"

    def get(self, path: str) -> str:
        return self.answer(path)[1]

    def answer(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str, dict[str, str]]:
        with closing(HTTPConnection("127.0.0.1", self.http_port, timeout=20)) as connection:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read().decode("utf-8", "replace"), dict(response.headers)

    def messages(self, **query: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(self.get(f"/messages.json?{urlencode(query)}"))["messages"]
        return found


@contextmanager
def running(maildir: Path) -> Iterator[Catcher]:
    catcher = Catcher(free_port(), free_port())
    listening = ["--smtp-port", str(catcher.smtp_port), "--http-port", str(catcher.http_port)]
    command = [sys.executable, "-m", "sandbox.mail", *listening, "--maildir", str(maildir)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 20
        while not (accepts(catcher.http_port)() and accepts(catcher.smtp_port)()):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        try:
            yield catcher
        finally:
            process.terminate()
        assert process.wait(10) == 0


@pytest.fixture(scope="module")
def maildir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("catcher") / "mail"


@pytest.fixture(scope="module")
def running_catcher(maildir: Path) -> Iterator[Catcher]:
    with running(maildir) as catcher:
        yield catcher


@pytest.fixture
def catcher(running_catcher: Catcher) -> Catcher:
    """A mail catcher with an empty inbox."""
    running_catcher.answer("/delete-all", "POST")
    return running_catcher


def make_message(**headers: str) -> EmailMessage:
    message = EmailMessage()
    defaults = {"From": "The Meridian <post@meridian.example>", "To": "reader@example.org", "Subject": "Friday"}
    for name, value in (defaults | {name.replace("_", "-"): value for name, value in headers.items()}).items():
        message[name] = value
    message.set_content("See https://meridian.example/issues/1/?a=1&b=2. <Thank you>\n")
    message.add_alternative("<html><head></head><body><h1>Hello</h1></body></html>", subtype="html")
    return message


def test_server_offers_what_bulk_senders_use(catcher: Catcher) -> None:
    with catcher.connect() as client:
        client.ehlo()
        assert {"pipelining", "size", "8bitmime", "smtputf8"} <= set(client.esmtp_features)


def test_pipelined_commands_are_answered_in_order(catcher: Catcher) -> None:
    with catcher.connect() as client:
        client.ehlo()
        client.send("MAIL FROM:<a@b.example>\r\nRCPT TO:<reader@example.org>\r\nDATA\r\n")
        assert [client.getreply()[0] for _ in range(3)] == [250, 250, 354]
        client.send("Subject: Piped\r\n\r\n..dot\r\n.\r\nNOOP\r\n")
        assert [client.getreply()[0] for _ in range(2)] == [250, 250]
    assert catcher.get(f"{catcher.newest()}/text") == ".dot\r\n"


def test_utf8_message_is_listed_and_shown(catcher: Catcher) -> None:
    message = make_message(Subject="Пятница: три истории", To="Жанна <жанна@пример.example>")
    with catcher.connect() as client:
        client.send_message(message, "a@b.example", ["жанна@пример.example"], ["SMTPUTF8", "BODY=8BITMIME"])
    assert "Пятница: три истории" in catcher.get("/")
    page = catcher.get(f"{catcher.newest()}/")
    assert "Жанна" in page
    assert "жанна@пример.example" in page


def test_list_shows_newest_first_in_pages(catcher: Catcher) -> None:
    with catcher.connect() as client:
        for number in range(1, 53):
            client.send_message(make_message(Subject=f"Issue {number}"), "a@b.example", [f"r{number}@example.org"])
    first = catcher.get("/")
    assert "52 messages" in first
    assert first.index("Issue 52<") < first.index("Issue 3<")
    assert "Issue 2<" not in first
    older = re.search(r'href="(/\?[^"]+)">Older messages', first)
    assert older
    second = catcher.get(unescape(older[1]))
    assert "Issue 2<" in second
    assert "Older messages" not in second


def test_search_finds_addresses_and_subjects_in_any_case(catcher: Catcher) -> None:
    catcher.send(make_message(Subject="Ваша подписка"), to="anna@example.org")
    catcher.send(make_message(Subject="Receipt"), to="bo@example.org")
    assert [row["subject"] for row in catcher.messages(q="ваша")] == ["Ваша подписка"]
    assert [row["subject"] for row in catcher.messages(q="BO@example")] == ["Receipt"]
    assert catcher.messages(q="%") == []


def test_hostile_html_is_kept_in_a_frame_that_runs_nothing(catcher: Catcher) -> None:
    message = make_message(Subject="<script>alert(1)</script>", From='"<img src=x onerror=alert(2)>" <a@b.example>')
    message.clear_content()
    message.set_content("<script>alert(3)</script><p>Body</p>", subtype="html")
    path = catcher.send(message)
    for shown in ("/", f"{path}/", f"{path}/?view=headers", f"{path}/?view=source", "/?q=%3Cscript%3E"):
        status, page, headers = catcher.answer(shown)
        assert status == 200
        assert "<script" not in page
        assert "<img" not in page
        assert "default-src 'none'" in headers["Content-Security-Policy"]
    _, body, headers = catcher.answer(f"{path}/html")
    assert "<script>alert(3)</script>" in body
    policy, page = headers["Content-Security-Policy"], catcher.get(f"{path}/")
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    for allowed in (re.search(r"sandbox ([^;]*)", policy), re.search(r'<iframe sandbox="([^"]*)"', page)):
        assert allowed
        assert set(allowed[1].split()) == {"allow-popups", "allow-popups-to-escape-sandbox"}


def test_pictures_from_the_web_load_only_when_asked(catcher: Catcher) -> None:
    path = catcher.send(make_message())
    assert "img-src 'self' data:;" in catcher.answer(f"{path}/html")[2]["Content-Security-Policy"]
    assert f'src="{path}/html?images=1"' in catcher.get(f"{path}/?images=1")
    assert "https:" in catcher.answer(f"{path}/html?images=1")[2]["Content-Security-Policy"]


def test_enclosed_picture_is_shown_and_enclosed_page_is_only_saved(catcher: Catcher) -> None:
    message = make_message()
    html = message.get_body(("html",))
    assert isinstance(html, EmailMessage)
    html.set_content('<img src="cid:logo">', subtype="html")
    html.add_related(b"\x89PNG", maintype="image", subtype="png", cid="<logo>")
    message.add_attachment(b"<script>", maintype="text", subtype="html", filename="page.html")
    path = catcher.send(message)
    assert f'src="{path}/parts/0"' in catcher.get(f"{path}/html")
    assert catcher.answer(f"{path}/parts/0")[2]["Content-Type"] == "image/png"
    assert catcher.answer(f"{path}/parts/1")[2]["Content-Type"] == "application/octet-stream"


def test_links_in_plain_text_can_be_followed(catcher: Catcher) -> None:
    page = catcher.get(f"{catcher.send(make_message())}/?view=text")
    assert 'href="https://meridian.example/issues/1/?a=1&amp;b=2"' in page
    assert "&lt;Thank you&gt;" in page


def test_message_with_broken_headers_is_still_shown(catcher: Catcher) -> None:
    with catcher.connect() as client:
        head = b"From: =?utf-8?q?=ff?= <@>\r\nTo: \xff\xfe\r\nContent-Type: text/plain; charset=nonsense\r\n"
        client.sendmail("a@b.example", ["reader@example.org"], head + b"\r\n\xff!\r\n")
    assert "1 message" in catcher.get("/")
    assert catcher.answer(f"{catcher.newest()}/")[0] == 200
    assert "!" in catcher.get(f"{catcher.newest()}/text")


class _Sender(BaseHTTPRequestHandler):
    received: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((self.path, body))
        self.send_response(200 if self.path == "/u/token" else 302)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.parametrize(
    ("path", "words"),
    [("/u/token", "Unsubscribed: the sender answered 200."), ("/moved", "Not unsubscribed: the sender answered 302.")],
)
def test_one_click_posts_what_a_mailbox_provider_posts(catcher: Catcher, path: str, words: str) -> None:
    _Sender.received = []
    with HTTPServer(("127.0.0.1", 0), _Sender) as sender:
        Thread(target=sender.serve_forever).start()
        address = f"http://127.0.0.1:{sender.server_port}{path}"
        listed = {"List_Unsubscribe": f"<mailto:u@meridian.example>, <{address}>"}
        page = catcher.send(make_message(**listed, List_Unsubscribe_Post="List-Unsubscribe=One-Click"))
        assert address in catcher.get(f"{page}/")
        status, answer, _ = catcher.answer(f"{page}/unsubscribe", "POST")
        sender.shutdown()
    assert status == 200
    assert words in answer
    assert _Sender.received == [(path, b"List-Unsubscribe=One-Click")]


def test_message_without_one_click_has_no_button(catcher: Catcher) -> None:
    path = catcher.send(make_message(List_Unsubscribe="<https://meridian.example/u/>"))
    assert f'action="{path}/unsubscribe"' not in catcher.get(f"{path}/")
    assert catcher.answer(f"{path}/unsubscribe", "POST")[0] == 409


def test_delete_all_empties_inbox_and_files(catcher: Catcher, maildir: Path) -> None:
    catcher.send(make_message())
    assert len(list((maildir / "new").iterdir())) == 1
    catcher.answer("/delete-all", "POST")
    assert catcher.messages() == []
    assert list((maildir / "new").iterdir()) == []
    catcher.send(make_message(Subject="After"))
    assert [row["subject"] for row in catcher.messages()] == ["After"]


def test_another_site_may_neither_read_nor_press(catcher: Catcher) -> None:
    catcher.send(make_message())
    assert catcher.answer("/", Host="evil.example")[0] == 421
    assert catcher.answer("/delete-all", "POST", Origin="http://evil.example")[0] == 403
    assert catcher.answer("/delete-all", "POST", Origin="null")[0] == 403
    assert len(catcher.messages()) == 1


@pytest.mark.parametrize("path", ["/nothing", "/messages/999999/", "/messages/x/"])
def test_unknown_address_is_not_found(catcher: Catcher, path: str) -> None:
    assert catcher.answer(path)[0] == 404


def test_unknown_part_is_not_found(catcher: Catcher) -> None:
    assert catcher.answer(f"{catcher.send(make_message())}/parts/9")[0] == 404


def test_mail_is_kept_over_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as catcher:
        catcher.send(make_message(Subject="Kept"))
    with running(tmp_path) as catcher:
        assert [row["subject"] for row in catcher.messages()] == ["Kept"]


@pytest.mark.parametrize("damage", ["missing", "broken", "behind"])
def test_index_is_made_again_from_the_files(tmp_path: Path, damage: str) -> None:
    with running(tmp_path) as catcher:
        for number in range(3):
            catcher.send(make_message(Subject=f"Issue {number}"), to=f"reader{number}@example.org")
        before = catcher.messages()
    index = tmp_path / "index.sqlite3"
    if damage == "missing":
        index.unlink()
    elif damage == "broken":
        index.write_bytes(b"not a database" * 100)
    else:
        new = tmp_path / "new"
        (new / "9999999999.1.host").write_bytes((new / min(path.name for path in new.iterdir())).read_bytes())
    with running(tmp_path) as catcher:
        after = catcher.messages()
    if damage == "behind":
        assert [row["subject"] for row in after] == ["Issue 0", "Issue 2", "Issue 1", "Issue 0"]
    else:
        assert [(row["subject"], row["to"]) for row in after] == [(row["subject"], row["to"]) for row in before]
