"""Lists of giving ask only what an index answers: they are opened at a million rows too (bench/staff_lists.py)."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from donations.models import Payment, RecurringGift
from tests.donations.factories import (
    make_donation,
    make_donor,
    make_event,
    make_payment,
    make_recurring_gift,
    make_session,
)

pytestmark = pytest.mark.django_db

LISTS = [model for model in admin.site._registry if model._meta.app_label == "donations"]


@pytest.fixture
def payments() -> list[Payment]:
    payments = [make_payment(invoice_id=f"in_{number}") for number in range(3)]
    for payment in payments:
        make_session(payment.donation, state="complete")
    return payments


def found(client: Client, name: str, words: str, **more: str) -> set[int]:
    response = client.get(f"/admin/donations/{name}/", {"q": words, **more})
    assert response.status_code == 200
    return {row.pk for row in response.context["cl"].result_list}


def test_a_payment_is_found_by_each_of_its_ids_and_by_its_donor(staff_client: Client, payments: list[Payment]) -> None:
    wanted = payments[1]
    donor = wanted.donation.donor
    assert donor is not None and donor.email is not None
    for words in (
        wanted.payment_intent_id,
        wanted.charge_id,
        wanted.invoice_id,
        donor.email,
        f" {donor.email.upper()} ",
    ):
        assert found(staff_client, "payment", str(words)) == {wanted.pk}
        assert found(staff_client, "payment", str(words), state="failed") == set()
    assert found(staff_client, "payment", "nobody@example.org") == set()
    assert found(staff_client, "payment", "") == {payment.pk for payment in payments}


def test_a_donation_is_found_by_its_session_and_its_payment(staff_client: Client, payments: list[Payment]) -> None:
    wanted = payments[2]
    for words in (wanted.donation.sessions.get().stripe_id, wanted.payment_intent_id):
        assert found(staff_client, "donation", str(words)) == {wanted.donation_id}


def test_a_donor_is_found_by_the_beginning_of_a_name(staff_client: Client) -> None:
    anna, other = make_donor(name="Anna Karenina"), make_donor(name="Joanna Berg")
    assert found(staff_client, "donor", "anna k") == {anna.pk}
    assert found(staff_client, "donor", str(other.email)) == {other.pk}


def test_recurring_gifts_are_filtered_by_frequency_without_their_donations(staff_client: Client) -> None:
    """Joined to their donations, a rare frequency took a third of a second among a hundred thousand gifts."""
    wanted = make_recurring_gift(
        donation=make_donation(frequency="annual", state="given", donor=make_donor(), email="")
    )
    make_recurring_gift()
    assert found(staff_client, "recurringgift", "", frequency__exact="annual") == {wanted.pk}
    rows = RecurringGift.objects.filter(frequency="annual").order_by("-started_at", "-pk")[:50]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        assert "recurring_gift_by_frequency" in rows.explain()


def test_events_are_filtered_by_what_they_are_about(staff_client: Client) -> None:
    wanted, _other = make_event(type="charge.dispute.created"), make_event(type="invoice.paid")
    assert found(staff_client, "stripeevent", "", type="charge.dispute.") == {wanted.pk}


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model.__name__)
def test_no_list_reads_its_whole_table_for_a_filter(staff_client: Client, model: type) -> None:
    """A filter whose values come from the list's own rows asks SELECT DISTINCT, which has no quick answer."""
    name = model._meta.model_name  # type: ignore[attr-defined]
    with CaptureQueriesContext(connection) as queries:
        assert staff_client.get(f"/admin/donations/{name}/").status_code == 200
    few = {"reminder", "decline", "safetyreturn", "appeal", "campaign", "amountrule", "paymentmethodrule"}
    distinct = [query["sql"] for query in queries if "SELECT DISTINCT" in query["sql"]]
    assert not distinct or name in few, distinct
