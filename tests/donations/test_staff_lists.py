"""The lists of money add up what they show, and can be taken along under a reason."""

import csv
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from donations.admin.payments import PaymentAdmin
from donations.admin.summed_lists import safe_cell
from donations.models import Donor
from newsroom.models import HistoryEntry
from tests.donations.factories import make_appeal, make_donation, make_donor, make_payment

pytestmark = pytest.mark.django_db

LISTS = ["payment", "donation", "donor"]


@pytest.fixture
def gifts(db: None) -> Donor:
    """One donor with dollars and yen, some of it returned or held, and another one with euros."""
    donor = make_donor(email="ana@example.org", name="=Ana")
    appeal = make_appeal(title='=HYPERLINK("http://evil.example")')
    dollars = make_donation(donor=donor, email="", state="given", appeal=appeal, amount=2_000, fee_cover=91)
    make_payment(donation=dollars, refunded=500)
    make_payment(donation=dollars, is_renewal=True, disputed=2_091)
    yen = make_donation(donor=donor, email="", state="given", amount=5_000, currency="JPY")
    make_payment(donation=yen)
    make_payment(donation=make_donation(donor=make_donor(), email="", state="given", amount=700, currency="EUR"))
    failed = make_donation(email="left@example.org", state="failed", amount=900)
    make_payment(donation=failed, state="failed", paid_at=None, gift_date=None)
    return donor


def totals(client: Client, address: str) -> dict[str, list[str]]:
    response = client.get(address)
    assert response.status_code == 200
    rows = response.context["totals"]
    assert '<table class="totals">' in response.content.decode() or rows == []
    return {row.currency: [str(row.number), *row.sums] for row in rows}


def test_a_list_of_payments_is_added_up_by_currency(staff_client: Client, gifts: Donor) -> None:
    assert totals(staff_client, "/admin/donations/payment/") == {
        "EUR": ["1", "€7.00", "€0.00", "€7.00"],
        "JPY": ["1", "¥5,000", "¥0", "¥5,000"],
        "USD": ["3", "$41.82", "$25.91", "$15.91"],
    }


def test_totals_follow_the_filter_and_the_search(staff_client: Client, gifts: Donor) -> None:
    first_ones = totals(staff_client, "/admin/donations/payment/?is_renewal__exact=0&currency=USD")
    assert first_ones == {"USD": ["2", "$20.91", "$5.00", "$15.91"]}
    hers = totals(staff_client, "/admin/donations/payment/?q=Ana@Example.org")
    assert set(hers) == {"USD", "JPY"}
    assert totals(staff_client, "/admin/donations/payment/?q=nobody@example.org") == {}


def test_donations_and_donors_are_added_up_too(staff_client: Client, gifts: Donor) -> None:
    assert totals(staff_client, "/admin/donations/donation/?currency=USD") == {"USD": ["2", "$29.91", "$20.91"]}
    assert totals(staff_client, "/admin/donations/donor/?q=ana@example.org") == {
        "JPY": ["1", "¥5,000", "¥0", "¥5,000"],
        "USD": ["2", "$41.82", "$25.91", "$15.91"],
    }


@pytest.mark.parametrize("name", LISTS)
def test_totals_cost_one_query(staff_client: Client, gifts: Donor, name: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert staff_client.get(f"/admin/donations/{name}/").status_code == 200
    assert len([query for query in queries if "sum(" in query["sql"].lower()]) == 1


@pytest.mark.parametrize("where", ["", "?state__exact=paid"])
def test_a_list_that_is_too_long_shows_no_half_sums(
    staff_client: Client, gifts: Donor, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(PaymentAdmin, "most_added_up", 3)
    page = staff_client.get(f"/admin/donations/payment/{where}").content.decode()
    assert "Narrow this list to at most 3 rows" in page
    assert '<table class="totals">' not in page
    assert set(totals(staff_client, "/admin/donations/payment/?currency=JPY")) == {"JPY"}


def exported(client: Client, address: str) -> list[dict[str, str]]:
    response = client.post(address, {"reason": "For the auditor"})
    assert response.status_code == 200
    assert response.streaming
    assert "no-store" in response["Cache-Control"]
    return list(csv.DictReader(StringIO(b"".join(response.streaming_content).decode())))  # type: ignore[attr-defined]


def test_the_payments_of_a_filter_are_exported_without_a_name(staff_client: Client, gifts: Donor) -> None:
    rows = exported(staff_client, "/admin/donations/payment/export/?currency=USD&state__exact=paid")
    assert tuple(rows[0]) == PaymentAdmin.columns
    assert [(row["gross"], row["refunded"], row["disputed"]) for row in rows] == [
        ("20.91", "5.00", "0.00"),
        ("20.91", "0.00", "20.91"),
    ]
    assert rows[0]["appeal"].startswith("'=HYPERLINK")
    assert "ana@example.org" not in str(rows)
    assert "=Ana" not in str(rows)
    entry = HistoryEntry.objects.get(action="payment.exported")
    assert (entry.reason, entry.after) == ("For the auditor", {"filter": ["currency", "state__exact"], "rows": 2})
    assert entry.actor is not None


def test_donations_are_exported_without_a_name(staff_client: Client, gifts: Donor) -> None:
    rows = exported(staff_client, "/admin/donations/donation/export/")
    assert [row["amount"] for row in rows] == ["20.00", "5000", "7.00", "9.00"]
    assert "@example.org" not in str(rows)
    assert HistoryEntry.objects.get(action="donation.exported").after == {"filter": [], "rows": 4}


def test_donors_are_exported_with_what_each_currency_kept(staff_client: Client, gifts: Donor) -> None:
    (row,) = exported(staff_client, "/admin/donations/donor/export/?q=ana@example.org")
    assert (row["address"], row["name"]) == ("ana@example.org", "'=Ana")
    assert (row["payments"], row["kept"]) == ("3", "JPY 5000; USD 15.91")
    assert "ana@" not in str(HistoryEntry.objects.get(action="donor.exported").after)


def test_an_export_costs_the_same_queries_for_one_row_and_for_forty(
    staff_client: Client, gifts: Donor, django_assert_max_num_queries: Any
) -> None:
    for _ in range(40):
        make_payment()
    for name in LISTS:
        with django_assert_max_num_queries(18):
            assert len(exported(staff_client, f"/admin/donations/{name}/export/")) > 40


@pytest.mark.parametrize("name", LISTS)
def test_nothing_is_exported_without_a_permission_a_reason_and_a_post(
    client: Client, staff_client: Client, django_user_model: Any, gifts: Donor, name: str
) -> None:
    address = f"/admin/donations/{name}/export/"
    for response in (staff_client.get(address), staff_client.post(address, {"reason": " "})):
        assert response.status_code == 200
        assert 'name="reason"' in response.content.decode()
    user = django_user_model.objects.create_user("reporter", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=[f"view_{one}" for one in LISTS]))
    client.force_login(user)
    assert "/export/" not in client.get(f"/admin/donations/{name}/").content.decode()
    assert client.post(address, {"reason": "x"}).status_code == 403
    assert not HistoryEntry.objects.exclude(action__endswith=".listed").exists()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
