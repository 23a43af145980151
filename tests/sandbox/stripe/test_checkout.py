"""Checkout Sessions from their creation to what they leave behind, in each mode."""

import re
import time
import urllib.request

import pytest
import stripe

from sandbox.stripe.testing import Refused, StripeSandbox
from tests.sandbox.stripe.shop import Shop


def test_paying_once_makes_a_payment_a_charge_and_a_movement_with_its_fee(shop: Shop) -> None:
    session = shop.session(amount=2500, client_reference_id="gift-1", payment_intent_data={"metadata": {"gift": "1"}})
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert session.expires_at == session.created + 24 * 3600
    session = shop.pay(session, name="Ada", country="DE")
    assert (session.status, session.payment_status, session.url) == ("complete", "paid", None)
    assert session.customer_details
    assert (session.customer_details.email, session.customer_details.name) == ("reader@example.org", "Ada")
    intent = shop.v1.payment_intents.retrieve(
        str(session.payment_intent), {"expand": ["latest_charge.balance_transaction"]}
    )
    assert (intent.status, intent.amount_received, intent.metadata.to_dict()) == ("succeeded", 2500, {"gift": "1"})
    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert charge.metadata.to_dict() == {"gift": "1"}
    assert charge.payment_method_details
    assert charge.payment_method_details.card
    assert charge.payment_method_details.card.country == "DE"
    movement = charge.balance_transaction
    assert isinstance(movement, stripe.BalanceTransaction)
    # 2.9 % of 25.00 is 0.725, which rounds half up, and 0.30.
    assert (movement.amount, movement.fee, movement.net) == (2500, 103, 2397)


def test_paying_once_makes_no_customer_unless_asked(shop: Shop) -> None:
    assert shop.pay(shop.session()).customer is None
    assert str(shop.pay(shop.session(customer_creation="always")).customer).startswith("cus_")


def test_events_of_a_payment_come_in_stripes_order(shop: Shop) -> None:
    shop.pay(shop.session())
    assert shop.types() == [
        "payment_intent.created",
        "charge.succeeded",
        "charge.updated",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


def test_the_movement_of_money_follows_the_charge(shop: Shop) -> None:
    shop.pay(shop.session())
    events = {event.type: event.data.object for event in shop.v1.events.list().data}
    assert events["charge.succeeded"]["balance_transaction"] is None
    assert events["charge.updated"]["balance_transaction"].startswith("txn_")


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000000069", "expired_card", "expired_card"),
        ("4000000000000127", "incorrect_cvc", "incorrect_cvc"),
        ("4000000000000119", "processing_error", "processing_error"),
        ("4100000000000019", "card_declined", "fraudulent"),
        ("4111111111111111", "card_declined", "test_mode_live_card"),
        ("4242424242424241", "incorrect_number", None),
    ],
)
def test_declined_card_leaves_the_session_open(
    shop: Shop, sandbox: StripeSandbox, card: str, code: str, decline_code: str | None
) -> None:
    session = shop.session()
    answer = sandbox.pay(session.id, card)
    assert (answer["error"]["code"], answer["error"].get("decline_code")) == (code, decline_code)
    assert answer["session"]["status"] == "open"
    assert shop.pay(session).payment_status == "paid"


def test_declines_and_the_success_after_them_share_one_payment_intent(shop: Shop, sandbox: StripeSandbox) -> None:
    session = shop.session()
    for _ in range(3):
        sandbox.pay(session.id, "4000000000000002")
    intent = shop.v1.checkout.sessions.retrieve(session.id).payment_intent
    declined = shop.v1.payment_intents.retrieve(str(intent))
    assert declined.status == "requires_payment_method"
    assert declined.last_payment_error
    assert declined.last_payment_error.decline_code == "generic_decline"
    assert shop.pay(session).payment_intent == intent
    statuses = [charge.status for charge in shop.v1.charges.list({"payment_intent": str(intent)}).data]
    assert statuses == ["succeeded", "failed", "failed", "failed"]


def test_three_d_secure_that_is_confirmed_pays(shop: Shop) -> None:
    charge = shop.charge("4000000000003220")
    assert charge.payment_method_details
    assert charge.payment_method_details.card
    assert charge.payment_method_details.card.three_d_secure
    assert charge.payment_method_details.card.three_d_secure.result == "authenticated"


def test_three_d_secure_that_fails_leaves_the_session_open(shop: Shop, sandbox: StripeSandbox) -> None:
    session = shop.session()
    answer = sandbox.pay(session.id, "4000000000003220", three_d_secure="fail")
    assert answer["error"]["code"] == "payment_intent_authentication_failure"
    assert answer["session"]["status"] == "open"
    assert sandbox.ledger()["charges"] == []


def test_subscribing_makes_a_customer_a_subscription_and_a_paid_invoice(shop: Shop) -> None:
    session = shop.session("subscription", amount=700, subscription_data={"metadata": {"gift": "2"}})
    assert session.subscription is None
    session = shop.pay(session)
    subscription = shop.v1.subscriptions.retrieve(str(session.subscription), {"expand": ["latest_invoice", "customer"]})
    assert (subscription.status, subscription.metadata.to_dict()) == ("active", {"gift": "2"})
    assert isinstance(subscription.customer, stripe.Customer)
    assert subscription.customer.email == "reader@example.org"
    assert session.customer == subscription.customer.id
    invoice = subscription.latest_invoice
    assert isinstance(invoice, stripe.Invoice)
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == ("paid", 700, "subscription_create")
    assert session.invoice == invoice.id
    method = shop.v1.payment_methods.retrieve(str(subscription.default_payment_method))
    assert method.customer == subscription.customer.id


