"""What staff do to money takes a permission, a POST and a reason, and leaves a trace."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from donations import stripe_api
from donations.models import Payment, RecurringGift, Refund
from newsroom.models import HistoryEntry, OutgoingMail
from tests.donations.factories import make_payment, make_recurring_gift
from tests.donations.reader import Reader

pytestmark = pytest.mark.django_db


def refund_form(staff_client: Client, payment: Payment, **fields: str) -> dict[str, str]:
    """Open the page of a refund, and return what its form sends."""
    page = staff_client.get(f"/admin/donations/payment/{payment.pk}/refund/").content.decode()
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key is not None
    return {"amount": "5", "reason": "They asked for it", "key": key[1], **fields}


def test_a_refund_in_part_goes_back_once_and_is_recorded(reader: Reader, staff_client: Client) -> None:
    reader.give()
    payment = Payment.objects.get()
    address = f"/admin/donations/payment/{payment.pk}/refund/"
    assert "20.00" in staff_client.get(address).content.decode()
    payment.refresh_from_db()
    assert payment.refunded == 0, "looking must not refund"
    response = staff_client.post(address, refund_form(staff_client, payment))
    assert response.status_code == 302
    payment.refresh_from_db()
    assert payment.refunded == 500
    entry = HistoryEntry.objects.get(action="payment.refunded")
    sent_back = {"amount": 500, "currency": "USD", "refund": Refund.objects.get().stripe_id}
    assert (entry.reason, entry.after) == ("They asked for it", sent_back)
    assert entry.actor is not None


def test_pressing_twice_is_one_refund_and_opening_the_page_again_is_another(
    reader: Reader, staff_client: Client
) -> None:
    reader.give()
    payment = Payment.objects.get()
    address = f"/admin/donations/payment/{payment.pk}/refund/"
    form = refund_form(staff_client, payment)
    for _ in range(2):
        assert staff_client.post(address, form).status_code == 302
    payment.refresh_from_db()
    assert payment.refunded == 500
    assert HistoryEntry.objects.filter(action="payment.refunded").count() == 1
    staff_client.post(address, refund_form(staff_client, payment))
    payment.refresh_from_db()
    assert payment.refunded == 1000
    assert HistoryEntry.objects.filter(action="payment.refunded").count() == 2


def test_a_refund_whose_answer_was_lost_is_sent_once_and_recorded(reader: Reader, staff_client: Client) -> None:
    reader.give()
    payment = Payment.objects.get()
    address = f"/admin/donations/payment/{payment.pk}/refund/"
    form = refund_form(staff_client, payment)
    reader.sandbox.mode(lose_answer=2, seconds=0, path="/v1/refunds", method="POST")
    assert "only once" in staff_client.post(address, form).content.decode()
    reader.webhooks()
    assert staff_client.post(address, form).status_code == 302
    assert Refund.objects.get().amount == 500
    assert HistoryEntry.objects.filter(action="payment.refunded").count() == 1


def test_a_refund_that_cannot_be_asked_about_is_still_recorded(reader: Reader, staff_client: Client) -> None:
    reader.give()
    payment = Payment.objects.get()
    form = refund_form(staff_client, payment)
    reader.sandbox.mode(server_error=5, path=f"/v1/payment_intents/{payment.payment_intent_id}", method="GET")
    assert staff_client.post(f"/admin/donations/payment/{payment.pk}/refund/", form).status_code == 302
    assert HistoryEntry.objects.filter(action="payment.refunded").count() == 1
    payment.refresh_from_db()
    assert payment.refunded == 0, "nothing is written that Stripe has not told"


def test_a_refund_without_the_key_of_its_page_is_refused(reader: Reader, staff_client: Client) -> None:
    reader.give()
    payment = Payment.objects.get()
    address = f"/admin/donations/payment/{payment.pk}/refund/"
    assert staff_client.post(address, {"amount": "5", "reason": "x"}).status_code == 200
    assert not Refund.objects.exists()


@pytest.mark.parametrize(("amount", "reason"), [("21", "x"), ("0", "x"), ("-1", "x"), ("5", "")])
def test_a_refund_that_is_too_much_or_without_a_reason_is_refused(
    reader: Reader, staff_client: Client, amount: str, reason: str
) -> None:
    reader.give()
    payment = Payment.objects.get()
    data = refund_form(staff_client, payment, amount=amount, reason=reason)
    assert staff_client.post(f"/admin/donations/payment/{payment.pk}/refund/", data).status_code == 200
    payment.refresh_from_db()
    assert payment.refunded == 0


def test_staff_end_a_gift_with_a_reason(reader: Reader, staff_client: Client) -> None:
    reader.give(frequency="monthly", amount="500")
    gift = RecurringGift.objects.get()
    staff_client.post(f"/admin/donations/recurringgift/{gift.pk}/end/", {"reason": "By letter"})
    gift.refresh_from_db()
    assert gift.state == "ended"
    assert HistoryEntry.objects.get(action="recurring_gift.cancelled").reason == "By letter"
    assert OutgoingMail.objects.filter(template="gift_ended").count() == 1


def test_a_gift_that_stripe_does_not_end_is_not_said_to_have_ended(reader: Reader, staff_client: Client) -> None:
    reader.give(frequency="monthly", amount="500")
    gift = RecurringGift.objects.get()
    address = f"/admin/donations/recurringgift/{gift.pk}/end/"
    reader.sandbox.mode(refuse=1, path="/v1/subscriptions", method="DELETE")
    response = staff_client.post(address, {"reason": "By letter"})
    assert response.status_code == 200
    assert "Stripe refused" in response.content.decode()
    gift.refresh_from_db()
    assert gift.state == "active"
    assert not HistoryEntry.objects.filter(action="recurring_gift.cancelled").exists()
    assert staff_client.post(address, {"reason": "By letter"}).status_code == 302
    gift.refresh_from_db()
    assert gift.state == "ended"


def test_a_gift_that_had_ended_at_stripe_can_be_ended_here(reader: Reader, staff_client: Client) -> None:
    reader.give(frequency="monthly", amount="500")
    gift = RecurringGift.objects.get()
    stripe_api.cancel_subscription(gift.stripe_id)
    response = staff_client.post(f"/admin/donations/recurringgift/{gift.pk}/end/", {"reason": "By letter"})
    assert response.status_code == 302
    gift.refresh_from_db()
    assert gift.state == "ended"


def test_a_receipt_is_sent_again_at_a_wish(reader: Reader, staff_client: Client, staff_user: Any) -> None:
    reader.give()
    payment = Payment.objects.get()
    for _ in range(2):
        staff_client.post(f"/admin/donations/payment/{payment.pk}/resend/", {"reason": "Lost"})
    entries = HistoryEntry.objects.filter(action="payment.receipt_resent")
    assert [(entry.reason, entry.actor) for entry in entries] == [("Lost", staff_user)] * 2
    keys = sorted(OutgoingMail.objects.values_list("key", flat=True))
    assert keys == [f"receipt:{payment.pk}", f"receipt:{payment.pk}:again:1", f"receipt:{payment.pk}:again:2"]


ACTIONS = ["payment/{payment}/refund/", "payment/{payment}/resend/", "recurringgift/{gift}/end/"]


@pytest.mark.parametrize("what", ACTIONS)
def test_seeing_payments_is_not_moving_them(client: Client, django_user_model: Any, what: str) -> None:
    user = django_user_model.objects.create_user("reporter", password="x", is_staff=True)
    seeing = Permission.objects.filter(codename__in=("view_payment", "view_recurringgift", "view_donation"))
    user.user_permissions.set(seeing)
    client.force_login(user)
    address = "/admin/donations/" + what.format(payment=make_payment().pk, gift=make_recurring_gift().pk)
    assert client.get(address).status_code == 403
    assert client.post(address, {"amount": "1", "reason": "x"}).status_code == 403
    assert not HistoryEntry.objects.exists()


@pytest.mark.parametrize("what", ACTIONS)
def test_an_address_that_is_opened_or_posted_without_a_reason_moves_nothing(staff_client: Client, what: str) -> None:
    address = "/admin/donations/" + what.format(payment=make_payment().pk, gift=make_recurring_gift().pk)
    for response in (staff_client.get(address), staff_client.post(address, {"reason": "  "})):
        assert response.status_code == 200
        assert 'name="reason"' in response.content.decode()
    assert not HistoryEntry.objects.exists()
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize("what", ACTIONS)
def test_a_post_from_another_site_is_refused(staff_user: Any, what: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff_user)
    address = "/admin/donations/" + what.format(payment=make_payment().pk, gift=make_recurring_gift().pk)
    assert client.post(address, {"amount": "1", "reason": "x"}).status_code == 403
