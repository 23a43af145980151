"""The sign-up form: what it shows, what it refuses kindly, and that its answer tells nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import DjangoCaptureOnCommitCallbacks
from redis import Redis

from newsroom import limits
from newsroom.addresses import address_hash
from newsroom.models import OutgoingMail, Suppression
from newsroom.suppressions import suppress
from subscriptions import signup
from subscriptions.models import Consent, Newsletter, SignupRequest, Subscriber, Subscription
from subscriptions.statements import newsletter_statement
from tests.conftest import Broker
from tests.subscriptions.conftest import link_in
from tests.subscriptions.factories import NOW, make_newsletter, make_policy, make_subscription

SignUp = Callable[..., Any]


def fields(newsletter: Newsletter, **changes: str) -> dict[str, str]:
    statement = newsletter_statement(newsletter, at=datetime.now(UTC))
    assert statement is not None
    return {
        "email": "lena@example.org",
        "consent": "yes",
        "statement": statement.fingerprint,
        "page": "/a-story/",
        **changes,
    }


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
        ("lena@protonn.me", "lena@proton.me"),
    ],
)
def test_mistyped_domain_is_asked_back_once_and_then_believed(
    newsletter: Newsletter, client: Client, written: str, meant: str
) -> None:
    response = client.post("/newsletter/friday/sign-up/", fields(newsletter, email=written))
    if not meant:
        assert response.status_code == 303
        return
    page = response.content.decode()
    assert response.status_code == 422
    assert f"Did you mean {meant}?" in page
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


def _know(address: str, how: str, newsletter: Newsletter) -> None:
    if how in Subscription.State.values:
        make_subscription(newsletter=newsletter, email=address, state=Subscription.State(how))
    elif how in Suppression.Reason.values:
        suppress(address, reason=Suppression.Reason(how), scope=Suppression.Scope.EVERYTHING, at=datetime.now(UTC))


KNOWN_AS = ["nobody", *Subscription.State.values, *Suppression.Reason.values]


@pytest.mark.parametrize("how", KNOWN_AS)
def test_request_does_the_same_work_whatever_is_known_of_the_address(
    newsletter: Newsletter, client: Client, how: str
) -> None:
    """Compare statements and rows, not the clock: the request does one INSERT, and nothing that asks who it is."""
    _know("known@example.org", how, newsletter)
    before = (Subscriber.objects.count(), Subscription.objects.count(), Consent.objects.count())
    with time_machine.travel(datetime.now(UTC), tick=False):
        with CaptureQueriesContext(connection) as stranger:
            answer = client.post("/newsletter/friday/sign-up/", fields(newsletter, email="stranger@example.org"))
        with CaptureQueriesContext(connection) as known:
            same_answer = client.post("/newsletter/friday/sign-up/", fields(newsletter, email="known@example.org"))

    def shapes(queries: CaptureQueriesContext) -> list[str]:
        return [
            query["sql"].split(" VALUES ")[0] for query in queries.captured_queries if "SAVEPOINT" not in query["sql"]
        ]

    assert shapes(known) == shapes(stranger)
    assert sum(sql.startswith("INSERT") for sql in shapes(known)) == 1
    assert (same_answer.status_code, same_answer.headers.items()) == (answer.status_code, answer.headers.items())
    assert (Subscriber.objects.count(), Subscription.objects.count(), Consent.objects.count()) == before
    assert SignupRequest.objects.count() == 2


@pytest.mark.parametrize(
    ("how", "template"),
    [
        ("nobody", "confirm_subscription"),
        ("pending", "confirm_subscription"),
        ("unsubscribed", "confirm_subscription"),
        ("suppressed", "confirm_subscription"),
        ("active", "already_subscribed"),
        # The person's own sign-up ends these two.
        ("erased", "confirm_subscription"),
        ("bounced", None),
        ("complained", None),
    ],
)
def test_task_decides_what_is_mailed(newsletter: Newsletter, sign_up: SignUp, how: str, template: str | None) -> None:
    _know("known@example.org", how, newsletter)
    sign_up(newsletter, email="known@example.org")
    assert list(OutgoingMail.objects.values_list("template", flat=True)) == ([template] if template else [])
    assert not SignupRequest.objects.exists()


def test_sign_up_does_not_change_a_running_or_ended_subscription(newsletter: Newsletter, sign_up: SignUp) -> None:
    active = make_subscription(newsletter=newsletter)
    ended = make_subscription(newsletter=newsletter, state=Subscription.State.UNSUBSCRIBED)
    sign_up(newsletter, email=active.subscriber.email)
    sign_up(newsletter, email=ended.subscriber.email)
    active.refresh_from_db()
    ended.refresh_from_db()
    assert (active.state, ended.state) == (Subscription.State.ACTIVE, Subscription.State.UNSUBSCRIBED)


def test_one_mailbox_gets_three_mails_a_day_whoever_asks(newsletter: Newsletter, sign_up: SignUp) -> None:
    answers = {sign_up(newsletter, email="victim@example.org").status_code for _ in range(5)}
    assert answers == {303}
    assert OutgoingMail.objects.count() == 3
    assert not SignupRequest.objects.exists()


def test_one_network_is_held_back_and_told_so(newsletter: Newsletter, client: Client, settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    answers = [
        client.post(
            "/newsletter/friday/sign-up/",
            fields(newsletter, email=f"reader{number}@example.org"),
            headers={"x-forwarded-for": f"203.0.113.{number}"},
        )
        for number in range(21)
    ]
    assert [answer.status_code for answer in answers] == [303] * 20 + [429]
    assert 'value="reader20@example.org"' in answers[-1].content.decode()
    other = client.post("/newsletter/friday/sign-up/", fields(newsletter), headers={"x-forwarded-for": "198.51.100.7"})
    assert other.status_code == 303


def test_redis_away_costs_the_reader_nothing(
    newsletter: Newsletter,
    client: Client,
    broker: Broker,
    run_queue: Callable[[], int],
    settings: Any,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    """Neither the broker nor the limits' store answers while the form is sent; the sweep finds the row afterwards."""
    proof = fields(newsletter)
    store = settings.CACHE_URL
    settings.CACHE_URL = "redis://127.0.0.1:1/0"
    limits._shared.cache_clear()
    broker.leave()
    try:
        with django_capture_on_commit_callbacks(execute=True):
            response = client.post("/newsletter/friday/sign-up/", proof)
    finally:
        broker.come_back()
        settings.CACHE_URL = store
        limits._shared.cache_clear()
    assert response.status_code == 303
    assert run_queue() == 0
    assert SignupRequest.objects.count() == 1
    with django_capture_on_commit_callbacks(execute=True):
        assert signup.sweep(at=datetime.now(UTC)) == 1
    run_queue()
    assert OutgoingMail.objects.get().template == "confirm_subscription"


