"""What a client may send, and where it can be sent on to: nowhere but to pages of ours."""

import logging
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from newsroom.log_lines import Line, without_secrets
from newsroom.models import OutgoingMail
from tests.operations.secrets_in import secrets_in
from tests.subscriptions.factories import make_newsletter, make_policy

pytestmark = pytest.mark.django_db

EVIL = "evil.example"


def test_bodies_that_are_too_large_or_have_too_many_fields_are_refused(client: Client, settings: Any) -> None:
    make_policy()
    path = f"{make_newsletter().get_absolute_url()}sign-up/"
    assert client.post(path, {f"field-{number}": "x" for number in range(600)}).status_code == 400
    assert client.post(path, {"email": "x" * (3 * 1024 * 1024)}).status_code == 400
    assert client.post("/stripe/webhook/", b"x" * (3 * 1024 * 1024), content_type="application/json").status_code == 400


@pytest.mark.parametrize(
    "path",
    [f"//{EVIL}", f"//{EVIL}/x", f"/\\{EVIL}", f"/%2F%2F{EVIL}/x", f"/http://{EVIL}", f"/admin/login/?next=//{EVIL}"],
)
def test_no_address_of_ours_leads_to_another_site(staff_client: Client, path: str) -> None:
    for method in (staff_client.get, staff_client.post):
        response = method(path)
        target = urlsplit(response.headers.get("Location", ""))
        assert target.netloc in ("", "testserver"), response.headers["Location"]
        assert not response.headers.get("Location", "").startswith(("//", "/\\"))


def test_after_log_in_nobody_is_sent_to_another_site(client: Client, staff_user: Any) -> None:
    for target in (f"https://{EVIL}/", f"//{EVIL}/", f"/\\{EVIL}/", "javascript:alert(1)"):
        client.logout()
        response = client.post("/admin/account/login/", {"login": "staff", "password": "correct horse", "next": target})
        location = response.headers.get("Location", "")
        assert EVIL not in urlsplit(location).netloc
        assert location.startswith("/admin/"), location


def test_other_hosts_are_refused_and_forwarded_ones_not_believed(client: Client) -> None:
    assert client.get("/", headers={"Host": EVIL}).status_code == 400
    response = client.get("/", headers={"X-Forwarded-Host": EVIL, "Forwarded": f"host={EVIL}"})
    assert response.status_code == 200
    assert EVIL not in response.content.decode()


def test_security_txt_says_whom_to_tell(client: Client) -> None:
    response = client.get("/.well-known/security.txt")
    assert response.headers["Content-Type"].startswith("text/plain")
    fields = dict(line.split(": ", 1) for line in response.content.decode().splitlines())
    assert fields["Contact"].startswith("mailto:")
    assert fields["Canonical"] == "http://testserver/.well-known/security.txt"
    assert fields["Expires"].endswith("T00:00:00Z")


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ("to olga.secret+x@reader.example.org, ok", "to <address>, ok"),
        ("from 203.0.113.77:51234", "from <ip>:51234"),
        ("from 2001:db8:0:1:2:3:4:5 and 2001:db8::7 and ::1", "from <ip> and <ip> and <ip>"),
        ("at 12:34:56, version 5.2.19", "at 12:34:56, version 5.2.19"),
        (
            "GET /newsletter/confirm/ImEgcmVhZGVyIg:1vNabc:0123456789abcdefghijklmnopqrstu/",
            "GET /newsletter/confirm/<token>/",
        ),
        ("GET /support/0b7f6a52-4b1e-4f0e-9f43-111122223333/?e=olga", "GET /support/<token>/?<query>"),
        ("key sk_live_abc123 and whsec_xyz", "key <key> and <key>"),
        ("redis://user:pass@10.1.2.3:6379/0", "redis://<login>@<ip>:6379/0"),
        ('File "/srv/newsroom/app/subscriptions/transports/smtp_session.py", line 12', None),
        ("ERROR celery.app.trace Task newsroom.tasks.tick[3f1c] raised", None),
    ],
)
def test_a_line_is_cleaned_of_what_names_somebody_or_opens_something(told: str, written: str | None) -> None:
    assert without_secrets(told) == (told if written is None else written)


def test_what_the_database_quotes_in_an_error_stays_out_of_the_log() -> None:
    """PostgreSQL names the row that broke a constraint, and a traceback repeats it."""
    row = {"key": "olga.secret@reader.example.org", "template": "x", "message_id": "<1@x.example>", "context": {}}
    record = None
    try:
        with transaction.atomic():
            for _number in range(2):
                OutgoingMail.objects.create(**row, not_before="2026-11-20T09:00Z", created_at="2026-11-20T09:00Z")
    except IntegrityError as error:
        record = logging.LogRecord(
            "test", logging.ERROR, "", 1, "It failed.", None, (type(error), error, error.__traceback__)
        )
    assert record is not None
    assert "olga.secret" in logging.Formatter().format(record), "without the cleaning it would be told"
    line = Line("%(levelname)s %(message)s").format(record)
    assert "<address>" in line
    assert secrets_in(line, "olga.secret") == []
