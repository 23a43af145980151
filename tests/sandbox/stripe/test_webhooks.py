"""Webhooks as an endpoint receives them: signed, retried, and in each of the modes that make trouble."""

from collections.abc import Iterator

import pytest
import stripe

from sandbox.stripe.testing import StripeSandbox
from tests.sandbox.stripe.receiver import Receiver
from tests.sandbox.stripe.shop import Shop

SECRET = "whsec_of_the_endpoint"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def _sending() -> Iterator[tuple[StripeSandbox, list[Receiver]]]:
    with Receiver() as receiver, StripeSandbox(webhook_url=receiver.url, webhook_secret=SECRET) as sandbox:
        yield sandbox, [receiver]


@pytest.fixture
def sending(_sending: tuple[StripeSandbox, list[Receiver]]) -> tuple[Shop, Receiver]:
    """A sandbox that sends to a receiver, both with nothing in them."""
    sandbox, (receiver,) = _sending
    sandbox.reset()
    receiver.got.clear()
    receiver.answers.clear()
    return Shop(stripe.StripeClient("sk_test_x", base_addresses={"api": sandbox.url}), sandbox), receiver


def test_each_event_is_delivered_once_with_a_valid_signature(sending: tuple[Shop, Receiver]) -> None:
    shop, receiver = sending
    shop.pay(shop.session())
    receiver.wait_for(lambda: len(receiver.got) >= 5)
    events = receiver.events(SECRET)
    assert sorted(event.type for event in events) == sorted(shop.types())
    assert {event.api_version for event in events} == {stripe.api_version}
    assert {event.livemode for event in events} == {False}


def test_delivered_body_is_the_event_as_it_is_listed(sending: tuple[Shop, Receiver]) -> None:
    shop, receiver = sending
    shop.v1.customers.create({"email": "a@example.org"})
    receiver.wait_for(lambda: len(receiver.got) == 1)
    (delivered,) = receiver.events(SECRET)
    (listed,) = shop.v1.events.list().data
    assert delivered.to_dict() | {"pending_webhooks": 0} == listed.to_dict() | {"pending_webhooks": 0}


def test_refused_delivery_is_retried_until_it_is_accepted(sending: tuple[Shop, Receiver]) -> None:
    shop, receiver = sending
    receiver.answers = [500, 503]
    shop.v1.customers.create({"email": "a@example.org"})
    receiver.wait_for(lambda: len(receiver.got) == 1)
    assert shop.v1.events.list().data[0].pending_webhooks == 1
    assert len(shop.v1.events.list({"delivery_success": False}).data) == 1
    receiver.wait_for(lambda: len(receiver.got) == 3)
    receiver.wait_for(lambda: shop.v1.events.list().data[0].pending_webhooks == 0)
    assert len({event.id for event in receiver.events(SECRET)}) == 1
    assert len(shop.v1.events.list({"delivery_success": True}).data) == 1


def test_duplicated_events_come_twice_with_the_same_id(sending: tuple[Shop, Receiver]) -> None:
    shop, receiver = sending
    shop.sandbox.mode("duplicated")
    shop.v1.customers.create({"email": "a@example.org"})
    receiver.wait_for(lambda: len(receiver.got) == 2)
    assert len({event.id for event in receiver.events(SECRET)}) == 1


def test_dropped_events_never_come_and_are_listed_as_undelivered(sending: tuple[Shop, Receiver]) -> None:
    shop, receiver = sending
    shop.sandbox.mode("dropped")
    shop.v1.customers.create({"email": "a@example.org"})
    shop.sandbox.mode("normal")
    shop.v1.customers.create({"email": "b@example.org"})
    receiver.wait_for(lambda: len(receiver.got) == 1)
    receiver.wait_for(lambda: len(shop.v1.events.list({"delivery_success": True}).data) == 1)
    (lost,) = shop.v1.events.list({"delivery_success": False}).data
    assert lost.data.object["email"] == "a@example.org"


def test_delayed_events_come_later(sending: tuple[Shop, Receiver]) -> None:
    shop, receiver = sending
    shop.sandbox.mode("delayed", delay_seconds=0.8)
    shop.v1.customers.create({"email": "a@example.org"})
    assert shop.sandbox.deliveries(take=False, everything=False) == []
    assert len(shop.sandbox.deliveries(take=False)) == 1
    receiver.wait_for(lambda: len(receiver.got) == 1)


def test_badly_signed_events_do_not_verify_until_the_mode_ends(sending: tuple[Shop, Receiver]) -> None:
    shop, receiver = sending
    receiver.answers = [400]
    shop.sandbox.mode("bad_signatures")
    shop.v1.customers.create({"email": "a@example.org"})
    receiver.wait_for(lambda: len(receiver.got) == 1)
    with pytest.raises(stripe.SignatureVerificationError):
        receiver.events(SECRET)
    shop.sandbox.mode("normal")
    receiver.wait_for(lambda: len(receiver.got) == 2)
    header, body = receiver.got[1]
    assert stripe.Webhook.construct_event(body, header, SECRET).type == "customer.created"


def test_reordered_events_come_in_another_order_and_completely(shop: Shop, sandbox: StripeSandbox) -> None:
    sandbox.mode("reordered", seed=1)
    for number in range(8):
        shop.v1.customers.create({"email": f"{number}@example.org"})
    taken = [(one["body"], one["headers"]["Stripe-Signature"]) for one in sandbox.deliveries()]
    order = [stripe.Webhook.construct_event(*one, sandbox.webhook_secret).id for one in taken]
    listed = [event.id for event in shop.v1.events.list().data][::-1]
    assert sorted(order) == sorted(listed)
    assert order != listed


def test_deliveries_that_a_test_takes_are_delivered(shop: Shop, sandbox: StripeSandbox) -> None:
    shop.v1.customers.create({"email": "a@example.org"})
    assert [one["type"] for one in sandbox.deliveries(take=False)] == ["customer.created"]
    (delivery,) = sandbox.deliveries()
    event = stripe.Webhook.construct_event(
        delivery["body"], delivery["headers"]["Stripe-Signature"], sandbox.webhook_secret
    )
    assert event.type == "customer.created"
    assert sandbox.deliveries() == []
    assert shop.v1.events.list({"delivery_success": False}).data == []


def test_registered_endpoint_gets_its_kinds_alone_with_its_own_secret(shop: Shop, receiver: Receiver) -> None:
    endpoint = shop.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["product.created"]})
    assert endpoint.secret
    shop.v1.customers.create({"email": "a@example.org"})
    shop.v1.products.create({"name": "A gift"})
    receiver.wait_for(lambda: len(receiver.got) == 1)
    assert [event.type for event in receiver.events(endpoint.secret)] == ["product.created"]
    shop.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    shop.v1.products.create({"name": "Another"})
    shop.v1.webhook_endpoints.delete(endpoint.id)
    assert shop.v1.webhook_endpoints.list().data == []
    assert len(receiver.got) == 1


def test_signatures_use_the_real_time_although_the_clock_is_ahead(shop: Shop, sandbox: StripeSandbox) -> None:
    sandbox.advance(months=6)
    shop.v1.customers.create({"email": "a@example.org"})
    delivery = sandbox.deliveries()[-1]
    # The SDK refuses a signature that is more than five minutes away from its own clock.
    event = stripe.Webhook.construct_event(
        delivery["body"], delivery["headers"]["Stripe-Signature"], sandbox.webhook_secret
    )
    assert abs(event.created - sandbox.now()) < 60