def test_failed_sign_up_is_kept_and_tried_again(newsletter: Newsletter, client: Client, settings: Any) -> None:
    client.post("/newsletter/friday/sign-up/", fields(newsletter))
    request = SignupRequest.objects.get()
    at = datetime.now(UTC)
    keys, settings.CONSENT_KEYS = settings.CONSENT_KEYS, {"broken": "not hex"}
    with pytest.raises(ValueError, match="hex"):
        signup.handle(request.pk, at=at)
    settings.CONSENT_KEYS = keys
    request.refresh_from_db()
    assert (request.tries, request.not_before) == (1, at + signup.RETRY_STEP)
    assert not Subscriber.objects.exists()
    signup.handle(request.pk, at=at + signup.RETRY_STEP)
    assert Subscription.objects.count() == 1


def test_tries_that_failed_do_not_count_as_wishes(newsletter: Newsletter, client: Client, settings: Any) -> None:
    client.post("/newsletter/friday/sign-up/", fields(newsletter))
    request = SignupRequest.objects.get()
    at = datetime.now(UTC)
    keys, settings.CONSENT_KEYS = settings.CONSENT_KEYS, {"broken": "not hex"}
    for number in range(4):
        with pytest.raises(ValueError, match="hex"):
            signup.handle(request.pk, at=at + number * signup.RETRY_STEP)
    settings.CONSENT_KEYS = keys
    signup.handle(request.pk, at=at + 4 * signup.RETRY_STEP)
    assert OutgoingMail.objects.get().template == "confirm_subscription"


