"""The reader's page behind the link in each issue."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from subscriptions import ledger, unsubscribing
from subscriptions.models import Consent, Newsletter, Subscription
from tests.subscriptions.factories import make_newsletter, make_policy, make_subscription


@pytest.fixture
def subscription(newsletter: Newsletter) -> Subscription:
    return make_subscription(newsletter=newsletter, email="lena@example.org")


def path(subscription: Subscription) -> str:
    return f"/newsletter/preferences/{unsubscribing.token(subscription.link_id)}/"


def test_page_shows_newsletters_and_never_the_address(client: Client, subscription: Subscription) -> None:
    make_newsletter(name="The Monday Note")
    response = client.get(path(subscription))
    page = response.content.decode()
    assert "You receive it." in page
    assert "The Monday Note" in page
    assert "lena@" not in page
    assert not response.cookies
    assert response["Cache-Control"] == "no-store"


def test_opening_the_page_changes_nothing(client: Client, subscription: Subscription) -> None:
    before = Consent.objects.count()
    client.get(path(subscription), {"newsletter": "friday", "change": "off"})
    subscription.refresh_from_db()
    assert subscription.state == Subscription.State.ACTIVE
    assert Consent.objects.count() == before


def test_pause_and_resume(client: Client, subscription: Subscription) -> None:
    at = datetime(2026, 11, 20, 9, tzinfo=UTC)
    with time_machine.travel(at, tick=False):
        client.post(path(subscription), {"newsletter": "friday", "change": "pause", "weeks": "8"})
        subscription.refresh_from_db()
        assert subscription.paused_until == at + timedelta(weeks=8)
        assert not Subscription.objects.mailable(at).exists()
        assert Subscription.objects.mailable(at + timedelta(weeks=8)).exists()
        assert "Paused until" in client.get(path(subscription)).content.decode()
        client.post(path(subscription), {"newsletter": "friday", "change": "resume"})
    subscription.refresh_from_db()
    assert subscription.paused_until is None
    assert subscription.state == Subscription.State.ACTIVE


def test_switching_off_withdraws_consent(client: Client, subscription: Subscription) -> None:
    response = client.post(path(subscription), {"newsletter": "friday", "change": "off"})
    assert response.status_code == 303
    subscription.refresh_from_db()
    assert subscription.state == Subscription.State.UNSUBSCRIBED
    assert Consent.objects.order_by("-position")[0].method == "preferences"


def test_switching_on_another_takes_the_words_shown_and_no_mail(client: Client, subscription: Subscription) -> None:
    make_newsletter(name="The Monday Note", slug="monday", weekday=0)
    page = client.get(path(subscription)).content.decode()
    fingerprint = re.findall(r'name="statement" value="(\w+)"', page)[0]
    client.post(path(subscription), {"newsletter": "monday", "change": "on", "statement": fingerprint})
    other = Subscription.objects.get(newsletter__slug="monday")
    assert (other.state, other.subscriber) == (Subscription.State.ACTIVE, subscription.subscriber)
    granted = Consent.objects.get(purpose="newsletter:monday", action="granted")
    assert "Send me The Monday Note every Monday." in granted.wording
    assert not list(ledger.faults())


def test_switching_on_with_old_words_is_refused_and_explained(client: Client, subscription: Subscription) -> None:
    make_newsletter(slug="monday")
    page = client.get(path(subscription)).content.decode()
    old = re.findall(r'name="statement" value="(\w+)"', page)[0]
    make_policy(in_force_from=datetime(2026, 10, 1, tzinfo=UTC))
    response = client.post(path(subscription), {"newsletter": "monday", "change": "on", "statement": old})
    assert response.status_code == 422
    assert "words of consent have changed" in response.content.decode()
    assert not Subscription.objects.filter(newsletter__slug="monday").exists()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"newsletter": "unknown", "change": "off"},
        {"newsletter": "friday", "change": "delete"},
        {"newsletter": "friday", "change": "pause", "weeks": "5000"},
    ],
)
def test_nonsense_changes_nothing(client: Client, subscription: Subscription, fields: dict[str, str]) -> None:
    assert client.post(path(subscription), fields).status_code == 422
    subscription.refresh_from_db()
    assert (subscription.state, subscription.paused_until) == (Subscription.State.ACTIVE, None)


def test_link_of_one_reader_cannot_touch_another(client: Client, subscription: Subscription) -> None:
    other = make_subscription(newsletter=make_newsletter(slug="monday"), email="other@example.org")
    client.post(path(subscription), {"newsletter": "monday", "change": "off"})
    other.refresh_from_db()
    assert other.state == Subscription.State.ACTIVE
