"""Random lives of gifts for the chaos tests, and the two sides' books to be compared after them."""

from collections import Counter
from typing import Any, Protocol

from django.db.models import Q
from django.utils import timezone
from hypothesis import strategies as st

from donations import keeping, stripe_api
from donations.models import CheckoutSession, Dispute, Donation, Payment, RecurringGift, Refund
from donations.truth import recurring
from sandbox.stripe.testing import StripeSandbox

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
deeds = st.one_of(
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
)


class Giver(Protocol):
    """Whoever takes a gift as far as Stripe's page, through our own."""

    sandbox: StripeSandbox

    def start(self, **fields: Any) -> Donation: ...

    def session_of(self, donation: Donation) -> CheckoutSession: ...


class History:
    """One random life. Stripe's words reach us as the test decides."""

    def __init__(self, who: Giver) -> None:
        self.who = who
        self.sandbox = who.sandbox
        self.donations: list[int] = []

    def live(self, step: tuple[Any, ...]) -> None:
        getattr(self, f"_{step[0]}")(*step[1:])

    def _start(self, **fields: Any) -> Donation:
        donation = self.who.start(email=f"reader{Donation.objects.count()}@example.org", **fields)
        self.donations.append(donation.pk)
        return donation

    def _give(self, what: tuple[str, str, str], card: str, covers_fee: bool) -> None:
        frequency, currency, amount = what
        fields = {"covers_fee": "on"} if covers_fee else {}
        donation = self._start(frequency=frequency, currency=currency, amount=amount, **fields)
        self.sandbox.pay(str(self.who.session_of(donation).stripe_id), card)

    def _debit(self, outcome: str) -> None:
        donation = self._start(currency="EUR")
        self.sandbox.pay(str(self.who.session_of(donation).stripe_id), "", iban=IBAN)
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
        if gifts := list(self._gifts().exclude(state="ended")):
            keeping.cancel(gifts[pick % len(gifts)], at=timezone.now())

    def _amount(self, pick: int, amount: int) -> None:
        gifts = list(self._gifts().filter(state="active", donation__frequency="monthly"))
        if gifts:
            try:
                keeping.change_amount(gifts[pick % len(gifts)], amount, at=timezone.now())
            except (keeping.NotPossible, stripe_api.StripeRefused):
                # Stripe knows already what has not reached us yet, and the donor is told so.
                return

    def _gifts(self) -> Any:
        return RecurringGift.objects.filter(donation__in=self.donations).order_by("pk")

    def _charges(self) -> list[dict[str, Any]]:
        return [one for one in self.sandbox.ledger()["charges"] if one["status"] == "succeeded" and one["captured"]]

    def _living(self) -> list[dict[str, Any]]:
        return [one for one in self.sandbox.ledger()["subscriptions"] if one["status"] in ("active", "past_due")]


def ours(donations: list[int] | None = None) -> dict[str, Any]:
    """Return our books, or those of some donations, in the words that both sides share."""
    mine = Q() if donations is None else Q(donation__in=donations)
    payments = list(Payment.objects.filter(mine, state="paid"))
    of_payments = {"payment__in": list(Payment.objects.filter(mine).values_list("pk", flat=True))}
    return {
        "payments": {
            payment.payment_intent_id: (payment.gross, payment.refunded, payment.currency, payment.fee, payment.net)
            for payment in payments
        },
        "refunds": dict(Refund.objects.filter(**of_payments).values_list("stripe_id", "state")),
        "disputes": dict(Dispute.objects.filter(**of_payments).values_list("stripe_id", "state")),
        "gifts": {gift.stripe_id: (gift.state, gift.amount) for gift in RecurringGift.objects.filter(mine)},
        "sums": sum((Counter({one.currency: one.gross}) for one in payments), Counter()),
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
