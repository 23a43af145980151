"""Who looks at a reader leaves a trace; a reader's history stands on one page; and readers are counted by week."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from newsroom import persons
from newsroom.addresses import address_hash
from newsroom.models import HistoryEntry
from subscriptions import weeks
from subscriptions.models import Delivery, MailEvent, Newsletter, Subscription
from tests.donations.factories import make_donor
from tests.subscriptions.factories import make_subscription
from tests.subscriptions.issue_factories import make_issue

ACCESS = "/admin/newsroom/personaldataaccess/"
SUBSCRIBERS = "/admin/subscriptions/subscriber/"


@pytest.fixture
def subscription(newsletter: Newsletter) -> Subscription:
    return make_subscription(newsletter=newsletter, email="lena@example.org", at=datetime.now(UTC))


def test_looks_and_searches_are_seen_in_one_list_by_the_address(
    staff_client: Client, subscription: Subscription
) -> None:
    donor = make_donor(email="lena@example.org")
    reader = subscription.subscriber
    staff_client.get(SUBSCRIBERS)
    staff_client.get(SUBSCRIBERS, {"q": " Lena@example.org"})
    staff_client.get(f"{SUBSCRIBERS}{reader.pk}/change/")
    staff_client.get(f"/admin/donations/donor/{donor.pk}/change/")
    staff_client.get(f"/admin/subscriptions/subscription/{subscription.pk}/change/")
    staff_client.get(SUBSCRIBERS, {"q": "somebody@example.org"})
    staff_client.get(f"{SUBSCRIBERS}999999/change/")
    looks = HistoryEntry.objects.exclude(action="policy.published")
    done = looks.order_by("pk").values_list("action", "object_pk")
    assert list(done) == [
        ("subscriber.searched", "None"),
        ("subscriber.viewed", str(reader.pk)),
        ("donor.viewed", str(donor.pk)),
        ("subscription.viewed", str(subscription.pk)),
        ("subscriber.searched", "None"),
    ]
    assert looks.order_by("pk")[0].after == {"address_hash": address_hash("lena@example.org")}
    assert "lena" not in str(list(HistoryEntry.objects.values()))

    about = staff_client.get(ACCESS, {"q": "LENA@example.org"}).context["cl"].result_list
    assert {entry.action for entry in about} == {
        "subscriber.searched", "subscriber.viewed", "donor.viewed", "subscription.viewed",
    }  # fmt: skip
    assert len(about) == 4
    assert not staff_client.get(ACCESS, {"q": "nobody"}).context["cl"].result_list
    out = staff_client.get(ACCESS, {"deed": "searched"}).context["cl"].result_list
    assert [entry.action for entry in out] == ["subscriber.searched"] * 2

    # Who looked stays known after the reader is gone, by the hash alone.
    persons.erase("lena@example.org", at=datetime.now(UTC))
    found = staff_client.get(ACCESS, {"q": "lena@example.org"}).context["cl"].result_list
    assert [entry.action for entry in found] == ["subscriber.searched"]


def test_list_is_for_privacy_officers(subscription: Subscription) -> None:
    for role, status in (("Privacy officer", 200), ("Editor", 403)):
        user = User.objects.create_user(role, is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client = Client()
        client.force_login(user)
        assert client.get(ACCESS).status_code == status


def test_history_of_a_reader_stands_on_one_page(
    staff_client: Client, subscription: Subscription, newsletter: Newsletter
) -> None:
    at = datetime.now(UTC)
    delivery = Delivery.objects.create(
        issue=make_issue(newsletter=newsletter), subscription=subscription, state="accepted", outcome_at=at
    )
    MailEvent.objects.create(
        source="smtp", event_id="1", kind="bounced", status_code="4.2.2", delivery=delivery, happened_at=at,
        received_at=at,
    )  # fmt: skip
    path = f"{SUBSCRIBERS}{subscription.subscriber_id}/change/"
    staff_client.get(path)
    page = staff_client.get(path)
    life = [(one.kind, one.what) for one in page.context["life"]]
    assert ("Report", "bounced 4.2.2") in life
    assert ("Consent", "confirmed · newsletter:friday · button in the confirmation · 2026-1") in life
    assert any(kind == "Issue" and "accepted by the mail server" in what for kind, what in life)
    assert any(kind == "Staff" and what.startswith("subscriber.viewed") for kind, what in life)
    assert [one.at for one in page.context["life"]] == sorted((one.at for one in page.context["life"]), reverse=True)
    assert "bounced 4.2.2" in page.content.decode()


def test_readers_are_counted_by_week(
    staff_client: Client, newsletter: Newsletter, django_assert_num_queries: object
) -> None:
    at = datetime.now(UTC)
    for days in (1, 8, 9, 20):
        make_subscription(newsletter=newsletter, at=at - timedelta(days=days))
    make_subscription(newsletter=newsletter, at=at - timedelta(days=15), state=Subscription.State.UNSUBSCRIBED)
    with django_assert_num_queries(3):  # type: ignore[operator]
        found = weeks.by_week(at=at)
    assert len(found) == weeks.SHOWN
    assert [(one.active, one.confirmed, one.ended, one.growth) for one in found[-4:]] == [
        (0, 0, 0, 0), (1, 2, 1, 1), (3, 2, 0, 2), (4, 1, 0, 1),
    ]  # fmt: skip
    page = staff_client.get("/admin/subscriptions/subscription/weeks/").content.decode()
    assert page.count("<svg viewBox") == 5
    assert "Complaints" in page
