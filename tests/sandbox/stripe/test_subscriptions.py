"""Subscriptions as requests create, change, pause and end them."""

from typing import Any

import pytest
import stripe

from sandbox.stripe.testing import StripeSandbox
from tests.sandbox.stripe.shop import Shop

DAY = 86_400


def price_data(shop: Shop, amount: int = 1000, **more: Any) -> Any:
    product = shop.v1.products.create({"name": "A gift"}).id
    return {"currency": "usd", "product": product, "recurring": {"interval": "month"}, "unit_amount": amount, **more}


def make(shop: Shop, card: str = "4242424242424242", **more: Any) -> stripe.Subscription:
    customer = shop.customer(card)
    parameters: Any = {"customer": customer.id, "items": [{"price_data": price_data(shop)}], "off_session": True}
    return shop.v1.subscriptions.create(parameters | more)


def test_creating_charges_the_first_invoice(shop: Shop) -> None:
    subscription = make(shop, metadata={"gift": "1"}, expand=["latest_invoice.payments"])
    assert subscription.status == "active"
    assert isinstance(subscription.latest_invoice, stripe.Invoice)
    assert subscription.latest_invoice.status == "paid"
    assert subscription.latest_invoice.parent
    assert subscription.latest_invoice.parent.subscription_details
    assert subscription.latest_invoice.parent.subscription_details.metadata
    assert subscription.latest_invoice.parent.subscription_details.metadata.to_dict() == {"gift": "1"}


def test_declined_first_payment_leaves_it_incomplete_and_then_expired(shop: Shop, sandbox: StripeSandbox) -> None:
    subscription = make(shop, "4000000000000341")
    assert subscription.status == "incomplete"
    sandbox.advance(days=1)
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "incomplete_expired"
    assert shop.v1.invoices.retrieve(str(subscription.latest_invoice)).status == "void"


def test_incomplete_subscription_becomes_active_when_its_invoice_is_paid(shop: Shop, sandbox: StripeSandbox) -> None:
    subscription = make(shop, "4000000000000341")
    sandbox.change_card(str(subscription.customer))
    assert shop.v1.invoices.pay(str(subscription.latest_invoice)).status == "paid"
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_error_if_incomplete_makes_nothing(shop: Shop) -> None:
    with pytest.raises(stripe.CardError):
        make(shop, "4000000000000341", payment_behavior="error_if_incomplete")
    assert shop.v1.subscriptions.list({"status": "all"}).data == []


def test_default_incomplete_waits_for_the_payment(shop: Shop) -> None:
    subscription = make(shop, payment_behavior="default_incomplete")
    assert subscription.status == "incomplete"
    assert shop.v1.charges.list().data == []


def test_amount_changes_without_proration_from_the_next_renewal_on(shop: Shop, sandbox: StripeSandbox) -> None:
    subscription = make(shop)
    item = subscription["items"].data[0]
    sandbox.advance(days=10)
    changed = shop.v1.subscriptions.update(
        subscription.id,
        {
            "items": [{"id": item.id, "price_data": price_data(shop, 2500)}],
            "proration_behavior": "none",
            "metadata": {"amount": "2500"},
        },
    )
    assert changed["items"].data[0].price.unit_amount == 2500
    assert changed["items"].data[0].current_period_end == item.current_period_end
    sandbox.advance(months=1)
    assert [invoice.total for invoice in shop.v1.invoices.list().data] == [2500, 1000]


def test_proration_puts_the_difference_on_the_next_invoice(shop: Shop, sandbox: StripeSandbox) -> None:
    subscription = make(shop)
    item = subscription["items"].data[0]
    half = (item.current_period_end - item.current_period_start) // 2
    sandbox.advance(seconds=half)
    shop.v1.subscriptions.update(subscription.id, {"items": [{"id": item.id, "price_data": price_data(shop, 3000)}]})
    sandbox.advance(months=1)
    invoice = shop.v1.invoices.list().data[0]
    assert [line.amount for line in invoice.lines.data] == [-500, 1500, 3000]
    assert [line.amount for line in shop.v1.invoices.line_items.list(invoice.id).data] == [-500, 1500, 3000]


def test_updating_an_item_alone_does_the_same(shop: Shop) -> None:
    subscription = make(shop)
    item = subscription["items"].data[0]
    changed = shop.v1.subscription_items.update(
        item.id, {"price_data": price_data(shop, 700), "proration_behavior": "none"}
    )
    assert changed.price.unit_amount == 700


@pytest.mark.parametrize(
    "change", [{"currency": "eur"}, {"recurring": {"interval": "year"}}, {"unit_amount": 10}, {"product": "prod_x"}]
)
def test_change_that_is_refused_changes_nothing(shop: Shop, change: dict[str, Any]) -> None:
    subscription = make(shop)
    item = subscription["items"].data[0]
    changes: Any = {"items": [{"id": item.id, "price_data": price_data(shop, **change)}], "proration_behavior": "none"}
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.subscriptions.update(subscription.id, changes)
    assert shop.v1.subscriptions.retrieve(subscription.id)["items"].data[0].price.unit_amount == 1000


