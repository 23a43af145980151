"""Random histories of gifts, whose webhooks come twice, in any order or not at all: the books equal Stripe's.

The histories of one run share the database and the sandbox, and nothing is emptied between them: what is compared at
the end of each is everything so far.
"""

import os
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from donations import keeping
from donations.models import Dispute, Donation, Payment, RecurringGift, Refund, StripeEvent
from donations.reconcile import reconcile
from donations.truth import recurring
from newsroom.models import OutgoingMail
from tests.donations.conftest import _stripe_process, amounts, reader, stripe_sandbox  # noqa: F401 - fixtures.
from tests.donations.reader import Delivery, Reader

pytestmark = [pytest.mark.django_db, pytest.mark.chaos]

HISTORIES = int(os.environ.get("CHAOS_HISTORIES", "6"))
GOOD, DECLINED, DISPUTED = "4242424242424242", "4000000000009995", "4000000000000259"
IBAN = "DE89370400440532013000"

gifts = st.tuples(
    st.just("give"),
    st.sampled_from(
        [
            ("once", "USD", "2000"),
            ("once", "JPY", "5000"),
            ("monthly", "USD", "200"),
            ("monthly", "EUR", "500"),
            ("annual", "USD", "6000"),
        ]
    ),
    st.sampled_from([GOOD, GOOD, GOOD, DECLINED, DISPUTED]),
    st.booleans(),
)
debits = st.tuples(st.just("debit"), st.sampled_from(["succeeded", "failed", ""]))
picks = st.integers(0, 50)
steps = st.one_of(
    gifts,
    gifts,
    debits,
    st.tuples(st.just("advance"), st.sampled_from([1, 3, 31, 62])),
    st.tuples(st.just("refund"), picks, st.sampled_from([1, 100, 2])),
    st.tuples(st.just("dispute"), picks),
    st.tuples(st.just("decide"), picks, st.sampled_from(["won", "lost"])),
    st.tuples(st.just("fail"), picks),
    st.tuples(st.just("cancel"), picks),
    st.tuples(st.just("amount"), picks, st.sampled_from([300, 700])),
    st.tuples(st.just("deliver"), st.sampled_from(["all", "twice", "shuffled", "half", "none"]), st.integers(0, 999)),
)


