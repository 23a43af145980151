"""Idempotency keys, as https://docs.stripe.com/api/idempotent_requests describes them."""

import threading
from typing import Any

import pytest
import stripe

from sandbox.stripe.testing import StripeSandbox
from tests.sandbox.stripe.shop import Shop


def header(thing: Any, name: str) -> str | None:
    return {key.lower(): value for key, value in dict(thing.last_response.headers).items()}.get(name)


def test_same_key_gives_the_same_answer_and_one_object(shop: Shop) -> None:
    parameters = shop.parameters()
    first = shop.v1.checkout.sessions.create(parameters, {"idempotency_key": "gift:1"})
    again = shop.v1.checkout.sessions.create(parameters, {"idempotency_key": "gift:1"})
    assert first.id == again.id
    assert header(first, "idempotent-replayed") is None
    assert header(again, "idempotent-replayed") == "true"
    assert header(again, "original-request") == header(first, "request-id")
    assert len(shop.v1.checkout.sessions.list().data) == 1


def test_replayed_answer_is_as_it_was_and_not_as_things_are_now(shop: Shop) -> None:
    parameters = shop.parameters()
    session = shop.v1.checkout.sessions.create(parameters, {"idempotency_key": "gift:2"})
    shop.v1.checkout.sessions.expire(session.id)
    again = shop.v1.checkout.sessions.create(parameters, {"idempotency_key": "gift:2"})
    assert (again.status, again.url) == ("open", session.url)


def test_other_parameters_under_the_same_key_are_refused(shop: Shop) -> None:
    shop.v1.checkout.sessions.create(shop.parameters(amount=1000), {"idempotency_key": "gift:3"})
    with pytest.raises(stripe.IdempotencyError) as refusal:
        shop.v1.checkout.sessions.create(shop.parameters(amount=2000), {"idempotency_key": "gift:3"})
    assert refusal.value.http_status == 400


def test_another_endpoint_under_the_same_key_is_refused(shop: Shop) -> None:
    shop.v1.customers.create({"email": "a@example.org"}, {"idempotency_key": "gift:4"})
    with pytest.raises(stripe.IdempotencyError):
        shop.v1.products.create({"name": "A gift"}, {"idempotency_key": "gift:4"})


def test_second_request_while_the_first_runs_is_409(shop: Shop, sandbox: StripeSandbox) -> None:
    sandbox.mode(slow=1, seconds=2)
    parameters = shop.parameters()
    made: list[str] = []
    first = threading.Thread(
        target=lambda: made.append(shop.v1.checkout.sessions.create(parameters, {"idempotency_key": "gift:5"}).id)
    )
    first.start()
    while "gift:5" not in sandbox.state()["in_flight"]:
        assert first.is_alive()
    with pytest.raises(stripe.APIError) as refusal:
        shop.v1.checkout.sessions.create(parameters, {"idempotency_key": "gift:5"})
    first.join()
    assert refusal.value.http_status == 409
    assert refusal.value.json_body["error"]["code"] == "idempotency_key_in_use"
    assert shop.v1.checkout.sessions.create(parameters, {"idempotency_key": "gift:5"}).id == made[0]


def test_refused_parameters_leave_the_key_free(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.customers.create({"nonsense": "x"}, {"idempotency_key": "gift:6"})  # type: ignore[typeddict-unknown-key]
    assert shop.v1.customers.create({"email": "a@example.org"}, {"idempotency_key": "gift:6"}).id


def test_refusal_by_the_endpoint_is_replayed(shop: Shop) -> None:
    charge = shop.charge()
    shop.v1.refunds.create({"charge": charge.id, "amount": 900})
    answers = []
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            shop.v1.refunds.create({"charge": charge.id, "amount": 200}, {"idempotency_key": "refund:1"})
        answers.append(refusal.value.http_body)
    assert answers[0] == answers[1]


def test_server_error_is_replayed_too(shop: Shop, sandbox: StripeSandbox) -> None:
    sandbox.mode(error_after=1, path="/v1/customers")
    for _ in range(2):
        with pytest.raises(stripe.APIError) as refusal:
            shop.v1.customers.create({"email": "a@example.org"}, {"idempotency_key": "customer:1"})
        assert refusal.value.http_status == 500
    # The work was done behind the error, which is why a product looks before it tries the next key.
    assert len(shop.v1.customers.list().data) == 1


def test_lost_answer_is_had_by_the_sdks_own_retry(shop: Shop, sandbox: StripeSandbox) -> None:
    sandbox.mode(lose_answer=1, seconds=0, path="/v1/checkout/sessions")
    session = shop.v1.checkout.sessions.create(shop.parameters(), {"max_network_retries": 2})
    assert header(session, "idempotent-replayed") == "true"
    assert len(shop.v1.checkout.sessions.list().data) == 1


def test_rate_limit_is_429_and_not_kept_for_the_key(shop: Shop, sandbox: StripeSandbox) -> None:
    sandbox.mode(rate_limit=1, method="POST")
    with pytest.raises(stripe.RateLimitError):
        shop.v1.customers.create({"email": "a@example.org"}, {"idempotency_key": "customer:2"})
    assert shop.v1.customers.create({"email": "a@example.org"}, {"idempotency_key": "customer:2"}).id


def test_events_name_the_request_and_its_key(shop: Shop) -> None:
    shop.v1.customers.create({"email": "a@example.org"}, {"idempotency_key": "customer:3"})
    (event,) = shop.v1.events.list().data
    assert event.request
    assert event.request.idempotency_key == "customer:3"
    assert str(event.request.id).startswith("req_")
