"""Staff see facts, change what is theirs to change, and every change leaves a trace."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from donations.models import AmountRule, Appeal, Donation, GivingTerms, StripeEvent
from newsroom import preparing
from newsroom.models import HistoryEntry
from newsroom.models.site import SiteVersion
from tests.donations.factories import (
    make_appeal,
    make_donation,
    make_event,
    make_payment,
    make_recurring_gift,
    make_session,
)

pytestmark = pytest.mark.django_db

FACTS = (
    "donation", "recurringgift", "payment", "refund", "dispute", "decline", "donor", "stripecustomer", "stripeevent",
)  # fmt: skip
WRITTEN = ("appeal", "amountrule", "paymentmethodrule", "languagecurrency", "givingterms")


@pytest.mark.parametrize(
    "name", [*FACTS, "appeal", "amountrule", "paymentmethodrule", "languagecurrency", "givingterms"]
)
def test_each_list_opens(staff_client: Client, name: str) -> None:
    make_payment()
    make_recurring_gift()
    make_event()
    make_appeal()
    assert staff_client.get(f"/admin/donations/{name}/").status_code == 200


@pytest.mark.parametrize("name", FACTS)
def test_facts_cannot_be_added(staff_client: Client, name: str) -> None:
    assert staff_client.get(f"/admin/donations/{name}/add/").status_code == 403


def test_a_payment_shows_everything_and_changes_nothing(staff_client: Client) -> None:
    payment = make_payment()
    address = f"/admin/donations/payment/{payment.pk}/change/"
    page = staff_client.get(address).content.decode()
    assert payment.payment_intent_id in page
    assert f"https://dashboard.stripe.com/test/payments/{payment.payment_intent_id}" in page
    assert 'name="gross"' not in page
    assert staff_client.post(address, {"gross": "1"}).status_code == 403


def test_a_live_payment_links_to_the_live_dashboard(staff_client: Client) -> None:
    payment = make_payment(livemode=True)
    assert payment.dashboard_url == f"https://dashboard.stripe.com/payments/{payment.payment_intent_id}"


@pytest.mark.parametrize("name", ["payment", "donation", "recurringgift", "stripeevent"])
def test_a_list_costs_the_same_queries_for_one_row_and_for_forty(
    staff_client: Client, name: str, django_assert_max_num_queries: Any
) -> None:
    for _ in range(40):
        make_payment(recurring_gift=make_recurring_gift())
        make_event()
    with django_assert_max_num_queries(14):
        assert staff_client.get(f"/admin/donations/{name}/").status_code == 200


def test_a_donor_is_found_by_the_address_as_it_was_written(staff_client: Client) -> None:
    payment = make_payment()
    donor = payment.donation.donor
    assert donor is not None and donor.email is not None
    page = staff_client.get("/admin/donations/donor/", {"q": donor.email.upper()}).content.decode()
    assert donor.email in page
    assert (
        staff_client.get("/admin/donations/payment/", {"q": payment.charge_id}).content.decode().count("result_list")
        >= 1
    )


def test_an_event_is_processed_again_by_a_post_that_leaves_a_trace(staff_client: Client) -> None:
    event = make_event(state="failed", ended_at="2026-11-20T09:00Z", error="ValueError", tries=10)
    staff_client.post("/admin/donations/stripeevent/", {"action": "process_again", "_selected_action": [event.pk]})
    event.refresh_from_db()
    assert (event.state, event.error, event.tries, event.ended_at) == ("received", "", 0, None)
    entry = HistoryEntry.objects.get()
    assert (entry.action, entry.object_pk) == ("stripe_event.processed_again", str(event.pk))


def test_changing_an_amount_rule_is_recorded_with_both_values(staff_client: Client, amounts: None) -> None:
    rule = AmountRule.objects.get(currency="USD", frequency="monthly")
    data = {
        "currency": "USD",
        "frequency": "monthly",
        "minimum": "300",
        "maximum": "100000",
        "suggestions": "300,500,1000",
        "default": "500",
    }
    response = staff_client.post(f"/admin/donations/amountrule/{rule.pk}/change/", data)
    assert response.status_code == 302
    entry = HistoryEntry.objects.get(action="amountrule.changed")
    assert entry.before["minimum"] == 200
    assert entry.after["minimum"] == 300


def test_deleting_several_amounts_records_each_and_renews_the_pages(
    staff_client: Client, amounts: None, django_capture_on_commit_callbacks: Any
) -> None:
    rules = list(AmountRule.objects.filter(currency="USD"))
    SiteVersion.objects.update_or_create(pk=1, defaults={"number": 7})
    data = {"action": "delete_selected", "_selected_action": [rule.pk for rule in rules], "post": "yes"}
    with django_capture_on_commit_callbacks(execute=True):
        assert staff_client.post("/admin/donations/amountrule/", data).status_code == 302
    assert not AmountRule.objects.filter(currency="USD").exists()
    assert HistoryEntry.objects.filter(action="amountrule.deleted").count() == len(rules) == 3
    assert SiteVersion.objects.get().number > 7


def test_an_amount_rule_outside_its_own_limits_is_explained(staff_client: Client, amounts: None) -> None:
    rule = AmountRule.objects.get(currency="USD", frequency="monthly")
    data = {
        "currency": "USD",
        "frequency": "monthly",
        "minimum": "300",
        "maximum": "100000",
        "suggestions": "200,500",
        "default": "500",
    }
    response = staff_client.post(f"/admin/donations/amountrule/{rule.pk}/change/", data)
    assert "between the minimum and the maximum" in response.content.decode()


def test_the_message_of_an_appeal_is_sanitised_when_it_is_saved(staff_client: Client) -> None:
    data = {
        "title": "Help",
        "message": '<p onclick="x()">Hello<script>alert(1)</script></p>',
        "short_line": "",
        "language": "en",
        "priority": "0",
        "is_active": "on",
    }
    response = staff_client.post("/admin/donations/appeal/add/", data)
    assert response.status_code == 302, response.content.decode()
    assert Appeal.objects.get().message == "<p>Hello</p>"


def test_an_appeal_that_moved_someone_cannot_be_deleted(staff_client: Client) -> None:
    appeal = make_appeal()
    make_donation(appeal=appeal)
    assert staff_client.post(f"/admin/donations/appeal/{appeal.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_terms_are_one_row(staff_client: Client) -> None:
    GivingTerms.objects.create(pk=1)
    assert staff_client.get("/admin/donations/givingterms/add/").status_code == 403


TERMS = {
    "is_open": "on",
    "currency": "eur",
    "fee_basis_points": "290",
    "fee_fixed": "30",
    "blocked_card_countries": "ru, BY",
    "statement_suffix": "NEWS-1",
    "tax_time_zone": "Europe/Prague",
    "renewal_notice_days": "14",
}


def test_the_terms_are_saved_as_stripe_writes_them(staff_client: Client) -> None:
    response = staff_client.post("/admin/donations/givingterms/add/", TERMS)
    assert response.status_code == 302, response.content.decode()
    terms = GivingTerms.objects.get()
    assert (terms.currency, terms.blocked_card_countries) == ("EUR", ["RU", "BY"])
    assert (terms.statement_suffix, terms.tax_time_zone) == ("NEWS-1", "Europe/Prague")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tax_time_zone", "Europe/Praque"),
        ("statement_suffix", "Новости"),
        ("statement_suffix", "2026"),
        ("statement_suffix", "NEWS*1"),
        ("currency", "XYZ"),
        ("blocked_card_countries", "R1"),
    ],
)
def test_terms_that_would_stop_all_money_are_refused(staff_client: Client, field: str, value: str) -> None:
    response = staff_client.post("/admin/donations/givingterms/add/", {**TERMS, field: value})
    assert response.status_code == 200
    assert list(response.context["adminform"].errors) == [field]
    assert not GivingTerms.objects.exists()


def test_a_donation_shows_its_sessions_and_payments(staff_client: Client) -> None:
    payment = make_payment()
    make_session(payment.donation, state="complete")
    page = staff_client.get(f"/admin/donations/donation/{payment.donation.pk}/change/").content.decode()
    assert payment.payment_intent_id in page
    assert "cs_test_" in page
    assert str(payment.donation.attempt_key) not in page


def test_staff_without_the_permission_see_no_money(client: Client, django_user_model: Any) -> None:
    reporter = django_user_model.objects.create_user("reporter", password="x", is_staff=True)
    client.force_login(reporter)
    make_payment()
    assert client.get("/admin/donations/payment/").status_code == 403
    assert "Giving this week" not in client.get("/admin/").content.decode()
    event = make_event(state="failed", ended_at="2026-11-20T09:00Z")
    client.post("/admin/donations/stripeevent/", {"action": "process_again", "_selected_action": [event.pk]})
    assert StripeEvent.objects.get().state == "failed"


def test_the_dashboard_counts_this_week(staff_client: Client, time_machine: Any) -> None:
    make_payment(paid_at="2026-11-20T09:00Z")
    time_machine.move_to("2026-11-21T09:00Z", tick=False)
    preparing.prepare(at=timezone.now())
    page = staff_client.get("/admin/").content.decode()
    assert "Giving this week" in page
    assert "$20 (1)" in page
    assert Donation.objects.count() == 1
