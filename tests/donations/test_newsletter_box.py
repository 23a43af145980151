"""The newsletter box beside a gift: un-ticked, exact in its words, and kept whatever becomes of the gift."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from donations.models import CheckoutSession, Donation, GivingTerms
from newsroom.models import OutgoingMail
from subscriptions import signup
from subscriptions.models import Consent, Newsletter, SignupRequest, Subscription
from tests.donations.reader import Reader
from tests.subscriptions.factories import make_newsletter, make_policy

pytestmark = pytest.mark.django_db

CHOICE = {"frequency": "once", "amount": "2000", "currency": "USD", "language": "en"}


@pytest.fixture
def letter(db: None) -> Newsletter:
    make_policy(version="2026-box")
    return make_newsletter(name="Friday Letter")


def statement_on(client: Client, attempt_key: uuid.UUID) -> str:
    """Read the attempt's page as a reader does, and return the fingerprint of the words beside its box."""
    page = client.get(f"/support/{attempt_key}/", CHOICE).content.decode()
    found = re.search(r'name="newsletter_statement" value="([0-9a-f]{16})"', page)
    assert found is not None, page
    return found[1]


def press(reader: Reader, attempt_key: uuid.UUID, **fields: Any) -> int:
    ticked = {"newsletter": "on", "newsletter_statement": statement_on(reader.client, attempt_key)}
    return reader.submit(attempt_key, **{**ticked, **fields}).status_code


def test_the_box_is_not_ticked_and_says_what_is_agreed_to(client: Client, amounts: None, letter: Newsletter) -> None:
    page = client.get(f"/support/{uuid.uuid4()}/", CHOICE).content.decode()
    box = re.search(r'<input type="checkbox" name="newsletter"([^>]*)><span>(.*?)</span>', page)
    assert box is not None
    assert box[1] == ""
    assert "Send me Friday Letter every Friday. I expressly agree that" in box[2]
    assert "Privacy Policy (version 2026-box)</a>" in box[2]


def test_without_a_policy_or_a_newsletter_there_is_no_box(client: Client, amounts: None) -> None:
    assert 'name="newsletter"' not in client.get(f"/support/{uuid.uuid4()}/", CHOICE).content.decode()


def test_a_ticked_box_leads_to_one_confirmation_and_one_row_in_the_ledger(reader: Reader, letter: Newsletter) -> None:
    attempt_key = uuid.uuid4()
    for _ in range(2):
        with reader._commits(execute=True):
            assert press(reader, attempt_key) == 303
    reader.work()
    row = Consent.objects.get()
    assert (row.action, row.method, row.purpose) == ("granted", "donor-box", letter.purpose)
    assert row.policy_version == "2026-box"
    assert row.wording.startswith("Send me Friday Letter every Friday. I expressly agree")
    assert row.page == "/support/", "an attempt's key in the ledger would tie the gift to its giver for ever"
    assert Subscription.objects.get().state == "pending"
    mail = OutgoingMail.objects.get(template="confirm_subscription")
    assert (mail.address, mail.context["wording"]) == ("reader@example.org", row.wording)


def test_another_address_is_asked_as_well(reader: Reader, letter: Newsletter) -> None:
    attempt_key = uuid.uuid4()
    press(reader, attempt_key, email="wrong@example.org")
    press(reader, attempt_key, email="right@example.org")
    assert set(SignupRequest.objects.values_list("email", flat=True)) == {"wrong@example.org", "right@example.org"}


def test_a_box_left_alone_asks_for_nothing(reader: Reader, letter: Newsletter) -> None:
    reader.give()
    assert not SignupRequest.objects.exists()
    assert not Consent.objects.exists()


@pytest.mark.parametrize("how", ["left", "declined", "stripe away"])
def test_the_wish_stands_whatever_becomes_of_the_gift(reader: Reader, letter: Newsletter, how: str) -> None:
    attempt_key = uuid.uuid4()
    if how == "stripe away":
        reader.sandbox.mode(server_error=-1, method="POST", path="/v1/checkout/sessions")
    with reader._commits(execute=True):
        assert press(reader, attempt_key) == (503 if how == "stripe away" else 303)
    donation = Donation.objects.get(attempt_key=attempt_key)
    if how == "declined":
        assert reader.pay(donation, "4000000000000002")["error"]["code"] == "card_declined"
    if how == "left":
        CheckoutSession.objects.update(state="expired", parameters={}, url="")
    reader.webhooks()
    assert Consent.objects.get().method == "donor-box"
    assert OutgoingMail.objects.filter(template="confirm_subscription").count() == 1


@pytest.mark.parametrize("frequency", ["once", "monthly"])
@pytest.mark.parametrize(("card", "is_mailed"), [("4000001120000005", False), ("4242424242424242", True)])
def test_where_countries_are_blocked_the_wish_waits_for_the_country_of_the_card(
    reader: Reader, letter: Newsletter, frequency: str, card: str, is_mailed: bool
) -> None:
    """The mail to confirm names the outlet, so it must not reach a giver whose country punishes the gift."""
    GivingTerms.objects.create(pk=1, blocked_card_countries=["RU", "BY"])
    attempt_key = uuid.uuid4()
    with reader._commits(execute=True):
        assert press(reader, attempt_key, frequency=frequency) == 303
    reader.work()
    with reader._commits(execute=True):
        assert signup.sweep(at=timezone.now()) == 0
    assert SignupRequest.objects.get().held_for
    assert not OutgoingMail.objects.exists()

    reader.pay(Donation.objects.get(attempt_key=attempt_key), card)
    reader.webhooks(times=2, shuffle=3)
    assert not SignupRequest.objects.exclude(held_for="").exists()
    reader.work()

    assert not SignupRequest.objects.exists()
    assert OutgoingMail.objects.filter(template="confirm_subscription").exists() == is_mailed
    assert OutgoingMail.objects.exists() == is_mailed
    assert list(Consent.objects.values_list("method", flat=True)) == (["donor-box"] if is_mailed else [])


def test_words_that_have_changed_are_read_again_before_anything_is_kept(reader: Reader, letter: Newsletter) -> None:
    attempt_key = uuid.uuid4()
    old = statement_on(reader.client, attempt_key)
    letter.name = "Another Letter"
    letter.save()
    response = reader.submit(attempt_key, newsletter="on", newsletter_statement=old)
    assert response.status_code == 422
    page = response.content.decode()
    assert "Please read and tick again." in page
    assert re.search(r'<input type="checkbox" name="newsletter"[^>]* checked', page) is None
    assert not SignupRequest.objects.exists()
    assert not Donation.objects.exists()
