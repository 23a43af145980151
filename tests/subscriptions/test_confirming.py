"""The link in the confirmation mail: a page with a button, any number of times, for seven days."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from threading import Barrier
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from newsroom.models import Suppression
from newsroom.suppressions import suppress
from subscriptions import consent, ledger, signup
from subscriptions.models import Consent, Newsletter, Subscriber, Subscription
from subscriptions.statements import newsletter_statement
from tests.subscriptions.conftest import link_in
from tests.subscriptions.factories import make_newsletter, make_policy, make_subscription

GetMail = Callable[..., EmailMessage]


@pytest.fixture
def link(newsletter: Newsletter, sign_up_and_get_mail: GetMail) -> str:
    return link_in(sign_up_and_get_mail(newsletter, email="lena@example.org"), "confirm")


def test_opening_the_link_changes_nothing(client: Client, link: str) -> None:
    for method in (client.get, client.head, client.get):
        assert method(link).status_code == 200
    assert Subscription.objects.get().state == Subscription.State.PENDING
    assert Consent.objects.count() == 1


def test_page_never_shows_the_address(client: Client, link: str) -> None:
    assert b"lena@" not in client.get(link).content


def test_button_makes_it_active_and_proves_it(client: Client, link: str) -> None:
    response = client.post(link)
    assert (response.status_code, response["Location"]) == (303, "/newsletter/friday/welcome/")
    subscription = Subscription.objects.get()
    assert subscription.state == Subscription.State.ACTIVE
    assert subscription.subscriber.confirmed_at == subscription.confirmed_at is not None
    granted, confirmed = Consent.objects.order_by("position")
    assert (confirmed.action, confirmed.method) == ("confirmed", "confirmation")
    assert (confirmed.wording, confirmed.policy_hash) == (granted.wording, granted.policy_hash)
    assert not list(ledger.faults())


def test_button_works_many_times_and_is_recorded_once(client: Client, link: str) -> None:
    assert [client.post(link).status_code for _ in range(3)] == [303] * 3
    assert Consent.objects.filter(action="confirmed").count() == 1


def test_link_works_in_another_browser_and_from_any_origin(link: str) -> None:
    response = Client(enforce_csrf_checks=True).post(link, headers={"origin": "null"})
    assert response.status_code == 303
    assert not response.cookies


def test_link_ends_after_seven_days(client: Client, link: str) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(days=6, hours=23)):
        assert client.get(link).status_code == 200
    with time_machine.travel(datetime.now(UTC) + timedelta(days=7, hours=1)):
        response = client.post(link)
    assert response.status_code == 410
    assert "Sign up again" in response.content.decode()
    assert Subscription.objects.get().state == Subscription.State.PENDING


@pytest.mark.parametrize(
    "damage", [lambda link: link[:-3] + "/", lambda link: link.replace("confirm/", "confirm/x"), str.upper]
)
def test_damaged_link_is_answered_kindly(client: Client, link: str, damage: Callable[[str], str]) -> None:
    token = damage(link).split("/")[3]
    response = client.post(f"/newsletter/confirm/{token}/")
    assert response.status_code == 410
    assert "Sign up again" in response.content.decode()
    assert Subscription.objects.get().state == Subscription.State.PENDING


def test_old_link_does_not_bring_back_what_was_ended(client: Client, link: str) -> None:
    client.post(link)
    consent.withdraw(Subscription.objects.get(), page="", method=Consent.Method.ONE_CLICK, at=datetime.now(UTC))
    assert client.post(link).status_code == 410
    assert Subscription.objects.get().state == Subscription.State.UNSUBSCRIBED


def test_link_of_a_deleted_person_is_answered_kindly(client: Client, link: str) -> None:
    Subscription.objects.all().delete()
    Subscriber.objects.all().delete()
    assert client.get(link).status_code == 410
    assert client.post(link).status_code == 410


def test_own_confirmation_lifts_what_kept_the_address_off_the_list(client: Client, link: str) -> None:
    for reason in (Suppression.Reason.ERASED, Suppression.Reason.BOUNCED):
        suppress("lena@example.org", reason=reason, scope=Suppression.Scope.NEWSLETTERS, at=datetime.now(UTC))
    client.post(link)
    assert list(Suppression.objects.values_list("reason", flat=True)) == ["bounced"]


def test_welcome_page_names_the_next_issue(client: Client, newsletter: Newsletter) -> None:
    with time_machine.travel(datetime(2026, 11, 18, 12, tzinfo=UTC)):
        page = client.get("/newsletter/friday/welcome/").content.decode()
    assert "comes next on Friday, 20 November" in page


@pytest.mark.django_db(transaction=True)
def test_two_sign_ups_at_once_make_one_person_and_two_grants() -> None:
    make_policy()
    newsletter = make_newsletter()
    at = datetime.now(UTC)
    statement = newsletter_statement(newsletter, at=at)
    assert statement is not None
    shown = consent.Shown.from_statement(statement)
    _at_once(
        lambda: consent.grant(
            email="lena@example.org", newsletter=newsletter, shown=shown, page="/", method=Consent.Method.FORM, at=at
        )
    )
    assert Subscription.objects.get().subscriber.email == "lena@example.org"
    assert list(Consent.objects.order_by("position").values_list("position", flat=True)) == list(range(1, 9))
    assert not list(ledger.faults())


@pytest.mark.django_db(transaction=True)
def test_confirming_at_once_is_recorded_once() -> None:
    subscription = make_subscription(state=Subscription.State.PENDING)
    at = datetime.now(UTC)
    _at_once(lambda: signup.confirm(subscription, position=1, page="/", at=at))
    assert Subscription.objects.get().state == Subscription.State.ACTIVE
    assert Consent.objects.filter(action="confirmed").count() == 1
    assert not list(ledger.faults())


@pytest.mark.django_db(transaction=True)
def test_confirming_while_unsubscribing_ends_in_what_the_ledger_says() -> None:
    subscription = make_subscription(state=Subscription.State.PENDING)
    at = datetime.now(UTC)

    def confirm() -> None:
        try:
            signup.confirm(subscription, position=1, page="/", at=at)
        except consent.GrantNoLongerStands:
            return

    def withdraw() -> None:
        consent.withdraw(subscription, page="/", method=Consent.Method.ONE_CLICK, at=at)

    _at_once(confirm, withdraw)
    last = Consent.objects.order_by("-position")[0]
    assert last.action == "withdrawn"
    assert Subscription.objects.get().state == Subscription.State.UNSUBSCRIBED
    assert not list(ledger.faults())


def _at_once(*works: Callable[[], Any], threads: int = 8) -> None:
    """Run works in threads that all begin at the same moment, each on a connection of its own."""
    barrier = Barrier(threads)

    def run(number: int) -> None:
        barrier.wait()
        try:
            works[number % len(works)]()
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, range(threads)))
