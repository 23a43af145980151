"""Staff log in by a password and a second factor; whatever is grave asks once more who they are."""

import logging
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.test import Client

from newsroom import staff_sessions
from newsroom.models import HistoryEntry, OutgoingMail, StaffSession
from tests.staff.people import PASSWORD, client_of, code_of, log_in, make_member

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
APP = "/admin/account/factors/app/"


@pytest.fixture
def second_factor(settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = True


def set_up_app(client: Client) -> str:
    """Set up an authenticator app as the page tells, and return its secret."""
    page = client.get(APP).content.decode()
    secret = re.search(r'value="([A-Z2-7]{32})"', page)
    assert secret is not None, page
    response = client.post(APP, {"code": code_of(secret[1])})
    assert response.status_code == 302, response.content.decode()
    return secret[1]


@pytest.mark.django_db(transaction=True)
def test_account_without_a_second_factor_reaches_nothing_but_its_set_up(second_factor: None) -> None:
    member = make_member("ana", "Editor")
    client = Client()
    with time_machine.travel(NOW, tick=False) as clock:
        response = client.get("/admin/newsroom/article/", follow=True)
        assert response.redirect_chain[-1][0] == "/admin/account/login/?next=/admin/newsroom/article/"
        assert log_in(client, "ana").headers["Location"] == "/admin/"
        for path in ("/admin/", "/admin/newsroom/article/", "/admin/password_change/"):
            assert client.get(path).headers["Location"] == "/admin/account/factors/", path
        secret = set_up_app(client)
        codes = client.get("/admin/account/factors/codes/").content.decode()
        assert client.get("/admin/").status_code == 200
        assert HistoryEntry.objects.filter(action="staff.factor_added", object_pk=str(member.pk)).exists()
        assert OutgoingMail.objects.filter(address=member.email, template="notice").exists()

        # The same account from another browser: the password alone opens nothing.
        other = Client()
        assert log_in(other, "ana@meridian.example").headers["Location"] == "/admin/account/factors/log-in/"
        assert other.get("/admin/").status_code == 302
        assert b"Incorrect code" in other.post("/admin/account/factors/log-in/", {"code": "000000"}).content
        used = code_of(secret)
        clock.shift(60)
        assert other.post("/admin/account/factors/log-in/", {"code": used}).status_code == 200, "an old code"
        assert other.post("/admin/account/factors/log-in/", {"code": code_of(secret)}).headers["Location"] == "/admin/"
        assert other.get("/admin/").status_code == 200

        # A recovery code works once.
        [recovery, *_more] = re.findall(r"^[0-9a-f]{8}$", codes, flags=re.MULTILINE)
        for is_first in (True, False):
            third = Client()
            log_in(third, "ana")
            answer = third.post("/admin/account/factors/log-in/", {"code": recovery})
            assert (answer.status_code == 302) is is_first

        # The last factor stays.
        client.post("/admin/account/factors/app/remove/")
        assert Authenticator.objects.filter(user_id=member.pk, type="totp").exists()


def test_session_from_before_the_second_factor_is_ended(second_factor: None) -> None:
    member = make_member("ana", "Editor")
    old, new = client_of(member), client_of(member)
    Authenticator.objects.create(user_id=member.pk, type="totp", data={"secret": "A" * 32})
    assert old.get("/admin/").headers["Location"] == "/admin/account/login/"
    assert new.get("/admin/account/factors/codes/").headers["Location"].startswith("/admin/account/login/")


def test_development_machine_says_that_a_password_is_enough(client: Client) -> None:
    make_member("ana", "Editor")
    assert "a password alone opens it" in client.get("/admin/account/login/").content.decode()
    log_in(client, "ana")
    assert client.get("/admin/").status_code == 200


def test_nobody_signs_up_and_no_password_comes_by_mail(client: Client) -> None:
    for path in ("signup/", "password/reset/", "email/", "confirm-email/"):
        response = client.post(f"/admin/account/{path}", {"email": "x@example.org"})
        assert response.status_code in {302, 404}
        assert response.headers.get("Location", "/admin/login/").startswith("/admin/login/")


def test_wrong_passwords_close_one_account_for_a_while_and_no_other(client: Client) -> None:
    make_member("ana", "Editor")
    make_member("ben", "Editor")
    tries = [log_in(client, "ana", "wrong").status_code for _ in range(11)]
    assert tries == [200] * 10 + [429]
    assert log_in(client, "ANA ").status_code == 429
    assert log_in(client, "ben").status_code == 302


def test_guesses_of_a_code_are_counted_for_the_account(second_factor: None, client: Client) -> None:
    member = make_member("ana", "Editor")
    Authenticator.objects.create(user_id=member.pk, type="totp", data={"secret": "A" * 32})
    log_in(client, "ana")
    tries = [client.post("/admin/account/factors/log-in/", {"code": "123456"}).status_code for _ in range(11)]
    assert tries == [200] * 10 + [429]


def test_grave_step_asks_who_it_is_and_then_goes_on(settings: Any) -> None:
    member = make_member("dora", "Engineer")
    other = make_member("ana", "Reporter")
    with time_machine.travel(NOW, tick=False) as clock:
        client = client_of(member)
        path = f"/admin/newsroom/staffmember/{other.pk}/step/roles/"
        assert client.get(path).status_code == 200
        clock.shift(timedelta(minutes=16))
        assert client.get("/admin/").status_code == 200, "what is not grave asks nothing"
        again = client.post(path, {"roles": ["Editor"], "reason": "Promoted"})
        assert again.headers["Location"].startswith("/admin/account/again/?next=")
        assert other.role_names == ["Reporter"], "nothing happened yet"
        wrong = client.post(again.headers["Location"], {"password": "wrong"})
        assert wrong.status_code == 200
        done = client.post(again.headers["Location"], {"password": PASSWORD, "next": path})
        assert done.status_code == 302
    assert [group.name for group in other.groups.all()] == ["Editor"]


GRAVE = [
    "/admin/donations/payment/1/refund/",
    "/admin/donations/payment/export/",
    "/admin/donations/donor/export/",
    "/admin/donations/donation/export/",
    "/admin/subscriptions/subscription/export/",
    "/admin/subscriptions/consent/evidence/",
    "/admin/newsroom/staffmember/invite/",
    "/admin/newsroom/staffmember/1/step/leave/",
    "/admin/newsroom/staffinvitation/1/approve/",
]


def test_refunds_exports_and_the_staff_itself_are_grave(staff_client: Client) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=16), tick=False):
        for path in GRAVE:
            answers = staff_client.get(path), staff_client.post(path, {"reason": "x"})
            for answer in answers:
                assert answer.headers.get("Location", "").startswith("/admin/account/again/"), path


