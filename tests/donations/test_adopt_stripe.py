"""What a newsroom had at Stripe before is taken over once, to the cent, and what cannot be is told by id."""

import time
from io import StringIO
from typing import Any

import pytest
import stripe
from django.core.management import CommandError, call_command
from django.utils import timezone

from donations import adopting, mine
from donations.models import Donation, Donor, GivingTerms, Payment, RecurringGift
from newsroom.models import HistoryEntry, OutgoingMail, Suppression
from newsroom.suppressions import suppress
from tests.donations.reader import Reader

pytestmark = pytest.mark.django_db

BLOCKED_COUNTRY = "RU"


class Before:
    """The newsroom's account before this product: whoever wrote to Stripe then knew nothing of our metadata."""

    def __init__(self, reader: Reader) -> None:
        self.sandbox = reader.sandbox
        key = "sk_test_of_the_tests"
        self.v1 = stripe.StripeClient(key, base_addresses={"api": reader.sandbox.url}).v1
        self.sandbox.begin_in_the_past(int(time.time()) - 40 * 86_400)

    def customer(self, email: str = "Olga@Example.ORG", card: str = "4242424242424242", **more: Any) -> str:
        facts: Any = {"email": email, **more} if email else {}
        customer = self.v1.customers.create(facts)
        self.sandbox.change_card(customer.id, card)
        return customer.id

    def subscribe(self, customer: str, *items: Any, amount: int = 500, currency: str = "usd", **more: Any) -> str:
        wanted: Any = {"customer": customer, "items": list(items) or [self.item(amount, currency)], **more}
        return self.v1.subscriptions.create(wanted).id

    def item(
        self, amount: int = 500, currency: str = "usd", interval: Any = "month", count: int = 1, **more: Any
    ) -> Any:
        product = self.v1.products.create({"name": "Support"}).id
        recurring = {"interval": interval, "interval_count": count}
        return {
            "price_data": {"currency": currency, "product": product, "unit_amount": amount, "recurring": recurring},
            **more,
        }

    def today(self) -> None:
        """Let the time until now pass, with its renewals, and lose the webhooks of that time."""
        self.sandbox.return_to_present()
        self.sandbox.deliveries()


@pytest.fixture
def before(reader: Reader) -> Before:
    return Before(reader)


def run(*words: str) -> str:
    out = StringIO()
    call_command("adopt_stripe", *words, stdout=out)
    return out.getvalue()


def books() -> list[Any]:
    models = (Donor, Donation, RecurringGift, Payment, HistoryEntry, OutgoingMail)
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_a_subscription_comes_with_its_donor_and_its_history_and_goes_on_as_ours(
    reader: Reader, before: Before
) -> None:
    customer = before.customer(name=" Ольга  Щербакова ", preferred_locales=["xx-YY", "ru-RU"])
    monthly = before.subscribe(customer)
    annual = before.subscribe(before.customer("olga@example.org"), before.item(6000, "eur", "year"))
    before.today()

    told = run()
    assert "2 to take over with 3 payments" in told
    assert "Nothing was changed" in told
    assert not Donation.objects.exists()
    assert before.v1.subscriptions.retrieve(monthly).metadata.to_dict() == {}

    assert "2 to take over with 3 payments, 0 are here already" in run("--apply")
    donor = Donor.objects.get()
    assert (donor.email, donor.email_confirmed_at) == ("olga@example.org", None)
    gift = RecurringGift.objects.get(stripe_id=monthly)
    assert (gift.state, gift.amount, gift.donation.frequency, gift.donation.state) == (
        "active",
        500,
        "monthly",
        "given",
    )
    assert (gift.customer.stripe_id if gift.customer else "", gift.donation.name) == (customer, "Ольга Щербакова")
    assert gift.donation.language == "ru"
    assert gift.card_expires is not None, "the card stands on the customer here, and its end is told all the same"
    other = RecurringGift.objects.get(stripe_id=annual).donation
    assert (other.frequency, other.language) == ("annual", "en"), "each customer's gift keeps its own language"
    assert sorted(Payment.objects.values_list("gross", "is_renewal")) == [(500, False), (500, True), (6000, False)]
    assert not OutgoingMail.objects.exists(), "whoever ran these gifts has sent their receipts"

    reader.sandbox.advance(months=1)
    reader.webhooks(times=2, shuffle=4)
    renewal = Payment.objects.filter(recurring_gift=gift).latest("created_at")
    assert (renewal.is_renewal, renewal.state, Payment.objects.count()) == (True, "paid", 4)
    (receipt,) = OutgoingMail.objects.all()
    assert (receipt.template, receipt.address, receipt.key) == (
        "renewal_receipt", "olga@example.org", f"receipt:{renewal.pk}"
    )  # fmt: skip
    assert {one.stripe_id for one in mine.gifts_of(donor)} == {monthly, annual}


