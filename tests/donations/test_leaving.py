"""What a donor takes along, and what stays when the person is erased."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from donations import mine, retention, stripe_api
from donations.models import Donation, Donor, Payment
from newsroom.models import OutgoingMail
from tests.donations.factories import NOW, make_donation, make_donor, make_session
from tests.donations.living import enter, monthly
from tests.donations.reader import Reader

pytestmark = pytest.mark.django_db


def test_everything_held_can_be_taken_along(reader: Reader) -> None:
    gift = monthly(reader)
    assert gift.donation.donor is not None
    enter(reader, gift.donation.donor)
    document = json.loads(reader.client.post("/support/mine/export/").content)
    assert document["address"] == "reader@example.org"
    assert document["gifts"]["payments"][0]["amount"] == "5.00"
    assert document["gifts"]["donations"][0]["frequency"] == "monthly"


def test_erasing_ends_the_gift_and_keeps_the_money_without_the_person(reader: Reader) -> None:
    gift = monthly(reader)
    donor = gift.donation.donor
    assert donor is not None
    enter(reader, donor)
    assert "You are erased" in reader.client.post("/support/mine/erase/").content.decode()
    donor.refresh_from_db()
    gift.refresh_from_db()
    assert (donor.email, donor.name) == (None, "")
    assert gift.state == "ended"
    assert Payment.objects.get().gross == 500
    assert not OutgoingMail.objects.filter(address="reader@example.org").exists()
    reader.webhooks(times=2)
    assert not Donor.objects.filter(email="reader@example.org").exists()
    assert Donation.objects.get().email == ""
    assert "Send me a link" in reader.client.get("/support/mine/").content.decode()


def open_readers_page(reader: Reader) -> str:
    """Open the page of everything held, which the newsletters' package has, and return the proof its forms carry."""
    with reader._commits(execute=True):
        reader.client.post("/newsletter/mine/ask/", {"email": "reader@example.org"})
    reader.work()
    link = OutgoingMail.objects.filter(template="own_page").latest("pk").context["url"]
    assert reader.client.post(link.replace("http://testserver", "")).status_code == 303
    page = reader.client.get("/newsletter/mine/erase/").content.decode()
    return re.findall(r'name="proof" value="(\w+)"', page)[0]


def test_erasing_on_the_readers_own_page_ends_the_gift_too(reader: Reader) -> None:
    gift = monthly(reader)
    proof = open_readers_page(reader)
    assert "It is erased" in reader.client.post("/newsletter/mine/erase/", {"proof": proof}).content.decode()
    gift.refresh_from_db()
    assert gift.state == "ended"
    assert stripe_api.retrieve_subscription(gift.stripe_id).status == "canceled"
    assert not Donor.objects.filter(email="reader@example.org").exists()


def test_nothing_is_erased_while_the_gift_cannot_be_ended(reader: Reader, settings: Any) -> None:
    monthly(reader)
    proof = open_readers_page(reader)
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    response = reader.client.post("/newsletter/mine/erase/", {"proof": proof})
    assert response.status_code == 503
    assert "nothing was erased" in response.content.decode()
    assert Donor.objects.filter(email="reader@example.org").exists()
    assert OutgoingMail.objects.filter(address="reader@example.org").exists()


def test_erasing_empties_every_call_to_stripe_that_named_the_donor(db: None) -> None:
    donation = make_donation(state="given", donor=make_donor(email="reader@example.org"), email="")
    session = make_session(donation, state="broken", parameters={"customer_email": "reader@example.org"})
    mine.erase_person("reader@example.org", timezone.now())
    session.refresh_from_db()
    assert (session.parameters, session.url) == ({}, "")


def test_abandoned_attempts_forget_their_reader_after_a_week(amounts: None) -> None:
    left = make_donation(state="abandoned")
    retention.end_attempts(left.state_at - timedelta(days=1), NOW, False)
    left.refresh_from_db()
    assert left.email
    retention.end_attempts(left.state_at + timedelta(days=1), NOW, False)
    left.refresh_from_db()
    assert left.email == ""
