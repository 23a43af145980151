"""The demo's gifts: played through with a real Stripe stand-in, whose file then serves the running sandbox."""

import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from donations import keeping
from donations.checkout import CheckoutTrouble
from donations.models import Donation, Donor, Payment, RecurringGift
from donations.reconcile import reconcile
from newsroom.models import OutgoingMail
from sandbox.demo.gifts import load_gifts
from sandbox.demo.people import Gift, GiftPayment, Giver
from sandbox.ports import free_port
from sandbox.stripe.testing import StripeSandbox
from tests.donations.factories import make_amount_rules

pytestmark = pytest.mark.django_db


@pytest.fixture
def data(settings: Any, tmp_path: Path) -> Path:
    make_amount_rules()
    settings.STRIPE_API_BASE = f"http://127.0.0.1:{free_port()}"
    settings.STRIPE_SECRET_KEY = "sk_test_of_the_tests"
    return tmp_path / "stripe" / "state.sqlite3"


@pytest.fixture
def stripe(data: Path, settings: Any) -> Iterator[StripeSandbox]:
    """Load a few gifts, and start Stripe on the file as the running sandbox does."""
    now = timezone.now()
    load_gifts(people(now=now), data=data, now=now)
    with StripeSandbox(data=str(data), port=int(settings.STRIPE_API_BASE.rpartition(":")[2])) as sandbox:
        yield sandbox


def people(*, now: datetime) -> list[Giver]:
    """Somebody of each frequency, somebody with a refused renewal, and somebody who ended a gift."""

    def ago(days: int) -> datetime:
        return now - timedelta(days=days)

    once = Gift("once", 2500, "EUR", ago(100), None, (GiftPayment(ago(100), succeeded=True),))
    refused = Gift("monthly", 500, "USD", ago(130), None, (GiftPayment(ago(85), succeeded=False),))
    ended = Gift("monthly", 300, "GBP", ago(120), ago(40), ())
    annual = Gift("annual", 6000, "USD", ago(70), None, ())
    return [
        Giver(name=name, email=f"{name.lower()}@example.org", language="en", wants_public_thanks=False, gifts=(gift,))
        for name, gift in (("Berta", refused), ("Ada", once), ("Carl", ended), ("Dora", annual))
    ]


def test_history_is_the_same_on_both_sides(stripe: StripeSandbox, data: Path) -> None:
    payments = Payment.objects.filter(state="paid")
    found = Counter(payments.values_list("donation__donor__email", flat=True))
    assert found == {"ada@example.org": 1, "berta@example.org": 5, "carl@example.org": 3, "dora@example.org": 1}
    charges = stripe.ledger()["charges"]
    assert [charge["customer"] for charge in charges if charge["status"] == "failed"] == list(
        RecurringGift.objects.filter(donation__donor__email="berta@example.org").values_list(
            "customer__stripe_id", flat=True
        )
    )
    assert {payment.charge_id: (payment.gross, payment.currency) for payment in payments} == {
        charge["id"]: (charge["amount_captured"], charge["currency"].upper())
        for charge in charges
        if charge["status"] == "succeeded"
    }
    assert reconcile(since=timezone.now() - timedelta(days=365), dry_run=True).drift == []

    months = {payment.gift_date.replace(day=1) for payment in payments if payment.gift_date}
    assert len(months) >= 3
    assert not payments.exclude(fee__gt=0, net=F("settled") - F("fee")).exists()
    assert payments.get(donation__donor__email="ada@example.org").method == "sepa_debit"
    ended = RecurringGift.objects.get(state="ended")
    assert ended.ended_at is not None
    assert timedelta(days=39) < timezone.now() - ended.ended_at < timedelta(days=41)
    assert Donor.objects.filter(created_at__lt=timezone.now() - timedelta(days=69)).count() == 4
    assert abs(stripe.now() - time.time()) < 5
    assert [path.name for path in data.parent.glob("*.history*")] == []


def test_history_sends_no_mail_and_no_webhook(stripe: StripeSandbox) -> None:
    assert set(OutgoingMail.objects.values_list("state", flat=True)) <= {"cancelled"}
    assert stripe.deliveries() == []


def test_payment_of_the_history_can_be_sent_back(stripe: StripeSandbox) -> None:
    payment = Payment.objects.filter(state="paid").order_by("paid_at")[0]
    payment = keeping.refund(
        payment, amount=payment.gross, key=uuid.uuid4(), by=None, reason="a test", at=timezone.now()
    )
    assert payment.kept == 0
    assert reconcile(since=timezone.now() - timedelta(days=365), dry_run=True).drift == []


def test_error_leaves_neither_rows_nor_a_file(data: Path) -> None:
    now = timezone.now()
    giver = people(now=now)[0]
    # Stripe takes no gift of one cent.
    broken = replace(giver, gifts=(*giver.gifts, replace(giver.gifts[0], amount=1)))
    with pytest.raises(CheckoutTrouble):
        load_gifts([broken], data=data, now=now)
    assert not Donation.objects.exists()
    assert list(data.parent.iterdir()) == []
