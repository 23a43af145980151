"""The evidence for one person's consent, as staff take it for somebody who presents an address."""

from io import BytesIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pypdf import PdfReader

from newsroom import persons
from newsroom.models import HistoryEntry
from subscriptions.models import Consent, Newsletter, Subscription
from tests.subscriptions.factories import NOW, make_subscription

PATH = "/admin/subscriptions/consent/evidence/"
ASKED = {"address": " Lena@Example.org ", "reason": "a letter from the court", "kind": "json"}


@pytest.fixture
def subscription(newsletter: Newsletter) -> Subscription:
    return make_subscription(newsletter=newsletter, email="lena@example.org")


def test_evidence_is_complete_and_its_taking_is_recorded(staff_client: Client, subscription: Subscription) -> None:
    document = staff_client.post(PATH, ASKED).json()

    assert document["address"] == "lena@example.org"
    assert [(row["action"], row["holds"]) for row in document["rows"]] == [("granted", True), ("confirmed", True)]
    assert document["policies"][0]["text"] == "<p>We keep your address.</p>"
    assert document["policies"][0]["sha256"] == document["rows"][0]["policy_hash"]
    entry = HistoryEntry.objects.get(action="consent.evidence_taken")
    assert entry.actor is not None
    assert entry.reason == "a letter from the court"
    assert "lena" not in str(vars(entry))


def test_evidence_on_paper_says_what_was_agreed_to(staff_client: Client, subscription: Subscription) -> None:
    response = staff_client.post(PATH, ASKED | {"kind": "pdf"})

    assert response["Content-Type"] == "application/pdf"
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(response.content)).pages).split())
    rows = Consent.objects.filter(subject=subscription.subscriber.subject)
    assert rows.count() == 2
    for row in rows:
        for said in (f"{row.position}. {row.at:%Y-%m-%d %H:%M:%S} UTC", row.row_hash, " ".join(row.wording.split())):
            assert said in text
    assert "lena@example.org" in text
    assert "The row is as it was written: yes" in text


def test_who_was_erased_still_has_evidence(staff_client: Client, subscription: Subscription) -> None:
    persons.erase("lena@example.org", at=NOW)
    document = staff_client.post(PATH, ASKED).json()
    assert [row["action"] for row in document["rows"]] == ["granted", "confirmed", "withdrawn"]


@pytest.mark.parametrize(
    ("changed", "said"), [({"address": "lena"}, "not an email address"), ({"reason": " "}, "required")]
)
def test_nothing_is_given_without_an_address_and_a_reason(
    staff_client: Client, subscription: Subscription, changed: dict[str, str], said: str
) -> None:
    response: Any = staff_client.post(PATH, ASKED | changed)
    assert response.status_code == 422
    assert said in response.content.decode()
    assert not HistoryEntry.objects.filter(action="consent.evidence_taken").exists()


def test_evidence_is_for_those_who_may(client: Client, subscription: Subscription) -> None:
    client.force_login(User.objects.create_user("reporter", is_staff=True))
    assert client.get(PATH).status_code == 403
    assert client.post(PATH, ASKED).status_code == 403


def test_ledger_leads_to_the_evidence(staff_client: Client, subscription: Subscription) -> None:
    assert PATH in staff_client.get("/admin/subscriptions/consent/").content.decode()
    assert staff_client.get(PATH).status_code == 200
