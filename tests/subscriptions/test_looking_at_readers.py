"""Who looks at a reader leaves a trace; a reader's history stands on one page; and readers are counted by week."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client

from donations.models import StripeCustomer
from newsroom import persons, registry
from newsroom.addresses import address_hash
from newsroom.mail import queue_mail
from newsroom.models import HistoryEntry, StaffMember
from subscriptions import importing, weeks
from subscriptions.models import Delivery, MailEvent, Newsletter, PolicyText, SignupRequest, Subscription
from tests.donations.factories import make_donation, make_donor, make_payment, make_recurring_gift
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
        ("subscriber.listed", "None"),
        ("subscriber.searched", "None"),
        ("subscriber.viewed", str(reader.pk)),
        ("donor.viewed", str(donor.pk)),
        ("subscription.viewed", str(subscription.pk)),
        ("subscriber.searched", "None"),
    ]
    assert looks.order_by("pk")[0].after == {"filter": []}
    assert looks.order_by("pk")[1].after == {"address_hash": address_hash("lena@example.org")}
    assert "lena" not in str(list(HistoryEntry.objects.values()))

    about = staff_client.get(ACCESS, {"q": "LENA@example.org"}).context["cl"].result_list
    assert {entry.action for entry in about} == {
        "subscriber.searched", "subscriber.viewed", "donor.viewed", "subscription.viewed",
    }  # fmt: skip
    assert len(about) == 4
    assert not staff_client.get(ACCESS, {"q": "nobody"}).context["cl"].result_list
    out = staff_client.get(ACCESS, {"deed": "searched"}).context["cl"].result_list
    assert [entry.action for entry in out] == ["subscriber.searched"] * 2

    leafed = staff_client.get(ACCESS, {"deed": "listed"}).context["cl"].result_list
    assert [entry.action for entry in leafed] == ["subscriber.listed"]
    assert not staff_client.get(ACCESS, {"deed": "out"}).context["cl"].result_list

    # Who looked stays known after the reader is gone, by the hash alone.
    persons.erase("lena@example.org", at=datetime.now(UTC))
    found = staff_client.get(ACCESS, {"q": "lena@example.org"}).context["cl"].result_list
    assert [entry.action for entry in found] == ["subscriber.searched"]


def test_every_list_and_page_that_shows_an_address_writes_down_who_saw_it(
    staff_client: Client, subscription: Subscription
) -> None:
    """Every list of the admin that has a row is opened, its newest row too, and searched for the address."""
    address = "lena@example.org"
    at = datetime.now(UTC)
    donor = make_donor(email=address)
    StripeCustomer.objects.create(donor=donor, stripe_id="cus_1", livemode=False, created_at=at)
    gift = make_recurring_gift(donation=make_donation(donor=donor, email=address))
    make_payment(donation=gift.donation)
    Delivery.objects.create(issue=make_issue(newsletter=subscription.newsletter), subscription=subscription)
    queue_mail(key="x", template="notice", to=address, context={"title": "t", "words": "w", "url": ""}, at=at)
    SignupRequest.objects.create(
        email=address, newsletter=subscription.newsletter, policy_text=PolicyText.objects.get(), wording="w",
        language="en", page="/", method="form", requested_at=at, not_before=at,
    )  # fmt: skip
    importing.receive(
        [f"email\n{address}\n".encode()], newsletter=subscription.newsletter, file_name="a.csv", source="A list",
        wording="Send me.", evidence="In the safe", by=None, at=at,
    )  # fmt: skip
    shown, searched = set(), set()
    for model, model_admin in admin.site._registry.items():
        start = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        rows = list(model._default_manager.order_by("-pk").values_list("pk", flat=True)[:1])
        if not rows or model is StaffMember:
            continue
        by_address = any(field.endswith(("email", "address")) for field in model_admin.search_fields)
        for path in [
            start,
            *(f"{start}{pk}/change/" for pk in rows),
            *([f"{start}?q={address}"] if by_address else []),
        ]:
            before = HistoryEntry.objects.filter(action__in=registry.access_actions).count()
            page = staff_client.get(path, follow=True).content.decode()
            is_noted = HistoryEntry.objects.filter(action__in=registry.access_actions).count() > before
            if path.endswith(address):
                searched.add(model._meta.model_name)
            elif address in page:
                shown.add(path)
            else:
                continue
            assert is_noted, path
    assert {start.split("/")[3] for start in shown} >= {
        "subscriber", "subscription", "delivery", "donor", "outgoingmail", "signuprequest", "subscriberimport",
    }  # fmt: skip
    assert searched >= {"subscriber", "delivery", "donor", "donation", "payment", "recurringgift", "stripecustomer"}


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
