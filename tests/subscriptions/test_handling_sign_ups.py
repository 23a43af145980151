"""What becomes of a sign-up after the answer: limits, a Redis that is away, tries that fail, and doing it twice."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from newsroom import limits
from newsroom.models import OutgoingMail
from subscriptions import signup
from subscriptions.models import Consent, Newsletter, SignupRequest, Subscriber, Subscription
from tests.conftest import Broker
from tests.subscriptions.sign_ups import SignUp, fields


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


def test_all_networks_together_are_held_back(
    newsletter: Newsletter, client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TRUSTED_PROXIES = 1
    monkeypatch.setattr(signup, "TOTAL_RATE", "3/hour")
    answers = [
        client.post(
            "/newsletter/friday/sign-up/",
            fields(newsletter, email=f"reader{number}@example.org"),
            headers={"x-forwarded-for": f"203.0.{number}.1"},
        ).status_code
        for number in range(4)
    ]
    assert answers == [303, 303, 303, 429]
    assert SignupRequest.objects.count() == 3


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
