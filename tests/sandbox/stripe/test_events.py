"""Listing events, and lists in general: cursors, times, kinds."""

import pytest
import stripe

from sandbox.stripe.testing import StripeSandbox
from tests.sandbox.stripe.shop import Shop


def emails(listed: stripe.ListObject[stripe.Customer]) -> list[str | None]:
    return [customer.email for customer in listed.data]


@pytest.fixture
def five(shop: Shop) -> list[stripe.Customer]:
    return [shop.v1.customers.create({"email": f"{number}@example.org"}) for number in range(5)]


def test_newest_come_first_and_the_cursor_goes_on(shop: Shop, five: list[stripe.Customer]) -> None:
    page = shop.v1.customers.list({"limit": 2})
    assert (emails(page), page.has_more) == (["4@example.org", "3@example.org"], True)
    page = shop.v1.customers.list({"limit": 2, "starting_after": page.data[-1].id})
    assert (emails(page), page.has_more) == (["2@example.org", "1@example.org"], True)
    page = shop.v1.customers.list({"limit": 2, "starting_after": page.data[-1].id})
    assert (emails(page), page.has_more) == (["0@example.org"], False)


def test_ending_before_gives_the_page_next_to_the_cursor(shop: Shop, five: list[stripe.Customer]) -> None:
    page = shop.v1.customers.list({"limit": 2, "ending_before": five[0].id})
    assert (emails(page), page.has_more) == (["2@example.org", "1@example.org"], True)
    page = shop.v1.customers.list({"limit": 10, "ending_before": five[2].id})
    assert (emails(page), page.has_more) == (["4@example.org", "3@example.org"], False)


def test_sdk_pages_by_itself(shop: Shop, five: list[stripe.Customer]) -> None:
    assert len(list(shop.v1.customers.list({"limit": 1}).auto_paging_iter())) == 5
    backwards = shop.v1.customers.list({"limit": 2, "ending_before": five[0].id}).auto_paging_iter()
    assert [customer.email for customer in backwards] == [f"{number}@example.org" for number in (1, 2, 3, 4)]


@pytest.mark.parametrize("limit", [0, 101])
def test_limit_is_between_one_and_a_hundred(shop: Shop, limit: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.v1.customers.list({"limit": limit})
    assert refusal.value.param == "limit"


def test_cursor_that_does_not_exist_is_refused(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.v1.events.list({"ending_before": "evt_nothing"})
    assert (refusal.value.http_status, refusal.value.param) == (400, "ending_before")


def test_events_by_kind_by_pattern_and_by_several(shop: Shop) -> None:
    shop.pay(shop.session())
    kinds = {
        "type": [event.type for event in shop.v1.events.list({"type": "charge.succeeded"}).data],
        "pattern": [event.type for event in shop.v1.events.list({"type": "charge.*"}).data],
        "types": [
            event.type
            for event in shop.v1.events.list({"types": ["checkout.session.completed", "payment_intent.created"]}).data
        ],
    }
    assert kinds == {
        "type": ["charge.succeeded"],
        "pattern": ["charge.updated", "charge.succeeded"],
        "types": ["checkout.session.completed", "payment_intent.created"],
    }
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.events.list({"type": "charge.succeeded", "types": ["charge.failed"]})


def test_lists_by_time(shop: Shop, sandbox: StripeSandbox) -> None:
    shop.v1.customers.create({"email": "before@example.org"})
    border = sandbox.advance(days=2)
    shop.v1.customers.create({"email": "after@example.org"})
    after = shop.v1.events.list({"created": {"gte": border}}).data
    before = shop.v1.events.list({"created": {"lt": border}}).data
    assert [event.data.object["email"] for event in after] == ["after@example.org"]
    assert [event.data.object["email"] for event in before] == ["before@example.org"]


def test_events_are_had_for_thirty_days(shop: Shop, sandbox: StripeSandbox) -> None:
    shop.v1.customers.create({"email": "old@example.org"})
    (event,) = shop.v1.events.list().data
    sandbox.advance(days=29)
    assert len(shop.v1.events.list().data) == 1
    sandbox.advance(days=2)
    assert shop.v1.events.list().data == []
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.events.retrieve(event.id)
    assert len(sandbox.events()) == 1


def test_event_keeps_the_object_as_it_was(shop: Shop) -> None:
    customer = shop.v1.customers.create({"email": "old@example.org"})
    shop.v1.customers.update(customer.id, {"email": "new@example.org"})
    updated, created = shop.v1.events.list().data
    assert created.data.object["email"] == "old@example.org"
    assert updated.data.object["email"] == "new@example.org"
    assert updated.to_dict()["data"]["previous_attributes"] == {"email": "old@example.org"}
