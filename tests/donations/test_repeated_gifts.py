"""A second gift of the same sum within an hour is kept, and shown to donor and staff."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from donations import repeats
from donations.models import Donation, Payment
from tests.donations.factories import NOW, make_donation, make_donor, make_payment
from tests.donations.reader import Reader

pytestmark = pytest.mark.django_db

WORDS = "You gave the same sum"


@pytest.mark.parametrize("shuffle", [None, 3])
def test_the_donor_is_told_and_staff_see_a_mark(reader: Reader, staff_client: Client, shuffle: int | None) -> None:
    first, second = reader.start(), reader.start()
    for donation in (first, second):
        assert reader.pay(donation)["error"] is None
    reader.webhooks(times=2, shuffle=shuffle)
    repeated = Payment.objects.get(repeats__isnull=False)
    assert repeated.repeats is not None
    page = reader.open(f"/support/{repeated.donation.attempt_key}/thanks/")
    assert f"{WORDS} 1 minute ago. If that was a mistake, write to" in page
    assert WORDS not in reader.open(f"/support/{repeated.repeats.donation.attempt_key}/thanks/")
    listed = staff_client.get("/admin/donations/payment/?repeated=yes").content.decode()
    assert "Same sum as before" in listed
    assert repeated.payment_intent_id in listed
    assert f"/payments/{repeated.repeats.payment_intent_id}" not in listed
    page = staff_client.get(f"/admin/donations/payment/{repeated.pk}/change/").content.decode()
    assert f'href="/admin/donations/payment/{repeated.repeats_id}/change/"' in page


def test_two_payments_learnt_in_any_order_point_the_same_way(db: None) -> None:
    donor = make_donor()
    early, late = (_paid(donor, minutes=minutes) for minutes in (0, 59))
    repeats.note(early, donor_id=donor.pk)
    late.refresh_from_db()
    assert late.repeats == early
    repeats.note(late, donor_id=donor.pk)
    early.refresh_from_db()
    assert early.repeats is None
    assert repeats.minutes_before(late.donation) == 59


@pytest.mark.parametrize(
    "other",
    [
        {"minutes": 61},
        {"minutes": 5, "gross": 2_001},
        {"minutes": 5, "currency": "EUR"},
        {"minutes": 5, "is_renewal": True},
        {"minutes": 5, "state": "pending"},
        {"minutes": 5, "donor": "another"},
    ],
)
def test_nothing_else_counts_as_the_same(db: None, other: dict[str, Any]) -> None:
    donor = make_donor()
    first = _paid(donor, minutes=0)
    second = _paid(make_donor() if other.pop("donor", "") else donor, **other)
    for payment in (first, second):
        assert payment.donation.donor is not None
        repeats.note(payment, donor_id=payment.donation.donor.pk)
    assert not Payment.objects.filter(repeats__isnull=False).exists()


def test_once_one_of_them_went_back_nobody_is_asked(db: None, client: Client) -> None:
    donor = make_donor()
    first, second = _paid(donor, minutes=0), _paid(donor, minutes=5)
    repeats.note(second, donor_id=donor.pk)
    address = f"/support/{second.donation.attempt_key}/thanks/"
    assert WORDS in client.get(address).content.decode()
    Payment.objects.filter(pk=first.pk).update(refunded=first.gross)
    assert WORDS not in client.get(address).content.decode()


def _paid(donor: Any, *, minutes: int, **kwargs: Any) -> Payment:
    donation: Donation = make_donation(state="given", donor=donor, email="")
    if kwargs.get("state") == "pending":
        kwargs |= {"paid_at": None, "gift_date": None}
    else:
        kwargs["paid_at"] = NOW + timedelta(minutes=minutes)
    return make_payment(donation=donation, **kwargs)
