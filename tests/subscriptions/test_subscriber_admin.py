"""What staff see of readers, and what they cannot touch."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from newsroom import preparing
from newsroom.models import HistoryEntry
from subscriptions.models import Consent, Newsletter, PrivacyPolicy, Subscription
from tests.subscriptions.factories import make_newsletter, make_policy, make_subscription


@pytest.fixture
def subscription(newsletter: Newsletter) -> Subscription:
    return make_subscription(newsletter=newsletter, email="lena@example.org")


@pytest.mark.parametrize(
    "model",
    ["subscriber", "subscription", "consent", "signuprequest", "unsubscribereason", "newsletter", "privacypolicy"],
)
def test_lists_and_pages_open(staff_client: Client, subscription: Subscription, model: str) -> None:
    listed = staff_client.get(f"/admin/subscriptions/{model}/")
    assert listed.status_code == 200
    for row in list(listed.context["cl"].result_list)[:1]:
        assert staff_client.get(f"/admin/subscriptions/{model}/{row.pk}/change/").status_code == 200


def test_search_finds_one_exact_address_in_any_spelling(staff_client: Client, subscription: Subscription) -> None:
    make_subscription(newsletter=subscription.newsletter, email="helena@example.org")
    found = staff_client.get("/admin/subscriptions/subscriber/", {"q": " Lena@EXAMPLE.org"})
    assert [one.email for one in found.context["cl"].result_list] == ["lena@example.org"]
    for nonsense in ("lena", "%", "'; --"):
        found = staff_client.get("/admin/subscriptions/subscriber/", {"q": nonsense})
        assert not found.context["cl"].result_list


@pytest.mark.parametrize(
    ("model", "query"),
    [("delivery", {"reason": "refused"}), ("mailevent", {"kind": "bounced"}), ("subscriber", {"language": "en"})],
)
def test_filters_of_long_lists_ask_no_table_for_its_values(
    staff_client: Client, subscription: Subscription, model: str, query: dict[str, str]
) -> None:
    with CaptureQueriesContext(connection) as captured:
        response = staff_client.get(f"/admin/subscriptions/{model}/", query)

    assert response.status_code == 200
    assert not [one["sql"] for one in captured if "DISTINCT" in one["sql"]]


def test_languages_filter_readers(staff_client: Client, subscription: Subscription) -> None:
    listed = {
        language: [
            one.email
            for one in staff_client.get("/admin/subscriptions/subscriber/", {"language": language})
            .context["cl"]
            .result_list
        ]
        for language in ("en", "ru")
    }
    assert listed == {"en": ["lena@example.org"], "ru": []}


def test_ledger_is_searched_by_subject(staff_client: Client, subscription: Subscription) -> None:
    make_subscription(newsletter=subscription.newsletter)
    subject = subscription.subscriber.subject
    found = staff_client.get("/admin/subscriptions/consent/", {"q": str(subject)})
    assert {row.subject for row in found.context["cl"].result_list} == {subject}
    assert not staff_client.get("/admin/subscriptions/consent/", {"q": "lena"}).context["cl"].result_list


@pytest.mark.parametrize("model", ["subscriber", "subscription", "consent"])
def test_facts_cannot_be_added_changed_or_deleted(staff_client: Client, subscription: Subscription, model: str) -> None:
    pk = {"subscriber": subscription.subscriber_id, "subscription": subscription.pk, "consent": 1}[model]
    assert staff_client.get(f"/admin/subscriptions/{model}/add/").status_code == 403
    assert (
        staff_client.post(f"/admin/subscriptions/{model}/{pk}/change/", {"email": "x@example.org"}).status_code == 403
    )
    assert staff_client.post(f"/admin/subscriptions/{model}/{pk}/delete/", {"post": "yes"}).status_code == 403


def test_lists_do_not_count_the_table(
    staff_client: Client, subscription: Subscription, django_assert_max_num_queries: Any
) -> None:
    # The first page of a session notes the browser as well.
    staff_client.get("/admin/account/")
    with django_assert_max_num_queries(12) as captured:
        staff_client.get("/admin/subscriptions/subscriber/")
    for query in captured.captured_queries:
        if "COUNT(" in query["sql"] and "subscriptions_subscriber" in query["sql"]:
            assert "LIMIT" in query["sql"]


def test_staff_unsubscribe_with_proof_and_history(staff_client: Client, subscription: Subscription) -> None:
    chosen = {"action": "unsubscribe", "_selected_action": [subscription.pk]}
    page = staff_client.post("/admin/subscriptions/subscription/?state__exact=active", chosen).content.decode()
    assert "1 reader gets these newsletters no longer" in page
    assert f'name="_selected_action" value="{subscription.pk}"' in page
    subscription.refresh_from_db()
    assert subscription.state == Subscription.State.ACTIVE, "nothing was done yet"
    staff_client.post("/admin/subscriptions/subscription/?state__exact=active", {**chosen, "confirmed": "yes"})
    subscription.refresh_from_db()
    assert subscription.state == Subscription.State.UNSUBSCRIBED
    withdrawn = Consent.objects.order_by("-position")[0]
    assert (withdrawn.method, withdrawn.reason) == ("staff", "the reader asked the newsroom")
    entry = HistoryEntry.objects.get(action="subscription.ended")
    assert entry.actor == User.objects.get(username="staff")
    assert "lena" not in str(entry.object_text)


def test_published_policy_is_read_only_and_draft_is_not(staff_client: Client, db: None) -> None:
    published = make_policy(texts={"en": "<p>We keep your address.</p><p>We <b>sell</b> nothing.</p>"})
    draft = make_policy(is_published=False, texts={"en": "<p>We keep your address & name.</p><p>We sell nothing.</p>"})
    page = staff_client.get(f"/admin/subscriptions/privacypolicy/{published.pk}/change/").content.decode()
    assert 'name="version"' not in page
    assert "<textarea" not in page
    page = staff_client.get(f"/admin/subscriptions/privacypolicy/{draft.pk}/change/").content.decode()
    assert 'name="version"' in page
    # Before it binds anybody for good, staff see what it changes.
    assert f"What this version changes against {published.version} (en)" in page
    assert "<ins>We keep your address &amp; name.</ins>" in page
    assert "<del>We keep your address.</del>" in page
    assert page.count("<ins>") == 1


def test_draft_is_published_by_an_action(staff_client: Client, db: None) -> None:
    draft = make_policy(is_published=False)
    undated = make_policy(is_published=False, in_force_from=None)
    response = staff_client.post(
        "/admin/subscriptions/privacypolicy/",
        {"action": "publish_drafts", "_selected_action": [draft.pk, undated.pk], "confirmed": "yes"},
        follow=True,
    )
    assert list(PrivacyPolicy.objects.published()) == [draft]
    assert f"{undated.version} was not published" in response.content.decode()


def test_slug_and_list_id_of_a_newsletter_are_fixed(staff_client: Client, db: None) -> None:
    newsletter = make_newsletter()
    page = staff_client.get(f"/admin/subscriptions/newsletter/{newsletter.pk}/change/").content.decode()
    assert 'name="slug"' not in page
    assert 'name="list_id"' not in page
    assert 'name="weekday"' in page
    assert (
        staff_client.post(f"/admin/subscriptions/newsletter/{newsletter.pk}/delete/", {"post": "yes"}).status_code
        == 403
    )


def test_dashboard_counts_the_week(staff_client: Client, subscription: Subscription) -> None:
    preparing.prepare(at=timezone.now())
    page = staff_client.get("/admin/").content.decode()
    assert "Subscribers" in page
    assert "active subscriptions" in page
