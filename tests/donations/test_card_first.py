"""Where card countries are blocked, a recurring gift begins only once its card's country is known."""

from typing import Any

import pytest
from django.utils import timezone

from donations import stripe_api
from donations.models import Decline, Donation, Donor, GivingTerms, Payment, RecurringGift, SafetyReturn, StripeEvent
from donations.tasks import learn_donation
from newsroom.models import HistoryEntry, OutgoingMail
from tests.donations.reader import Reader

pytestmark = pytest.mark.django_db

BELARUS, GOOD, REFUSED_LATER, REFUSED_AT_ONCE = (
    "4000001120000005", "4242424242424242", "4000000000000341", "4000000000000002",
)  # fmt: skip


@pytest.fixture(autouse=True)
def blocked(db: None) -> GivingTerms:
    return GivingTerms.objects.create(pk=1, blocked_card_countries=["RU", "BY"])


def monthly(reader: Reader, **fields: Any) -> Donation:
    return reader.start(frequency="monthly", amount="500", name="Ana", **fields)


def everything_again() -> None:
    """Put every event back into the inbox."""
    StripeEvent.objects.update(state="received", reason="", tries=0, not_before=timezone.now(), ended_at=None)


def subscriptions() -> list[Any]:
    return list(stripe_api.each_subscription())


def the_session(reader: Reader, donation: Donation) -> Any:
    return stripe_api.retrieve_checkout_session(str(donation.sessions.get().stripe_id))


def test_the_page_at_stripe_saves_a_card_and_names_the_sum(reader: Reader) -> None:
    donation = monthly(reader, covers_fee="on")
    session = the_session(reader, donation)
    assert (session.mode, session.amount_total) == ("setup", None)
    assert session.custom_text.submit.message == "You give $5.46 every month. The first gift is charged at once."


def test_a_gift_begins_once_its_card_is_known(reader: Reader) -> None:
    donation = monthly(reader, covers_fee="on")
    assert reader.pay(donation, GOOD)["error"] is None
    assert subscriptions() == []
    reader.webhooks(times=2, shuffle=1)
    donation.refresh_from_db()
    gift, payment = RecurringGift.objects.get(), Payment.objects.get()
    assert (donation.state, gift.state, payment.state) == ("given", "active", "paid")
    assert (payment.gross, gift.amount, donation.amount, donation.fee_cover) == (546, 546, 500, 46)
    assert payment.recurring_gift == gift
    assert [mail.template for mail in OutgoingMail.objects.all()] == ["receipt"]
    assert Donor.objects.get().email == "reader@example.org"
    reader.sandbox.advance(months=1, days=1)
    reader.webhooks()
    assert Payment.objects.filter(is_renewal=True, state="paid", gross=546).count() == 1
    assert len(subscriptions()) == 1


def test_a_gift_from_a_blocked_country_is_never_charged_and_its_giver_forgotten(reader: Reader) -> None:
    donation = monthly(reader, note="For Vera")
    assert reader.pay(donation, BELARUS)["error"] is None
    customer_id = stripe_api.id_of(the_session(reader, donation).customer)
    reader.webhooks(times=2, shuffle=1)
    donation.refresh_from_db()
    assert donation.state == "returned"
    assert (donation.email, donation.name, donation.note) == ("", "", "")
    assert donation.erased_at is not None
    assert subscriptions() == []
    assert reader.sandbox.ledger()["movements"] == []
    assert stripe_api.retrieve_customer(customer_id).deleted
    assert not Donor.objects.exists()
    assert not Payment.objects.exists()
    assert not SafetyReturn.objects.exists()
    assert not OutgoingMail.objects.exists()
    entry = HistoryEntry.objects.get(action="donation.refused_for_safety")
    assert entry.after == {"country": "BY"}
    assert "reader@example.org" not in f"{entry.object_text} {entry.reason} {entry.before}"
    # Staff may change their mind about the country; what was refused stays refused.
    GivingTerms.objects.update(blocked_card_countries=["RU"])
    everything_again()
    reader.tick()
    donation.refresh_from_db()
    assert (donation.state, subscriptions()) == ("returned", [])