class History:
    """One random life, and what Stripe said on the way."""

    def __init__(self, who: Reader) -> None:
        self.reader = who
        self.sandbox = who.sandbox
        self.said: list[Delivery] = []

    def live(self, step: tuple[Any, ...]) -> None:
        getattr(self, f"_{step[0]}")(*step[1:])

    def _give(self, what: tuple[str, str, str], card: str, covers_fee: bool) -> None:
        frequency, currency, amount = what
        fields = {"covers_fee": "on"} if covers_fee else {}
        donation = self.reader.start(
            frequency=frequency,
            currency=currency,
            amount=amount,
            email=f"reader{Donation.objects.count()}@example.org",
            **fields,
        )
        self.reader.pay(donation, card)

    def _debit(self, outcome: str) -> None:
        donation = self.reader.start(currency="EUR", email=f"reader{Donation.objects.count()}@example.org")
        self.sandbox.pay(str(self.reader.session_of(donation).stripe_id), "", iban=IBAN)
        if outcome:
            self.sandbox.settle(outcome=outcome)

    def _advance(self, days: int) -> None:
        self.sandbox.advance(days=days)

    def _refund(self, pick: int, share: int) -> None:
        charges = [one for one in self._charges() if one["amount_refunded"] < one["amount"] and not one["disputed"]]
        if charges:
            charge = charges[pick % len(charges)]
            left = charge["amount"] - charge["amount_refunded"]
            self.sandbox.refund(charge=charge["id"], amount=max(1, left // share))

    def _dispute(self, pick: int) -> None:
        charges = [one for one in self._charges() if not one["disputed"] and not one["amount_refunded"]]
        if charges:
            self.sandbox.dispute(charge=charges[pick % len(charges)]["id"])

    def _decide(self, pick: int, outcome: str) -> None:
        open_ones = [
            one for one in self.sandbox.ledger()["disputes"] if one["status"] in ("needs_response", "under_review")
        ]
        if open_ones:
            self.sandbox.decide(open_ones[pick % len(open_ones)]["id"], outcome)

    def _fail(self, pick: int) -> None:
        if living := self._living():
            self.sandbox.fail_next(living[pick % len(living)]["id"], times=1 + pick % 5)

    def _cancel(self, pick: int) -> None:
        if gifts := list(RecurringGift.objects.exclude(state="ended").order_by("pk")):
            keeping.cancel(gifts[pick % len(gifts)], at=timezone.now())

    def _amount(self, pick: int, amount: int) -> None:
        gifts = list(RecurringGift.objects.filter(state="active", donation__frequency="monthly").order_by("pk"))
        if gifts:
            keeping.change_amount(gifts[pick % len(gifts)], amount, at=timezone.now())

    def _deliver(self, how: str, seed: int) -> None:
        deliveries = self.sandbox.deliveries()
        self.said += deliveries
        chance = random.Random(seed)
        row = deliveries * (2 if how in ("twice", "shuffled") else 1)
        if how in ("shuffled", "half"):
            chance.shuffle(row)
        if how == "half":
            row = row[: len(row) // 2]
        if how == "none":
            row = []
        for delivery in row:
            assert self.reader.deliver(delivery).status_code == 200
        self.reader.work()

    def _charges(self) -> list[dict[str, Any]]:
        return [one for one in self.sandbox.ledger()["charges"] if one["status"] == "succeeded" and one["captured"]]

    def _living(self) -> list[dict[str, Any]]:
        return [one for one in self.sandbox.ledger()["subscriptions"] if one["status"] in ("active", "past_due")]


def ours() -> dict[str, Any]:
    """Return our books in the words that both sides share."""
    return {
        "payments": {
            payment.payment_intent_id: (payment.gross, payment.refunded, payment.currency, payment.fee, payment.net)
            for payment in Payment.objects.filter(state="paid")
        },
        "refunds": dict(Refund.objects.values_list("stripe_id", "state")),
        "disputes": dict(Dispute.objects.values_list("stripe_id", "state")),
        "gifts": {gift.stripe_id: (gift.state, gift.amount) for gift in RecurringGift.objects.all()},
        "sums": Counter({row.currency: 0 for row in Payment.objects.all()})
        + sum((Counter({row.currency: row.gross}) for row in Payment.objects.filter(state="paid")), Counter()),
    }


def theirs(ledger: dict[str, Any]) -> dict[str, Any]:
    """Return the sandbox's own books, which it keeps without asking us."""
    good = [one for one in ledger["charges"] if one["status"] == "succeeded" and one["captured"]]
    moved = {row["source"]: row for row in ledger["movements"] if not row["refund"] and not row["dispute"]}
    return {
        "payments": {
            one["payment_intent"]: (
                one["amount_captured"],
                one["amount_refunded"],
                one["currency"].upper(),
                moved[one["id"]]["fee"],
                moved[one["id"]]["net"],
            )
            for one in good
        },
        "refunds": {one["id"]: one["status"] for one in ledger["refunds"]},
        "disputes": {one["id"]: one["status"] for one in ledger["disputes"]},
        "gifts": {one["id"]: (str(recurring.STATES[one["status"]]), one["amount"]) for one in ledger["subscriptions"]},
        "sums": sum((Counter({one["currency"].upper(): one["amount_captured"]}) for one in good), Counter()),
    }


@settings(
    max_examples=HISTORIES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(steps, min_size=4, max_size=14))
def test_the_books_equal_stripes_to_the_cent_and_to_the_state(
    reader: Reader,  # noqa: F811 - the fixture.
    history: list[tuple[Any, ...]],
) -> None:
    life = History(reader)
    for step in history:
        life.live(step)
    since = timezone.now() - timedelta(days=3)
    reconcile(since=since)
    assert reconcile(since=since).drift == []
    books = ours()
    assert books == theirs(reader.sandbox.ledger())

    mails = set(OutgoingMail.objects.values_list("key", "message_id"))
    for payment in Payment.objects.filter(state="paid"):
        assert OutgoingMail.objects.filter(key=f"receipt:{payment.pk}").count() == 1
    assert len({message_id for _key, message_id in mails}) == len(mails)

    StripeEvent.objects.all().delete()
    for delivery in reversed(life.said):
        reader.deliver(delivery)
    reader.work()
    assert ours() == books
    assert set(OutgoingMail.objects.exclude(template="notice").values_list("key", "message_id")) <= mails
