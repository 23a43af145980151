"""The webhook: what is verified is stored once and answered 200, whatever it is; the rest is refused."""

import json
import time
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from donations.models import Donation, Payment, StripeEvent
from newsroom.models import OutgoingMail
from tests.donations.conftest import WEBHOOK_SECRET
from tests.donations.reader import Reader
from tests.donations.signing import signature_of
from tests.owner import become_owner, stop_being_owner

pytestmark = pytest.mark.django_db


@pytest.fixture
def secret(settings: Any) -> str:
    settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
    return WEBHOOK_SECRET


def event_body(**kwargs: Any) -> bytes:
    values = {
        "id": "evt_1",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": 1_795_000_000,
        "livemode": False,
        "api_version": "2026-10-28.endive",
        "data": {"object": {"id": "pi_1", "object": "payment_intent", "receipt_email": "reader@example.org"}},
    }
    return json.dumps({**values, **kwargs}).encode()


def post(client: Client, body: bytes, signature: str) -> int:
    headers = {"Stripe-Signature": signature}
    return client.post("/stripe/webhook/", body, content_type="application/json", headers=headers).status_code


def test_a_signed_event_is_stored_without_its_content(client: Client, secret: str) -> None:
    body = event_body()
    assert post(client, body, signature_of(body, secret)) == 200
    event = StripeEvent.objects.get()
    assert (event.stripe_id, event.type, event.object_id) == ("evt_1", "payment_intent.succeeded", "pi_1")
    assert (event.state, event.livemode, event.api_version) == ("received", False, "2026-10-28.endive")
    assert "reader@example.org" not in str(StripeEvent.objects.values().get())


def test_the_answer_costs_two_queries_and_no_call_to_stripe(
    client: Client, secret: str, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    body = event_body()
    with django_assert_num_queries(2):
        assert post(client, body, signature_of(body, secret)) == 200


@pytest.mark.parametrize(
    "forge",
    [
        lambda body, secret: "",
        lambda body, secret: "nonsense",
        lambda body, secret: signature_of(body, "whsec_another_secret_it_is"),
        lambda body, secret: signature_of(body + b" ", secret),
        lambda body, secret: signature_of(body, secret, at=int(time.time()) - 301),
        lambda body, secret: signature_of(body, secret).replace("v1=", "v0="),
    ],
    ids=["missing", "nonsense", "wrong secret", "other body", "too old", "wrong scheme"],
)
def test_a_body_without_a_good_signature_is_refused(client: Client, secret: str, forge: Any) -> None:
    body = event_body()
    assert post(client, body, forge(body, secret)) == 400
    assert not StripeEvent.objects.exists()


def test_an_empty_secret_believes_nobody(client: Client, settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = ""
    body = event_body()
    assert post(client, body, signature_of(body, "")) == 400


@pytest.mark.parametrize("body", [b"[]", b"\xff\xfe", b"{}", b'{"id": ""}', b'{"id": 7}', b"null"])
def test_a_signed_body_that_is_no_event_is_refused_and_breaks_nothing(client: Client, secret: str, body: bytes) -> None:
    assert post(client, body, signature_of(body, secret)) == 400


def test_an_event_about_nothing_is_stored_and_ignored(client: Client, secret: str, run_queue: Any) -> None:
    body = event_body(type="balance.available", data={"object": {"object": "balance"}}, created=None)
    assert post(client, body, signature_of(body, secret)) == 200
    assert StripeEvent.objects.get().object_id == ""


def test_a_get_is_not_answered(client: Client) -> None:
    assert client.get("/stripe/webhook/").status_code == 405


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"type": "customer.created"}, "kind not used"),
        ({"type": "some.future.kind"}, "kind not used"),
        ({"livemode": True}, "other mode"),
        ({"account": "acct_connected"}, "connected account"),
        ({"data": {"object": {"id": None}}}, "kind not used"),
        ({}, "object is gone"),
    ],
)
def test_an_event_that_is_not_for_us_is_answered_200_and_kept_with_the_reason(
    reader: Reader, given: dict[str, Any], reason: str
) -> None:
    body = event_body(**given)
    delivery = {"body": body.decode(), "headers": {"Stripe-Signature": signature_of(body, WEBHOOK_SECRET)}}
    assert reader.deliver(delivery).status_code == 200
    reader.work()
    event = StripeEvent.objects.get()
    assert (event.state, event.reason) == ("ignored", reason)
    assert not Payment.objects.exists()