def test_the_giver_is_forgotten_before_stripe_forgets_the_card(reader: Reader) -> None:
    donation = monthly(reader)
    reader.pay(donation, BELARUS)
    customer_id = stripe_api.id_of(the_session(reader, donation).customer)
    deleting = {"method": "DELETE", "path": "/v1/customers"}
    reader.sandbox.mode(server_error=-1, **deleting)
    reader.webhooks()
    donation.refresh_from_db()
    assert donation.erased_at is not None
    assert not getattr(stripe_api.retrieve_customer(customer_id), "deleted", False)
    reader.sandbox.mode(server_error=0, **deleting)
    StripeEvent.objects.update(not_before=timezone.now())
    reader.tick()
    assert stripe_api.retrieve_customer(customer_id).deleted


@pytest.mark.parametrize(
    ("fault", "path"),
    [("error_after", "/v1/subscriptions"), ("lose_answer", "/v1/subscriptions"), ("server_error", "/v1/prices")],
)
def test_however_stripe_fails_there_is_one_subscription_and_one_charge(reader: Reader, fault: str, path: str) -> None:
    donation = monthly(reader)
    reader.pay(donation, GOOD)
    ordered: dict[str, Any] = {fault: 2}
    reader.sandbox.mode(None, **ordered, seconds=0, method="POST", path=path)
    reader.webhooks()
    reader.sandbox.mode(None, **dict.fromkeys(ordered, 0), method="POST", path=path)
    everything_again()
    reader.tick()
    reader.webhooks()
    donation.refresh_from_db()
    assert donation.state == "given"
    assert len(subscriptions()) == 1
    assert Payment.objects.get().gross == 500
    assert [one["amount"] for one in reader.sandbox.ledger()["movements"] if one["type"] == "charge"] == [500]


def test_without_any_webhook_the_page_after_stripes_begins_the_gift(reader: Reader) -> None:
    donation = monthly(reader)
    reader.pay(donation, GOOD)
    reader.sandbox.deliveries()
    reader.open(f"/support/{donation.attempt_key}/thanks/")
    reader.work()
    assert "Your first monthly gift of $5 has arrived." in reader.open(f"/support/{donation.attempt_key}/thanks/")


def test_a_first_charge_that_is_refused_takes_nothing_and_says_so(reader: Reader) -> None:
    donation = monthly(reader)
    assert reader.pay(donation, REFUSED_LATER)["error"] is None
    customer_id = stripe_api.id_of(the_session(reader, donation).customer)
    reader.webhooks(times=2, shuffle=3)
    donation.refresh_from_db()
    assert donation.state == "failed"
    assert subscriptions() == []
    assert not Payment.objects.exists()
    assert Decline.objects.get().code == "card_declined"
    assert stripe_api.retrieve_customer(customer_id).deleted
    page = reader.open(f"/support/{donation.attempt_key}/thanks/")
    assert "The payment did not go through. You have not been charged." in page
    assert str(donation.attempt_key) not in page.split("Try again")[0].rpartition("href=")[2]


def test_cards_that_cannot_be_saved_count_as_tried(reader: Reader) -> None:
    donation = monthly(reader)
    for _ in range(2):
        assert reader.pay(donation, REFUSED_AT_ONCE)["error"]["code"] == "card_declined"
        reader.webhooks(times=2)
    assert list(Decline.objects.values_list("code", flat=True)) == ["generic_decline"] * 2
    assert donation.sessions.get().declines == 2
    assert reader.pay(donation, GOOD)["error"] is None
    reader.webhooks()
    donation.refresh_from_db()
    assert donation.state == "given"


def test_a_lost_database_learns_the_gift_again_and_begins_no_second_one(reader: Reader) -> None:
    donation = monthly(reader)
    reader.pay(donation, GOOD)
    reader.webhooks()
    session_id = str(donation.sessions.get().stripe_id)
    for model in (OutgoingMail, Payment, RecurringGift):
        model.objects.all().delete()
    donation.sessions.all().delete()
    Donation.objects.all().delete()
    everything_again()
    reader.tick()
    again = Donation.objects.get()
    assert (again.amount, again.frequency, again.state) == (500, "monthly", "given")
    assert again.sessions.get().stripe_id == session_id
    assert len(subscriptions()) == 1
    assert Payment.objects.get().gross == 500


def test_a_page_that_is_left_ends_like_any_other(reader: Reader) -> None:
    donation = monthly(reader)
    stripe_api.expire_checkout_session(str(donation.sessions.get().stripe_id))
    reader.webhooks()
    learn_donation(donation.pk)
    donation.refresh_from_db()
    assert donation.state == "abandoned"
