"""A gift remembers the campaign whose link led to the form, if staff registered it, and nothing else."""

import uuid
from urllib.parse import parse_qs, urlsplit

import pytest

from donations import stripe_api
from donations.models import Campaign, Donation
from tests.donations.reader import Reader

pytestmark = pytest.mark.django_db

FORM = {"frequency": "once", "once_amount": "2000", "currency": "USD"}


@pytest.fixture(autouse=True)
def campaigns(db: None) -> None:
    Campaign.objects.create(code="autumn", name="Autumn letter")
    Campaign.objects.create(code="spring", name="Spring letter", is_active=False)


def campaign_after(reader: Reader, referer: str) -> str:
    """Send the form from a page, go on with its attempt, and return what the donation remembers."""
    headers = {"Referer": referer} if referer else {}
    address = urlsplit(reader.client.get("/support/", FORM, headers=headers)["Location"])
    chosen = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert set(chosen) <= {"frequency", "amount", "currency", "language", "campaign"}
    key = uuid.UUID(address.path.split("/")[2])
    assert reader.submit(key, **chosen).status_code == 303
    return Donation.objects.get(attempt_key=key).campaign


def test_the_campaign_of_the_page_with_the_form_is_kept_and_told_to_stripe(reader: Reader) -> None:
    assert campaign_after(reader, "http://testserver/story/?utm_campaign=autumn&utm_source=mail") == "autumn"
    (session,) = stripe_api.each_checkout_session(Donation.objects.get().created_at)
    assert stripe_api.plain(session.metadata)["newsroom_campaign"] == "autumn"
    assert "mail" not in stripe_api.plain(session.metadata).values()


@pytest.mark.parametrize(
    "referer",
    [
        "",
        "http://testserver/story/",
        "https://elsewhere.example/?utm_campaign=autumn",
        "http://testserver.elsewhere.example/?utm_campaign=autumn",
        "http://testserver/?utm_campaign=spring",
        "http://testserver/?utm_campaign=unknown",
        "http://testserver/?utm_campaign=reader%40example.org",
        "http://testserver/?utm_campaign=%00",
        "http://[broken/?utm_campaign=autumn",
        "not a page",
    ],
)
def test_nothing_else_is_kept(reader: Reader, referer: str) -> None:
    assert campaign_after(reader, referer) == ""


def test_a_campaign_typed_into_the_address_is_kept_only_if_registered(reader: Reader) -> None:
    for code, kept in (("autumn", "autumn"), ("spring", ""), ("<script>", "")):
        key = uuid.uuid4()
        assert reader.submit(key, campaign=code).status_code == 303
        assert Donation.objects.get(attempt_key=key).campaign == kept
