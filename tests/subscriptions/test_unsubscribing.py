"""Unsubscribing: RFC 8058's one click, the page for people, and tokens that never end."""

import itertools
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from subscriptions import ledger, unsubscribing
from subscriptions.models import Consent, Newsletter, Subscriber, Subscription, UnsubscribeReason
from tests.subscriptions.factories import make_subscription

ONE_CLICK = "List-Unsubscribe=One-Click"
MULTIPART = '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
BODIES = [
    (ONE_CLICK, "application/x-www-form-urlencoded"),
    (MULTIPART, "multipart/form-data; boundary=x"),
    # What mail programs that read the RFC carelessly send; the address alone says what is wanted.
    ("", "application/x-www-form-urlencoded"),
    ("not multipart at all", "multipart/form-data; boundary=x"),
    ("{}", "application/json"),
    ("x", "multipart/form-data"),
]


@pytest.fixture
def subscription(newsletter: Newsletter) -> Subscription:
    return make_subscription(newsletter=newsletter, email="lena@example.org")


def path(subscription: Subscription) -> str:
    return f"/newsletter/unsubscribe/{unsubscribing.token(subscription.link_id)}/"


@pytest.mark.parametrize(("body", "content_type"), BODIES)
def test_one_click_ends_it_without_redirect_and_cookie(
    subscription: Subscription, body: str, content_type: str
) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post(path(subscription), body, content_type=content_type, headers={"origin": "null"})
    assert response.status_code == 200
    assert not response.cookies
    subscription.refresh_from_db()
    assert subscription.state == Subscription.State.UNSUBSCRIBED
    withdrawn = Consent.objects.order_by("-position")[0]
    assert (withdrawn.action, withdrawn.method, withdrawn.purpose) == ("withdrawn", "one-click", "newsletter:friday")
    assert not list(ledger.faults())


def test_opening_the_link_changes_nothing(client: Client, subscription: Subscription) -> None:
    before = Consent.objects.count()
    for method in (client.get, client.head):
        response = method(path(subscription))
        assert response.status_code == 200
        assert not response.cookies
    subscription.refresh_from_db()
    assert subscription.state == Subscription.State.ACTIVE
    assert Consent.objects.count() == before


def test_page_has_a_button_and_never_the_address(client: Client, subscription: Subscription) -> None:
    page = client.get(path(subscription)).content.decode()
    assert "Stop The Friday Letter?" in page
    assert '<button type="submit" name="button" value="pressed"' in page
    assert "lena@" not in page


def test_button_is_recorded_as_a_person(client: Client, subscription: Subscription) -> None:
    response = client.post(path(subscription), {"button": "pressed"})
    assert "is no longer sent to you" in response.content.decode()
    assert Consent.objects.order_by("-position")[0].method == "unsubscribe-page"


def test_any_number_of_clicks_is_answered_alike_and_recorded_once(client: Client, subscription: Subscription) -> None:
    answers = [client.post(path(subscription), {"List-Unsubscribe": "One-Click"}) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert Consent.objects.filter(action="withdrawn").count() == 1


def test_link_works_after_years(client: Client, subscription: Subscription) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(days=3650)):
        assert client.post(path(subscription)).status_code == 200
    subscription.refresh_from_db()
    assert subscription.state == Subscription.State.UNSUBSCRIBED


def test_erased_person_is_answered_like_anyone(client: Client, subscription: Subscription) -> None:
    link = path(subscription)
    subscription.delete()
    Subscriber.objects.all().delete()
    before = Consent.objects.count()
    response = client.post(link, {"List-Unsubscribe": "One-Click"})
    assert response.status_code == 200
    assert "You are unsubscribed" in response.content.decode()
    assert client.get(link).status_code == 200
    assert Consent.objects.count() == before


def test_link_under_a_former_key_still_works(client: Client, subscription: Subscription, settings: Any) -> None:
    link = path(subscription)
    settings.UNSUBSCRIBE_KEYS = {"k9": "ab" * 32, **settings.UNSUBSCRIBE_KEYS}
    assert unsubscribing.token(subscription.link_id).startswith("k9.")
    assert client.post(link).status_code == 200
    subscription.refresh_from_db()
    assert subscription.state == Subscription.State.UNSUBSCRIBED


def test_only_the_newsletter_of_the_link_ends(client: Client, subscription: Subscription) -> None:
    other = make_subscription(email="lena@example.org")
    client.post(path(subscription))
    other.refresh_from_db()
    assert other.state == Subscription.State.ACTIVE


def test_every_changed_character_is_refused(subscription: Subscription) -> None:
    good = unsubscribing.token(subscription.link_id)
    assert unsubscribing.read(good) == subscription.link_id
    for place, character in itertools.product(range(len(good)), "ABCDxyz09-_!. "):
        changed = good[:place] + character + good[place + 1 :]
        if changed != good:
            with pytest.raises(unsubscribing.BadToken):
                unsubscribing.read(changed)


def test_refused_link_says_what_to_do(client: Client, subscription: Subscription) -> None:
    response = client.post("/newsletter/unsubscribe/k1.nonsense/")
    assert response.status_code == 404
    assert "copy the whole link" in response.content.decode()
    subscription.refresh_from_db()
    assert subscription.state == Subscription.State.ACTIVE


@hypothesis_settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.one_of(st.text(), st.text(alphabet="k1.-_=ABCabc\x00é", max_size=60)))
def test_no_text_breaks_the_reading_of_tokens(text: str) -> None:
    with pytest.raises(unsubscribing.BadToken):
        unsubscribing.read(text)


def test_token_of_nobody_is_answered_like_an_erased_person(client: Client, newsletter: Newsletter) -> None:
    assert client.post(f"/newsletter/unsubscribe/{unsubscribing.token(uuid4())}/").status_code == 200


def test_mistake_is_undone_by_one_click_with_new_consent(client: Client, subscription: Subscription) -> None:
    page = client.post(path(subscription)).content.decode()
    form = page[page.index("Was it a mistake?") :].split("</form>")[0]
    action = re.findall(r'action="([^"]+)"', form)[0]
    response = client.post(action, dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)))
    assert response.status_code == 303
    subscription.refresh_from_db()
    assert subscription.state == Subscription.State.ACTIVE
    granted, confirmed = Consent.objects.order_by("-position")[:2][::-1]
    assert (granted.action, confirmed.action, confirmed.method) == ("granted", "confirmed", "preferences")
    assert not list(ledger.faults())


def test_reason_is_counted_without_a_person(client: Client, subscription: Subscription) -> None:
    page = client.post(path(subscription)).content.decode()
    assert "textarea" not in page
    for _ in range(2):
        assert client.post("/newsletter/friday/why/", {"reason": "too-many"}).status_code == 200
    client.post("/newsletter/friday/why/", {"reason": "because of lena@example.org"})
    row = UnsubscribeReason.objects.get()
    assert (row.reason, row.count) == ("too-many", 2)