def test_handling_twice_mails_once(newsletter: Newsletter, client: Client) -> None:
    client.post("/newsletter/friday/sign-up/", fields(newsletter))
    request = SignupRequest.objects.get()
    for _ in range(2):
        signup.handle(request.pk, at=datetime.now(UTC))
    assert OutgoingMail.objects.count() == 1
    assert Consent.objects.count() == 1


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


def test_query_count_does_not_grow_with_newsletters(
    client: Client, newsletter: Newsletter, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        make_newsletter()
    with django_assert_max_num_queries(8):
        client.get("/newsletter/")
    with django_assert_max_num_queries(9):
        client.get("/newsletter/friday/")


class Markup(HTMLParser):
    """Collects what would act in a browser: scripts, event handlers and addresses that run."""

    def __init__(self) -> None:
        super().__init__()
        self.active: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.active += [
            name for name, value in attrs if name.startswith("on") or (value or "").startswith("javascript:")
        ]
        if tag in {"script", "iframe", "object", "embed", "svg", "base"}:
            self.active.append(tag)


def test_markup_that_acts_would_be_noticed() -> None:
    markup = Markup()
    markup.feed('<p onclick="x()"><a href="javascript:x()">a</a><script>x()</script></p>')
    assert markup.active == ["onclick", "href", "script"]


hostile = st.one_of(
    st.text(max_size=300),
    st.text(alphabet="<>\"'&;\x00\r\n%{}[]@.=,()\\/", max_size=120),
    st.builds("{}@{}".format, st.text(max_size=70), st.text(max_size=70)),
    st.sampled_from(
        [
            "lena@example.org\r\nBcc: all@example.org",
            "lena@example.org\x00",
            "=cmd|' /C calc'!A0@example.org",
            "lena@пример.example",
            "<script>alert(1)</script>@example.org",
            "lena@[127.0.0.1]",
            '"quoted string"@example.org',
            "lena+tag@example.org",
            "\u202elena@example.org",
            "{{7*7}}@example.org",
        ]
    ),
)


@hypothesis_settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(email=hostile, page=hostile, statement=hostile)
def test_hostile_input_is_answered_and_never_reflected_raw(
    newsletter: Newsletter, client: Client, email: str, page: str, statement: str
) -> None:
    Redis.from_url(settings.CACHE_URL).flushdb()
    SignupRequest.objects.all().delete()
    proof = fields(newsletter)["statement"]
    for chosen in (proof, statement):
        response = client.post(
            "/newsletter/friday/sign-up/", {"email": email, "consent": "yes", "page": page, "statement": chosen}
        )
        assert response.status_code in {303, 422}
        markup = Markup()
        markup.feed(response.content.decode())
        assert markup.active == []
    for request in SignupRequest.objects.all():
        assert request.email.isascii()
        assert request.email == request.email.lower()
        assert not set(request.email) & set("\r\n\x00<> ")
        assert request.page.startswith("/")


def test_suppression_hash_is_all_that_is_kept_of_a_bounced_address(newsletter: Newsletter, sign_up: SignUp) -> None:
    _know("known@example.org", "bounced", newsletter)
    sign_up(newsletter, email="known@example.org")
    assert Suppression.objects.get().address_hash == address_hash("known@example.org")
    assert not Subscriber.objects.exists()
