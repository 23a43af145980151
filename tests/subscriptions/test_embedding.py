"""The sign-up form in the frames of other sites, and what those sites copy."""

import html
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client

from newsroom.models import HistoryEntry, OutgoingMail
from subscriptions import embedding
from subscriptions.models import Consent, EmbeddingHost, Newsletter, SignupRequest, Subscription
from tests.subscriptions.factories import make_newsletter, make_policy

PAGE = "/newsletter/friday/embed/www.partner.example/"


@pytest.fixture
def host(newsletter: Newsletter) -> EmbeddingHost:
    return EmbeddingHost.objects.create(host="www.partner.example")


class Fields(HTMLParser):
    """Collects what a form would send, as it stands."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action, self.sent = "", dict[str, str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self.action = values["action"] or ""
        if tag == "input" and values.get("name"):
            self.sent[values["name"] or ""] = values.get("value") or ""


def test_only_the_named_site_may_show_the_form_and_only_the_form(client: Client, host: EmbeddingHost) -> None:
    other = EmbeddingHost.objects.create(host="off.example", is_active=False)
    page = client.get(PAGE)
    policy = page["Content-Security-Policy"]
    assert "frame-ancestors https://www.partner.example;" in f"{policy};"
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "X-Frame-Options" not in page
    assert not page.cookies
    assert b"<script" not in page.content
    for elsewhere in ("/newsletter/friday/", "/newsletter/friday/check-your-mail/"):
        answer = client.get(elsewhere)
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
        assert answer["X-Frame-Options"] == "DENY"
    for unknown in (other.host, "nobody.example", "www.partner.example.evil.example"):
        assert client.get(f"/newsletter/friday/embed/{unknown}/").status_code == 404


def test_sign_up_in_the_frame_needs_no_cookie_and_names_the_site_in_the_ledger(
    host: EmbeddingHost, run_queue: Any, django_capture_on_commit_callbacks: Any
) -> None:
    client = Client(enforce_csrf_checks=True, headers={"origin": "https://www.partner.example"})
    form = Fields(client.get(PAGE).content.decode())
    assert form.action == PAGE
    wrong = client.post(PAGE, form.sent | {"email": "lena@gmial.com", "page": "/elsewhere/"})
    assert (wrong.status_code, "Did you mean lena@gmail.com?" in wrong.content.decode()) == (422, True)
    assert "frame-ancestors https://www.partner.example" in wrong["Content-Security-Policy"]
    with django_capture_on_commit_callbacks(execute=True):
        taken = client.post(PAGE, form.sent | {"email": "lena@example.org", "page": "/elsewhere/"})
    assert (taken.status_code, taken["Location"]) == (303, f"{PAGE}check-your-mail/")
    assert not taken.cookies
    after = client.get(taken["Location"])
    assert "frame-ancestors https://www.partner.example" in after["Content-Security-Policy"]
    assert b"lena@" not in after.content
    run_queue()
    assert (Consent.objects.get().page, Consent.objects.get().method) == (PAGE, Consent.Method.EMBED)
    assert Subscription.objects.get().state == Subscription.State.PENDING
    assert OutgoingMail.objects.get().template == "confirm_subscription"
    trapped = client.post(PAGE, form.sent | {"email": "bot@example.org", "website": "https://spam.example"})
    assert trapped["Location"] == taken["Location"]
    assert not SignupRequest.objects.exists()


def test_copied_form_works_without_a_frame_and_asks_again_when_words_changed(host: EmbeddingHost) -> None:
    client = Client(enforce_csrf_checks=True, headers={"origin": "null"})
    newsletter = Newsletter.objects.get()
    copied = Fields(embedding.plain_form(newsletter, host, at=datetime.now(UTC)))
    assert copied.action.startswith("http")
    path = "/" + copied.action.split("/", 3)[3]
    assert client.post(path, copied.sent | {"email": "lena@example.org"}).status_code == 303
    assert (SignupRequest.objects.get().page, SignupRequest.objects.get().method) == (PAGE, Consent.Method.EMBED)
    Newsletter.objects.update(name="The Saturday Letter")
    again = client.post(path, copied.sent | {"email": "vera@example.org"})
    assert (again.status_code, SignupRequest.objects.count()) == (422, 1)
    assert "The words beside the box have changed" in again.content.decode()
    assert 'value="vera@example.org"' in again.content.decode()


@pytest.mark.parametrize(
    ("typed", "host", "origins"),
    [
        ("https://WWW.Partner.example/contact", "www.partner.example", ["https://www.partner.example"]),
        ("bücher.example", "xn--bcher-kva.example", ["https://xn--bcher-kva.example"]),
        ("localhost:8080", "localhost:8080", ["https://localhost:8080", "http://localhost:8080"]),
        ("abc.onion", "abc.onion", ["https://abc.onion", "http://abc.onion"]),
    ],
)
def test_host_is_taken_as_it_is_copied(db: None, typed: str, host: str, origins: list[str]) -> None:
    one = EmbeddingHost(host=typed)
    one.full_clean()
    assert (one.host, one.origins) == (host, origins)


@pytest.mark.parametrize(
    "typed", ["", "*", "*.example", "a.example; script-src *", "'self'", "a b.example", "a_b.example"]
)
def test_what_would_change_the_policy_is_no_host(db: None, typed: str) -> None:
    with pytest.raises(ValidationError):
        EmbeddingHost(host=typed).full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        EmbeddingHost.objects.create(host=typed)


def test_staff_see_what_to_copy(staff_client: Client, newsletter: Newsletter) -> None:
    make_newsletter(name="The Monday Note", slug="monday", weekday=0)
    base = "/admin/subscriptions/embeddinghost/"
    staff_client.post(f"{base}add/", {"host": "https://www.partner.example/", "note": "our friends", "is_active": "on"})
    host = EmbeddingHost.objects.get()
    page = html.unescape(staff_client.get(f"{base}{host.pk}/change/").content.decode())
    for slug in ("friday", "monday"):
        assert f'/newsletter/{slug}/embed/www.partner.example/" title="Sign up for' in page
        assert f'/newsletter/{slug}/sign-up/" method="post"' in page
    staff_client.post(base, {"action": "delete_selected", "_selected_action": [host.pk], "post": "yes"})
    actions = list(HistoryEntry.objects.order_by("pk").values_list("action", flat=True))
    assert actions[-2:] == ["embedding_host.created", "embedding_host.deleted"]


def test_nothing_can_be_copied_without_words_to_agree_to(db: None) -> None:
    newsletter, host = make_newsletter(slug="friday"), EmbeddingHost.objects.create(host="www.partner.example")
    assert embedding.plain_form(newsletter, host, at=datetime.now(UTC)) == ""
    assert "Sign-up opens as soon as" in Client().get(PAGE).content.decode()
    make_policy()
    assert 'method="post"' in embedding.plain_form(newsletter, host, at=datetime.now(UTC))
