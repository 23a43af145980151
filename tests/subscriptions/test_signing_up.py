"""The sign-up form: what it shows, and what it refuses kindly."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from subscriptions.models import Consent, Newsletter, SignupRequest, Subscriber, Subscription
from tests.subscriptions.conftest import link_in
from tests.subscriptions.factories import NOW, make_newsletter, make_policy
from tests.subscriptions.sign_ups import SignUp, fields


def test_page_says_what_it_is_how_often_and_what_is_agreed_to(client: Client, newsletter: Newsletter) -> None:
    page = client.get("/newsletter/friday/").content.decode()
    assert "It comes every Friday at 08:00, Berlin time." in page
    assert (
        "Send me The Friday Letter every Friday. I expressly agree that Newsroom uses my address for this, as its "
        '<a href="/privacy/2026-1/en/">Privacy Policy (version 2026-1)</a> explains.'
    ) in page
    assert 'name="consent" value="yes" required>' in page
    assert "checked" not in page


def test_page_sets_no_cookie_and_carries_no_script(client: Client, newsletter: Newsletter) -> None:
    response = client.get("/newsletter/friday/")
    assert not response.cookies
    assert b"<script" not in response.content
    assert "csrf" not in response.content.decode()


def test_sign_up_mails_a_link_and_keeps_the_proof(
    newsletter: Newsletter, sign_up_and_get_mail: SignUp, client: Client
) -> None:
    mail = sign_up_and_get_mail(newsletter, email=" Lena@Example.ORG ", page="/a-story/")
    assert mail["To"] == "lena@example.org"
    assert mail["Subject"] == "Please confirm: The Friday Letter"
    assert client.get(link_in(mail, "confirm")).status_code == 200
    granted = Consent.objects.get()
    assert (granted.action, granted.method, granted.page) == ("granted", "form", "/a-story/")
    assert granted.policy_version == "2026-1"
    assert granted.policy_hash
    assert granted.wording.startswith("Send me The Friday Letter every Friday. I expressly agree that")
    assert granted.subject == Subscriber.objects.get(email="lena@example.org").subject
    assert Subscription.objects.get().state == Subscription.State.PENDING
    assert not SignupRequest.objects.exists()


def test_mail_has_text_and_html_and_no_picture_that_could_track(
    newsletter: Newsletter, sign_up_and_get_mail: SignUp
) -> None:
    mail = sign_up_and_get_mail(newsletter, email="lena@example.org")
    assert mail.get_content_type() == "multipart/alternative"
    html = mail.get_body(("html",)).get_content()
    assert "<img" not in html
    assert "It was not you?" in html


def test_answer_redirects_to_a_page_without_the_address(
    newsletter: Newsletter, sign_up: SignUp, client: Client
) -> None:
    response = sign_up(newsletter, email="lena@example.org")
    assert (response.status_code, response["Location"]) == (303, "/newsletter/friday/check-your-mail/")
    page = client.get(response["Location"])
    assert b"lena@" not in page.content
    assert not page.cookies


def test_missing_tick_is_explained_and_address_is_kept(newsletter: Newsletter, client: Client) -> None:
    response = client.post("/newsletter/friday/sign-up/", fields(newsletter, consent=""))
    page = response.content.decode()
    assert response.status_code == 422
    assert 'value="lena@example.org"' in page
    assert "We write to you only if you tick the box" in page
    assert 'aria-describedby="sign-up-consent-error" autofocus' in page
    assert 'name="page" value="/a-story/"' in page
    assert not SignupRequest.objects.exists()


@pytest.mark.parametrize("address", ["", "lena", "lena@", "@example.org", "lena@example", "a b@example.org", "x" * 300])
def test_mistyped_address_is_explained_and_tick_is_kept(newsletter: Newsletter, client: Client, address: str) -> None:
    response = client.post("/newsletter/friday/sign-up/", fields(newsletter, email=address))
    page = response.content.decode()
    assert response.status_code == 422
    assert 'aria-describedby="sign-up-email-error" autofocus' in page
    assert 'name="consent" value="yes" required checked' in page
    assert not SignupRequest.objects.exists()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("lena@gmial.com", "lena@gmail.com"),
        ("lena@gmail.co", "lena@gmail.com"),
        ("lena@hotmial.com", "lena@hotmail.com"),
        ("lena@outlok.com", "lena@outlook.com"),
        ("lena@meridian.example.net", ""),
        ("lena@yopmail.com", "at yopmail.com are soon gone"),
        ("lena@eu.mailinator.com", "at eu.mailinator.com are soon gone"),
        ("lena@protonn.me", "lena@proton.me"),
    ],
)
def test_mistyped_or_short_lived_domain_is_asked_back_once_and_then_believed(
    newsletter: Newsletter, client: Client, written: str, meant: str
) -> None:
    response = client.post("/newsletter/friday/sign-up/", fields(newsletter, email=written))
    if not meant:
        assert response.status_code == 303
        return
    page = response.content.decode()
    assert response.status_code == 422
    assert (meant if "soon gone" in meant else f"Did you mean {meant}?") in page
    assert f'name="sure" value="{written}"' in page
    again = client.post("/newsletter/friday/sign-up/", fields(newsletter, email=written, sure=written))
    assert again.status_code == 303
    assert SignupRequest.objects.get().email == written


@pytest.mark.parametrize("address", ["abuse@example.org", "No-Reply@example.org"])
def test_address_of_a_machine_is_refused_kindly(newsletter: Newsletter, client: Client, address: str) -> None:
    response = client.post("/newsletter/friday/sign-up/", fields(newsletter, email=address))
    assert response.status_code == 422
    assert "belongs to a machine" in response.content.decode()


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("lena+letters@example.org", "lena+letters@example.org"),
        ("info@example.org", "info@example.org"),
        ("lena@BÜCHER.example.net", "lena@xn--bcher-kva.example.net"),
    ],
)
def test_plus_shared_and_international_addresses_are_taken(
    newsletter: Newsletter, client: Client, written: str, kept: str
) -> None:
    assert client.post("/newsletter/friday/sign-up/", fields(newsletter, email=written)).status_code == 303
    assert SignupRequest.objects.get().email == kept


def test_words_that_changed_since_the_page_was_made_must_be_agreed_to_again(
    newsletter: Newsletter, client: Client
) -> None:
    old = fields(newsletter)
    make_policy(version="2026-2", in_force_from=NOW)
    with time_machine.travel(NOW + timedelta(hours=1)):
        response = client.post("/newsletter/friday/sign-up/", old)
    page = response.content.decode()
    assert response.status_code == 422
    assert "The words beside the box have changed" in page
    assert "version 2026-2" in page
    assert not SignupRequest.objects.exists()


def test_filled_trap_gets_the_same_answer_and_leaves_nothing(newsletter: Newsletter, client: Client) -> None:
    response = client.post("/newsletter/friday/sign-up/", fields(newsletter, website="https://spam.example"))
    assert response["Location"] == "/newsletter/friday/check-your-mail/"
    assert not SignupRequest.objects.exists()


@pytest.mark.parametrize("origin", ["null", "https://mirror.example", "http://testserver"])
def test_form_is_taken_from_any_origin_without_a_cookie(newsletter: Newsletter, origin: str) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post("/newsletter/friday/sign-up/", fields(newsletter), headers={"origin": origin})
    assert response.status_code == 303
    assert not response.cookies


def test_no_form_without_a_policy_in_force(client: Client, db: None) -> None:
    newsletter = make_newsletter(slug="early")
    page = client.get("/newsletter/early/").content.decode()
    assert "<form" not in page
    assert client.post("/newsletter/early/sign-up/", {"email": "lena@example.org"}).status_code == 404
    assert newsletter.is_active


def test_several_newsletters_stand_on_one_page(client: Client, newsletter: Newsletter) -> None:
    assert client.get("/newsletter/")["Location"] == "/newsletter/friday/"
    make_newsletter(name="The Monday Note", slug="monday", weekday=0)
    make_newsletter(name="Gone", slug="gone", is_active=False)
    page = client.get("/newsletter/").content.decode()
    assert "The Friday Letter" in page
    assert "every Monday at 08:00" in page
    assert "Gone" not in page


def test_newsletters_in_the_pages_own_language_stand_first(client: Client, newsletter: Newsletter) -> None:
    make_newsletter(name="Пятничное письмо", slug="pismo", language="ru")
    for place, is_russian_first in (("/newsletter/", False), ("/ru/newsletter/", True)):
        page = client.get(place).content.decode()
        assert (page.index("Пятничное письмо") < page.index("The Friday Letter")) is is_russian_first


def test_query_count_does_not_grow_with_newsletters(
    client: Client, newsletter: Newsletter, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        make_newsletter()
    with django_assert_max_num_queries(8):
        client.get("/newsletter/")
    with django_assert_max_num_queries(9):
        client.get("/newsletter/friday/")