def test_an_object_of_another_shop_on_the_same_account_is_left_alone(reader: Reader, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["shop.example", "testserver"]
    settings.SITE_HOST = "shop.example"
    donation = reader.start()
    reader.pay(donation)
    Donation.objects.all().delete() if not donation.sessions.exists() else donation.sessions.all().delete()
    Donation.objects.all().delete()
    settings.ALLOWED_HOSTS = ["news.example", "testserver"]
    settings.SITE_HOST = "news.example"
    reader.webhooks()
    assert not Donation.objects.exists()
    assert not Payment.objects.exists()
    reasons = set(StripeEvent.objects.filter(type__startswith="checkout").values_list("state", "reason"))
    assert reasons == {("ignored", "not ours: no metadata of ours")}


def test_an_event_of_another_api_version_is_applied_by_fetching(reader: Reader, caplog: Any) -> None:
    donation = reader.start()
    reader.pay(donation)
    intent = next(one for one in reader.sandbox.deliveries() if one["type"] == "payment_intent.succeeded")
    event = json.loads(intent["body"])
    # An old version's event has other fields in other places; only its id is used.
    event |= {"api_version": "2020-08-27", "data": {"object": {"id": event["data"]["object"]["id"], "charges": {}}}}
    body = json.dumps(event).encode()
    reader.deliver({"body": body.decode(), "headers": {"Stripe-Signature": signature_of(body, WEBHOOK_SECRET)}})
    reader.work()
    assert Payment.objects.get().state == "paid"
    assert "2020-08-27" in caplog.text


@pytest.mark.parametrize("seed", range(4))
def test_every_webhook_three_times_in_any_order_gives_one_payment_and_one_receipt(reader: Reader, seed: int) -> None:
    donation = reader.start(frequency="monthly", amount="500")
    reader.pay(donation)
    reader.webhooks(times=3, shuffle=seed)
    donation.refresh_from_db()
    payment = Payment.objects.get()
    assert (donation.state, payment.state, payment.gross) == ("given", "paid", 500)
    assert payment.net is not None
    assert OutgoingMail.objects.count() == 1
    assert not StripeEvent.objects.filter(state__in=("received", "failed")).exists()


@pytest.mark.parametrize("only", ["checkout.session.completed", "payment_intent.succeeded", "charge.succeeded"])
def test_any_single_webhook_is_enough(reader: Reader, only: str) -> None:
    donation = reader.start()
    reader.pay(donation)
    reader.webhooks(only=only)
    donation.refresh_from_db()
    assert (donation.state, Payment.objects.get().state) == ("given", "paid")


@pytest.mark.parametrize("only", ["checkout.session.completed", "invoice.paid", "payment_intent.succeeded"])
def test_any_single_webhook_of_a_recurring_gift_is_enough(reader: Reader, only: str) -> None:
    donation = reader.start(frequency="annual", amount="6000")
    reader.pay(donation)
    reader.webhooks(only=only)
    donation.refresh_from_db()
    assert (donation.state, Payment.objects.get().state, donation.recurring_gifts.get().state) == (
        "given",
        "paid",
        "active",
    )


def test_the_end_of_a_gift_before_its_last_failed_invoice_keeps_the_end(reader: Reader) -> None:
    donation = reader.give(frequency="monthly", amount="500")
    gift = donation.recurring_gifts.get()
    reader.sandbox.fail_next(gift.stripe_id, times=9)
    reader.sandbox.advance(months=1, days=25)
    for seed in range(3):
        reader.webhooks(shuffle=seed)
    gift.refresh_from_db()
    assert gift.state in ("ended", "past due")
    assert Payment.objects.count() == 1


def test_a_payment_that_stripe_would_not_show_is_asked_for_again(reader: Reader) -> None:
    donation = reader.start()
    reader.pay(donation)
    reader.sandbox.mode(server_error=50)
    reader.webhooks(only="payment_intent.succeeded")
    event = StripeEvent.objects.get(type="payment_intent.succeeded")
    assert event.state == "received"
    assert event.tries == 1
    assert event.error
    reader.sandbox.mode(server_error=0)
    StripeEvent.objects.update(not_before=event.received_at)
    reader.tick()
    event.refresh_from_db()
    assert event.state == "applied"
    assert Payment.objects.get().state == "paid"


def test_an_error_of_the_database_is_kept_without_the_row_it_quotes(reader: Reader, caplog: Any) -> None:
    with connection.cursor() as cursor:
        become_owner(cursor, are_triggers_suspended=False)
        cursor.execute("ALTER TABLE donations_donor ADD CONSTRAINT no_ana CHECK (name <> 'Ana')")
        stop_being_owner(cursor)
    donation = reader.start(name="Ana", is_anonymous="", note="For Vera")
    reader.pay(donation)
    reader.webhooks(only="payment_intent.succeeded")
    event = StripeEvent.objects.get()
    assert (event.state, event.error) == ("received", "IntegrityError no_ana")
    assert event.stripe_id in caplog.text
    for secret in ("reader@example.org", "Ana", "Failing row"):
        assert secret not in caplog.text