def test_cancelling_now_ends_it(shop: Shop) -> None:
    subscription = make(shop)
    ended = shop.v1.subscriptions.cancel(subscription.id, {"cancellation_details": {"comment": "Thank you"}})
    assert ended.status == "canceled"
    assert ended.ended_at == ended.canceled_at
    assert ended.cancellation_details
    assert (ended.cancellation_details.reason, ended.cancellation_details.comment) == (
        "cancellation_requested",
        "Thank you",
    )
    assert shop.types()[-1] == "customer.subscription.deleted"
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription"):
        shop.v1.subscriptions.cancel(subscription.id)
    with pytest.raises(stripe.InvalidRequestError, match="can only update its"):
        shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})


def test_cancelling_at_the_end_lets_the_period_run_out(shop: Shop, sandbox: StripeSandbox) -> None:
    subscription = shop.v1.subscriptions.update(make(shop).id, {"cancel_at_period_end": True})
    assert subscription.status == "active"
    assert subscription.cancel_at == subscription["items"].data[0].current_period_end
    sandbox.advance(months=1, days=1)
    ended = shop.v1.subscriptions.retrieve(subscription.id)
    assert (ended.status, ended.ended_at) == ("canceled", subscription.cancel_at)
    assert len(shop.v1.invoices.list().data) == 1


def test_end_that_is_taken_back_does_not_come(shop: Shop, sandbox: StripeSandbox) -> None:
    subscription = make(shop)
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    kept = shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert (kept.cancel_at, kept.canceled_at) == (None, None)
    sandbox.advance(months=1, days=1)
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_cancel_at_a_moment(shop: Shop, sandbox: StripeSandbox) -> None:
    subscription = shop.v1.subscriptions.update(make(shop).id, {"cancel_at": sandbox.now() + 5 * DAY})
    sandbox.advance(days=6)
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "canceled"


@pytest.mark.parametrize(
    ("behavior", "status"), [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")]
)
def test_paused_subscription_collects_nothing(shop: Shop, sandbox: StripeSandbox, behavior: str, status: str) -> None:
    changes: Any = {"pause_collection": {"behavior": behavior}}
    subscription = shop.v1.subscriptions.update(make(shop).id, changes)
    assert (subscription.status, subscription.pause_collection is not None) == ("active", True)
    sandbox.advance(months=1, days=1)
    assert [invoice.status for invoice in shop.v1.invoices.list().data] == [status, "paid"]
    assert len(sandbox.ledger()["movements"]) == 1


def test_pause_ends_by_itself(shop: Shop, sandbox: StripeSandbox) -> None:
    pause: Any = {"behavior": "void", "resumes_at": sandbox.now() + 40 * DAY}
    subscription = shop.v1.subscriptions.update(make(shop).id, {"pause_collection": pause})
    sandbox.advance(months=3, days=1)
    assert shop.v1.subscriptions.retrieve(subscription.id).pause_collection is None
    assert [invoice.status for invoice in shop.v1.invoices.list().data] == ["paid", "paid", "void", "paid"]


def test_pause_is_lifted_by_an_empty_value(shop: Shop) -> None:
    subscription = make(shop)
    shop.v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": "void"}})
    assert shop.v1.subscriptions.update(subscription.id, {"pause_collection": ""}).pause_collection is None


def test_events_of_an_update_name_the_old_values(shop: Shop) -> None:
    subscription = make(shop)
    shop.v1.subscriptions.update(subscription.id, {"metadata": {"a": "1"}})
    event = shop.v1.events.list({"type": "customer.subscription.updated"}).data[0]
    assert event.to_dict()["data"]["previous_attributes"] == {"metadata": {}}


def test_list_leaves_out_ended_ones_unless_asked(shop: Shop) -> None:
    running, ended = make(shop), make(shop)
    shop.v1.subscriptions.cancel(ended.id)
    lists: dict[str, list[str]] = {
        status: [one.id for one in shop.v1.subscriptions.list({"status": status}).data]  # type: ignore[typeddict-item]
        for status in ("all", "canceled", "ended", "active")
    }
    assert lists == {"all": [ended.id, running.id], "canceled": [ended.id], "ended": [ended.id], "active": [running.id]}
    assert [one.id for one in shop.v1.subscriptions.list().data] == [running.id]


def test_deleting_the_customer_ends_the_subscription(shop: Shop) -> None:
    subscription = make(shop)
    gone = shop.v1.customers.delete(str(subscription.customer))
    assert gone.deleted
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert shop.v1.customers.retrieve(str(subscription.customer)).deleted
    assert shop.v1.customers.list().data == []