def test_declined_subscriber_has_no_subscription(shop: Shop, sandbox: StripeSandbox) -> None:
    session = shop.session("subscription")
    sandbox.pay(session.id, "4000000000000002")
    assert shop.v1.subscriptions.list({"status": "all"}).data == []
    assert shop.pay(session).subscription


def test_saving_a_card_charges_nothing(shop: Shop, sandbox: StripeSandbox) -> None:
    customer = shop.v1.customers.create({"email": "reader@example.org"})
    session = shop.session("setup", customer=customer.id, customer_email=None)
    assert str(session.setup_intent).startswith("seti_")
    session = shop.pay(session, country="BY")
    assert (session.status, session.payment_status) == ("complete", "no_payment_required")
    intent = shop.v1.setup_intents.retrieve(str(session.setup_intent), {"expand": ["payment_method"]})
    assert isinstance(intent.payment_method, stripe.PaymentMethod)
    assert intent.payment_method.customer == customer.id
    assert intent.payment_method.card
    assert intent.payment_method.card.country == "BY"
    assert sandbox.ledger()["charges"] == []


def test_subscription_made_from_a_saved_card_is_paid_off_session(shop: Shop) -> None:
    session = shop.pay(shop.session("setup", customer_creation="always"), "4000002500003155")
    intent = shop.v1.setup_intents.retrieve(str(session.setup_intent))
    data: stripe.params.SubscriptionCreateParamsItemPriceData = {
        "currency": "usd",
        "product": shop.v1.products.create({"name": "A gift"}).id,
        "recurring": {"interval": "year"},
        "unit_amount": 5000,
    }
    subscription = shop.v1.subscriptions.create(
        {
            "customer": str(session.customer),
            "default_payment_method": str(intent.payment_method),
            "items": [{"price_data": data}],
            "off_session": True,
        }
    )
    assert subscription.status == "active"


def test_expiring_a_session_cancels_its_declined_payment(shop: Shop, sandbox: StripeSandbox) -> None:
    session = shop.session()
    sandbox.pay(session.id, "4000000000000002")
    session = shop.v1.checkout.sessions.expire(session.id)
    assert shop.v1.payment_intents.retrieve(str(session.payment_intent)).status == "canceled"


def test_expired_session_cannot_be_paid(shop: Shop, sandbox: StripeSandbox) -> None:
    session = shop.session()
    assert shop.v1.checkout.sessions.expire(session.id).status == "expired"
    with pytest.raises(Refused, match="expired"):
        sandbox.pay(session.id)
    assert "checkout.session.expired" in shop.types()


def test_complete_session_cannot_be_expired(shop: Shop) -> None:
    session = shop.pay(shop.session())
    with pytest.raises(stripe.InvalidRequestError, match="status of complete"):
        shop.v1.checkout.sessions.expire(session.id)


def test_session_expires_when_the_clock_passes_its_end(shop: Shop, sandbox: StripeSandbox) -> None:
    session = shop.session(expires_at=int(time.time()) + 1900)
    sandbox.advance(seconds=1800)
    assert shop.v1.checkout.sessions.retrieve(session.id).status == "open"
    sandbox.advance(seconds=200)
    assert shop.v1.checkout.sessions.retrieve(session.id).status == "expired"


def test_session_of_an_advanced_clock_still_lives_by_the_real_time(shop: Shop, sandbox: StripeSandbox) -> None:
    sandbox.advance(months=3)
    session = shop.session(expires_at=int(time.time()) + 1900)
    assert abs(session.created - time.time()) < 60
    assert shop.pay(session).payment_status == "paid"


def test_expired_session_is_recovered_by_its_link(shop: Shop) -> None:
    old = shop.session(after_expiration={"recovery": {"enabled": True}}, metadata={"gift": "3"})
    old = shop.v1.checkout.sessions.expire(old.id)
    assert old.after_expiration
    assert old.after_expiration.recovery
    link = old.after_expiration.recovery.url
    assert link
    for _ in range(2):
        with urllib.request.urlopen(link) as page:  # noqa: S310
            assert "/c/pay/cs_test_" in page.url
    (new,) = shop.v1.checkout.sessions.list({"status": "open"}).data
    assert (new.recovered_from, new.metadata and new.metadata.to_dict()) == (old.id, {"gift": "3"})
    assert shop.pay(new).payment_status == "paid"


def test_sessions_are_found_by_email_status_and_payment(shop: Shop) -> None:
    mine = shop.pay(shop.session(customer_email="me@example.org"))
    shop.session(customer_email="you@example.org")
    found = [
        shop.v1.checkout.sessions.list({"customer_details": {"email": "me@example.org"}}),
        shop.v1.checkout.sessions.list({"payment_intent": str(mine.payment_intent)}),
        shop.v1.checkout.sessions.list({"status": "complete"}),
    ]
    assert [[session.id for session in listed.data] for listed in found] == [[mine.id]] * 3


def test_two_presses_of_the_button_are_one_payment(shop: Shop, sandbox: StripeSandbox) -> None:
    session = shop.pay(shop.session())
    with pytest.raises(Refused, match="complete"):
        sandbox.pay(session.id)
    assert len(sandbox.ledger()["charges"]) == 1


def test_yen_have_no_decimals(shop: Shop) -> None:
    session = shop.session(currency="jpy", amount=500)
    with urllib.request.urlopen(str(session.url)) as page:  # noqa: S310
        assert re.search("¥500(?!\\.)", page.read().decode())
    assert shop.pay(session).amount_total == 500


def test_manual_capture_is_unpaid_until_it_is_captured(shop: Shop) -> None:
    session = shop.pay(shop.session(payment_intent_data={"capture_method": "manual"}))
    assert (session.status, session.payment_status) == ("complete", "unpaid")
    shop.v1.payment_intents.capture(str(session.payment_intent))
    assert shop.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