def test_person_sees_their_browsers_and_logs_out_of_the_others() -> None:
    member = make_member("ana", "Editor")
    here, there = client_of(member), client_of(member)
    here.get("/admin/", headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Firefox/145.0"})
    there.get("/admin/")
    page = here.get("/admin/account/").content.decode()
    assert "Firefox, Linux" in page
    assert page.count("<tr>") == 3
    assert "145" not in page, "no exact program is kept"
    here.post("/admin/account/sessions/end/")
    assert there.get("/admin/").status_code == 302
    assert here.get("/admin/").status_code == 200
    Session.objects.update(expire_date=NOW)
    staff_sessions.forget_ended(at=NOW + timedelta(seconds=1))
    assert not StaffSession.objects.exists()


def test_no_page_of_log_in_has_a_script_of_its_own(client: Client) -> None:
    member = make_member("ana", "Editor")
    inside = client_of(member)
    pages = [client.get("/admin/account/login/")]
    pages += [inside.get(f"/admin/account/{path}") for path in ("", "factors/", APP[15:], "factors/passkeys/add/")]
    for page in pages:
        assert page.status_code == 200
        assert "script-src 'self'" in page.headers["Content-Security-Policy"].split("; ")
        text = page.content.decode()
        for tag in re.findall(r"<script\b[^>]*>", text):
            assert "src=" in tag or 'type="application/json"' in tag, tag
        assert not re.search(r"\son\w+=|style=", text)


def test_log_names_nobody(caplog: pytest.LogCaptureFixture, client: Client) -> None:
    make_member("ana", "Editor")
    with caplog.at_level(logging.DEBUG):
        log_in(client, "ana@meridian.example", "wrong")
        log_in(client, "ana@meridian.example")
        client.post("/admin/account/logout/")
        client.get("/admin/account/come-in/not-a-token/")
    words = "\n".join(record.getMessage() for record in caplog.records if record.name != "django.db.backends")
    for secret in ("meridian.example", "127.0.0.1", "not-a-token", PASSWORD):
        assert secret not in words


def test_staff_pages_speak_the_browsers_language_until_another_is_chosen() -> None:
    client = Client(headers={"accept-language": "ru,en;q=0.5"})
    login, language = "/admin/account/login/", "/admin/account/language/"
    page = client.get(login).content.decode()
    assert '<html lang="ru"' in page
    assert "Войти" in page

    assert client.get(language).status_code == 405
    response = client.post(language, {"language": "en", "next": login})
    assert (response.status_code, response.headers["Location"]) == (302, login)
    cookie = response.cookies["staff-language"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/admin/", True, "Lax")
    assert '<html lang="en"' in client.get(login).content.decode()
    assert client.post(language, {"language": "en", "next": "https://evil.example/"}).headers["Location"] == "/"
