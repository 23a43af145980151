"""The database itself refuses books that cannot be true, whatever code is wrong."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from donations import statements
from donations.models import Dispute, Donation, Payment, Refund, TaxProfile
from tests.donations.factories import NOW, make_donation, make_donor, make_payment, make_recurring_gift

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"refunded": -1}, "payment_refunded_within_gross"),
        ({"refunded": 2_001}, "payment_refunded_within_gross"),
        ({"disputed": -1}, "payment_disputed_is_not_negative"),
        ({"gross": -1}, "payment_"),
        ({"charge_id": ""}, "payment_ids_are_not_empty"),
        ({"payment_intent_id": ""}, "payment_has_an_id"),
        ({"state": "given"}, "payment_"),
        ({"gift_date": None}, "payment_paid_has_a_time"),
        ({"settled": 2_000, "fee": 88, "net": 1_913, "settled_currency": "USD"}, "payment_net_is_settled_minus_fee"),
    ],
)
def test_a_payment_that_cannot_be_is_refused(values: dict[str, Any], constraint: str) -> None:
    payment = make_payment()
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Payment.objects.filter(pk=payment.pk).update(**values)


def test_a_gift_and_its_donor_that_cannot_be_are_refused() -> None:
    gift = make_recurring_gift()
    donor = make_donor()
    for row, values in (
        (gift, {"state": "ended"}),
        (gift, {"amount": 0}),
        (gift.donation, {"state": "lost"}),
        (donor, {"email": "Upper@Example.org"}),
        (donor, {"email": ""}),
        (donor, {"email": None}),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            type(row)._default_manager.filter(pk=row.pk).update(**values)
    with pytest.raises(IntegrityError, match="donor_one_per_address"), transaction.atomic():
        make_donor(email=donor.email)


@pytest.mark.parametrize("model", [Donation, Payment, Refund, Dispute])
def test_no_way_leads_out_of_what_is_final(model: Any) -> None:
    states = set(model.State.values)
    assert set(model.TRANSITIONS) == states, "each state says where it may go"
    assert all(state not in ways and ways <= states for state, ways in model.TRANSITIONS.items())


def test_a_gift_moves_only_where_the_table_leads() -> None:
    for state, ways in Donation.TRANSITIONS.items():
        for wanted in Donation.State.values:
            donation = make_donation(state=state, frequency="monthly")
            assert donation.move(wanted, at=NOW) is (wanted in ways)
            donation.refresh_from_db()
            assert donation.state == (wanted if wanted in ways else state)


def test_money_of_the_test_mode_is_on_no_statement_of_the_live_site(settings: Any) -> None:
    TaxProfile.objects.create(pk=1, legal_name="Meridian", address="Praha", country="CZ", tax_number="12345678")
    payment = make_payment()
    donor = payment.donation.donor
    assert donor is not None
    settings.STRIPE_SECRET_KEY = "sk_live_of_the_tests"
    assert statements.years_of(donor) == []
    Payment.objects.update(livemode=True)
    assert statements.years_of(donor) == [2026]