def test_twice_changes_nothing(reader: Reader, before: Before) -> None:
    before.subscribe(before.customer())
    ended = before.subscribe(before.customer("jan@example.org"))
    before.v1.subscriptions.cancel(ended)
    before.today()
    ours = reader.give(frequency="monthly", amount="700")
    run("--apply")
    gift = RecurringGift.objects.get(stripe_id=ended)
    assert (gift.state, gift.donation.state, gift.payments.count()) == ("ended", "ended", 1)
    reader.webhooks(times=2, shuffle=1)
    books_before, sent = books(), len(reader.sandbox.events())
    assert "0 to take over with 0 payments, 3 are here already" in run("--apply")
    assert books() == books_before
    assert len(reader.sandbox.events()) == sent, "nothing was written at Stripe either"
    assert ours.recurring_gifts.get().amount == 700


def test_an_interrupted_run_goes_on_where_it_stopped(reader: Reader, before: Before) -> None:
    for name in ("a", "b", "c"):
        before.subscribe(before.customer(f"{name}@example.org"))
    before.today()
    # One object's history breaks off after its metadata was written, and another's metadata is not taken.
    reader.sandbox.mode(server_error=2, method="GET", path="/v1/payment_intents")
    told = run("--apply")
    assert "Stripe answered" in told
    assert HistoryEntry.objects.filter(action="donation.adopted").count() < 3
    run("--apply")
    assert Payment.objects.count() == 6
    assert Donor.objects.count() == Donation.objects.count() == RecurringGift.objects.count() == 3
    assert HistoryEntry.objects.filter(action="donation.adopted").count() == 3


def test_what_cannot_be_taken_over_is_told_by_id_and_left_alone(reader: Reader, before: Before) -> None:
    customer = before.customer()
    left = {
        before.subscribe(customer, before.item(interval="week")): "every 1 weeks",
        before.subscribe(customer, before.item(count=3)): "every 3 months",
        before.subscribe(customer, before.item(), before.item(700)): "2 items",
        before.subscribe(customer, before.item(quantity=2)): "quantity is 2",
        before.subscribe(customer, amount=9000, currency="czk"): "currency CZK",
        before.subscribe(before.customer("")): "no address",
        before.subscribe(before.customer("gone@example.org")): "erased here",
        before.subscribe(before.customer("other@example.org"), metadata={"newsroom_site": "other.example"}): "",
    }
    suppress(
        "gone@example.org",
        reason=Suppression.Reason.ERASED,
        scope=Suppression.Scope.NEWSLETTERS,
        at=timezone.now(),
    )
    declined = before.subscribe(before.customer("declined@example.org", "4000000000000341"))
    before.today()
    told = run("--apply")
    assert "0 to take over with 0 payments, 0 are here already, 1 were never paid, 1 are another site's, 7 stay" in told
    lines = {line.split(":")[0]: line for line in told.splitlines()}
    assert [words for stripe_id, words in left.items() if words not in lines.get(stripe_id, "")] == []
    assert declined not in told
    assert "example.org" not in told
    assert not Donation.objects.exists()
    for stripe_id, words in left.items():
        assert bool(before.v1.subscriptions.retrieve(stripe_id).metadata.to_dict()) is (words == "")


def test_a_card_of_a_blocked_country_is_left_and_nothing_is_sent_back(reader: Reader, before: Before) -> None:
    GivingTerms.objects.create(pk=1, blocked_card_countries=[BLOCKED_COUNTRY])
    customer = before.v1.customers.create({"email": "olga@example.org"}).id
    before.sandbox.change_card(customer, "4242424242424242", country=BLOCKED_COUNTRY)
    stripe_id = before.subscribe(customer)
    before.today()
    assert f"{stripe_id}: it was paid with a card of a blocked country" in run("--apply")
    assert not Donor.objects.exists()
    assert before.v1.refunds.list().data == []


def test_single_gifts_come_only_when_asked_for(reader: Reader, before: Before) -> None:
    intent = before.v1.payment_intents.create(
        {"amount": 2500, "currency": "eur", "customer": before.customer(), "payment_method": "pm_card_visa",
         "confirm": True, "off_session": True}
    ).id  # fmt: skip
    before.subscribe(before.customer("jan@example.org"))
    before.today()
    run("--apply")
    assert not Payment.objects.filter(payment_intent_id=intent).exists()
    assert "1 to take over with 1 payments" in run("--apply", "--single-gifts")
    payment = Payment.objects.get(payment_intent_id=intent)
    assert (payment.gross, payment.donation.frequency, payment.donation.state) == (2500, "once", "given")
    assert payment.donation.donor == Donor.objects.get(email="olga@example.org")
    assert "0 to take over" in run("--apply", "--single-gifts")
    assert not OutgoingMail.objects.exists()


def test_stripe_being_away_is_told(reader: Reader, before: Before, settings: Any) -> None:
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    with pytest.raises(CommandError, match="goes on where it stopped"):
        run("--apply")
    settings.STRIPE_SECRET_KEY = ""
    with pytest.raises(CommandError, match="STRIPE_SECRET_KEY is empty"):
        run()


def test_the_attempts_address_of_a_gift_taken_over_cannot_be_guessed(settings: Any, before: Before) -> None:
    stripe_id = before.subscribe(before.customer())
    before.today()
    run("--apply")
    key = Donation.objects.get().attempt_key
    assert stripe_id not in str(key)
    assert key.version == 4
    assert adopting.ACTION in HistoryEntry.objects.values_list("action", flat=True)
