"""What the clock does: renewals, failures and their retries, announcements, expiring cards, month ends."""

import datetime
import time
from pathlib import Path

import pytest
import stripe

from sandbox.stripe.testing import StripeSandbox
from tests.sandbox.stripe.shop import Shop


def invoices(shop: Shop) -> list[stripe.Invoice]:
    return shop.v1.invoices.list({"limit": 100, "expand": ["data.payments"]}).data


def test_renewal_is_charged_an_hour_after_the_period_ends(shop: Shop, sandbox: StripeSandbox) -> None:
    subscription = shop.subscription()
    end = subscription["items"].data[0].current_period_end
    sandbox.advance(seconds=end - sandbox.now() + 60)
    assert [invoice.status for invoice in invoices(shop)] == ["draft", "paid"]
    renewed = shop.v1.subscriptions.retrieve(subscription.id)["items"].data[0]
    assert renewed.current_period_start == end
    sandbox.advance(seconds=3600)
    invoice = invoices(shop)[0]
    assert (invoice.status, invoice.billing_reason, invoice.attempt_count) == ("paid", "subscription_cycle", 1)
    charge = shop.v1.charges.list().data[0]
    assert charge.created == end + 3600


def test_a_year_makes_twelve_renewals(shop: Shop, sandbox: StripeSandbox) -> None:
    shop.subscription(amount=1000)
    sandbox.advance(months=12, days=1)
    ledger = sandbox.ledger()
    assert len(ledger["movements"]) == 13
    assert {row["subscription"] for row in ledger["movements"]} == {ledger["subscriptions"][0]["id"]}


def test_renewal_is_announced_a_week_before(shop: Shop, sandbox: StripeSandbox) -> None:
    subscription = shop.subscription()
    end = subscription["items"].data[0].current_period_end
    sandbox.advance(seconds=end - sandbox.now() - 6 * 86_400)
    (event,) = shop.v1.events.list({"type": "invoice.upcoming"}).data
    announced = event.data.object
    assert "id" not in announced
    assert announced["parent"]["subscription_details"]["subscription"] == subscription.id
    assert announced["next_payment_attempt"] == end + 3600
    assert len(invoices(shop)) == 1


def test_failed_renewal_is_retried_after_three_five_and_seven_days(shop: Shop, sandbox: StripeSandbox) -> None:
    subscription = shop.subscription()
    sandbox.fail_next(subscription.id, times=4)
    waits = []
    sandbox.advance(months=1, days=1)
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    while (invoice := invoices(shop)[0]).next_payment_attempt:
        assert invoice.status == "open"
        waits.append(round((invoice.next_payment_attempt - sandbox.now()) / 86_400))
        sandbox.advance(seconds=invoice.next_payment_attempt - sandbox.now() + 1)
    assert waits == [2, 5, 7]
    assert invoices(shop)[0].attempt_count == 4
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    assert shop.types().count("invoice.payment_failed") == 4


def test_retry_that_succeeds_brings_it_back(shop: Shop, sandbox: StripeSandbox) -> None:
    subscription = shop.subscription()
    sandbox.fail_next(subscription.id)
    sandbox.advance(months=1, days=1)
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    sandbox.advance(days=3)
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "active"
    assert invoices(shop)[0].status == "paid"


@pytest.mark.parametrize("after", ["canceled", "unpaid"])
def test_end_of_the_retries_is_a_setting(shop: Shop, sandbox: StripeSandbox, after: str) -> None:
    sandbox.mode(after_retries=after)
    subscription = shop.subscription()
    sandbox.fail_next(subscription.id, times=4)
    sandbox.advance(days=31 + 17)
    ended = shop.v1.subscriptions.retrieve(subscription.id)
    assert ended.status == after
    if after == "canceled":
        assert ended.cancellation_details
        assert ended.cancellation_details.reason == "payment_failed"


def test_new_card_is_used_by_the_next_retry(shop: Shop, sandbox: StripeSandbox) -> None:
    customer = shop.customer("4000000000000341")
    price = shop.v1.prices.create(
        {"currency": "usd", "unit_amount": 500, "recurring": {"interval": "month"}, "product_data": {"name": "A gift"}}
    )
    sandbox.change_card(customer.id)
    subscription = shop.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
    sandbox.change_card(customer.id, "4000000000000341")
    sandbox.advance(months=1, days=1)
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    sandbox.change_card(customer.id)
    sandbox.advance(days=3)
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_open_invoice_can_be_paid_on_request(shop: Shop, sandbox: StripeSandbox) -> None:
    subscription = shop.subscription()
    sandbox.fail_next(subscription.id, times=2)
    sandbox.advance(months=1, days=1)
    invoice = invoices(shop)[0]
    with pytest.raises(stripe.CardError):
        shop.v1.invoices.pay(invoice.id)
    assert shop.v1.invoices.pay(invoice.id).status == "paid"
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        shop.v1.invoices.pay(invoice.id)


def test_voiding_an_open_invoice_stops_its_collection(shop: Shop, sandbox: StripeSandbox) -> None:
    subscription = shop.subscription()
    sandbox.fail_next(subscription.id)
    sandbox.advance(months=1, days=1)
    invoice = shop.v1.invoices.void_invoice(invoices(shop)[0].id)
    assert (invoice.status, invoice.next_payment_attempt) == ("void", None)
    sandbox.advance(days=10)
    assert len(sandbox.ledger()["movements"]) == 1


def test_renewal_that_needs_the_holder_waits_for_him(shop: Shop, sandbox: StripeSandbox) -> None:
    subscription = shop.subscription("4000002760003184")
    sandbox.advance(months=1, days=1)
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    assert "invoice.payment_action_required" in shop.types()
    invoice = invoices(shop)[0]
    assert invoice.payments
    intent = shop.v1.payment_intents.retrieve(str(invoice.payments.data[0].payment.payment_intent))
    assert intent.status == "requires_action"
    with pytest.raises(stripe.CardError) as refusal:
        shop.v1.invoices.pay(invoice.id)
    assert refusal.value.code == "invoice_payment_intent_requires_action"


def test_card_expires_on_the_sandboxs_clock(shop: Shop, sandbox: StripeSandbox) -> None:
    today = datetime.datetime.now(datetime.UTC)
    session = shop.session("subscription")
    shop.pay(session, exp_month=today.month, exp_year=today.year)
    sandbox.advance(months=1, days=1)
    charge = shop.v1.charges.list().data[0]
    assert (charge.status, charge.failure_code) == ("failed", "expired_card")


def test_cancelling_stops_the_retries_and_keeps_the_invoice(shop: Shop, sandbox: StripeSandbox) -> None:
    subscription = shop.subscription()
    sandbox.fail_next(subscription.id)
    sandbox.advance(months=1, days=1)
    shop.v1.subscriptions.cancel(subscription.id)
    sandbox.advance(days=30)
    invoice = invoices(shop)[0]
    assert (invoice.status, invoice.auto_advance, invoice.next_payment_attempt) == ("open", False, None)


def test_failing_renewals_of_several_months_stay_open_one_by_one(shop: Shop, sandbox: StripeSandbox) -> None:
    subscription = shop.subscription()
    sandbox.fail_next(subscription.id, times=5)
    sandbox.advance(months=2, days=1)
    assert [invoice.status for invoice in invoices(shop)] == ["open", "open", "paid"]
    latest = shop.v1.subscriptions.retrieve(subscription.id).latest_invoice
    assert shop.v1.invoices.pay(str(latest)).status == "paid"
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_clock_only_goes_forward(sandbox: StripeSandbox) -> None:
    before = sandbox.now()
    with pytest.raises(Exception, match="only goes forward"):
        sandbox.control("advance", to=before - 1000)


def test_test_clock_moves_its_own_customers_alone(shop: Shop, sandbox: StripeSandbox) -> None:
    start = int(datetime.datetime(2027, 1, 31, 12, tzinfo=datetime.UTC).timestamp())
    clock = shop.v1.test_helpers.test_clocks.create({"frozen_time": start})
    customer = shop.customer(test_clock=clock.id)
    price = shop.v1.prices.create(
        {"currency": "usd", "unit_amount": 500, "recurring": {"interval": "month"}, "product_data": {"name": "A gift"}}
    )
    subscription = shop.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
    assert subscription.created == start
    other = shop.subscription()
    ends = []
    for month in (2, 3, 4):
        to = int(datetime.datetime(2027, month, 28, 23, tzinfo=datetime.UTC).timestamp()) + 3 * 86_400
        assert shop.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": to}).status == "advancing"
        item = shop.v1.subscriptions.retrieve(subscription.id)["items"].data[0]
        ends.append(datetime.datetime.fromtimestamp(item.current_period_start, datetime.UTC).strftime("%m-%d"))
    # A subscription of the 31st is billed on each month's last day and comes back to the 31st.
    assert ends == ["02-28", "03-31", "04-30"]
    assert shop.v1.test_helpers.test_clocks.retrieve(clock.id).status == "ready"
    assert len(shop.v1.invoices.list({"subscription": other.id}).data) == 1
    assert abs(sandbox.now() - datetime.datetime.now(datetime.UTC).timestamp()) < 60


def test_advancing_runs_the_products_jobs_at_the_new_time(tmp_path: Path) -> None:
    path = tmp_path / "ran"
    # The file appears under its name only when it is whole.
    command = f"sh -c 'echo \"$@\" > {path}.new && mv {path}.new {path}' ignored"
    with StripeSandbox(after_advance=command) as sandbox:
        now = sandbox.advance(days=2)
        deadline = time.monotonic() + 10
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        at = datetime.datetime.fromtimestamp(now, datetime.UTC).isoformat()
        since = datetime.datetime.fromtimestamp(now - 2 * 86_400, datetime.UTC).isoformat()
        assert path.read_text().strip() == f"--since {since} --at {at}"
