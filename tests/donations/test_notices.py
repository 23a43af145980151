"""What donors are told by themselves: refunds, late debits, cards that expire, annual gifts that renew."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from donations import keeping, notices
from donations.models import Payment
from donations.truth import payment_intents
from tests.donations.factories import make_donation, make_donor, make_recurring_gift
from tests.donations.living import templates
from tests.donations.reader import Reader

pytestmark = pytest.mark.django_db


def test_a_refund_is_confirmed_once(reader: Reader) -> None:
    reader.give()
    payment = Payment.objects.get()
    keeping.refund(payment, amount=500, key=uuid.uuid4(), by=None, reason="asked for it", at=timezone.now())
    reader.webhooks(times=2, shuffle=2)
    payment.refresh_from_db()
    assert payment.refunded == 500
    assert templates() == ["receipt", "refund_confirmed"]


def test_a_debit_that_takes_two_weeks_has_its_receipt(reader: Reader, time_machine: Any) -> None:
    donation = reader.start(currency="EUR")
    reader.sandbox.pay(str(reader.session_of(donation).stripe_id), "", iban="DE89370400440532013000")
    reader.webhooks()
    assert (Payment.objects.get().state, templates()) == ("pending", [])
    reader.sandbox.settle()
    time_machine.move_to(timezone.now() + timedelta(days=14))
    for _ in range(2):
        reader.tick()
    assert Payment.objects.get().state == "paid"
    assert templates() == ["receipt"]


def test_a_refund_that_takes_two_weeks_is_confirmed(reader: Reader, time_machine: Any) -> None:
    reader.give(card="4000000000007726")
    payment = Payment.objects.get()
    reader.sandbox.refund(payment_intent=payment.payment_intent_id)
    reader.webhooks()
    assert payment.refunds.get().state == "pending"
    reader.sandbox.advance(days=14)
    time_machine.move_to(timezone.now() + timedelta(days=14))
    payment_intents.learn(payment.payment_intent_id)
    assert payment.refunds.get().state == "succeeded"
    assert templates() == ["receipt", "refund_confirmed"]


def test_more_than_was_kept_is_not_refunded(reader: Reader) -> None:
    reader.give()
    payment = Payment.objects.get()
    with pytest.raises(keeping.NotPossible):
        keeping.refund(payment, amount=2001, key=uuid.uuid4(), by=None, reason="", at=timezone.now())


@pytest.mark.parametrize(
    ("today", "is_told"),
    [
        (datetime(2026, 12, 1, 9, tzinfo=UTC), False),
        (datetime(2027, 1, 1, 9, tzinfo=UTC), True),
        (datetime(2027, 1, 31, 9, tzinfo=UTC), True),
        (datetime(2027, 2, 1, 9, tzinfo=UTC), False),
    ],
)
def test_a_card_that_expires_next_month_is_told_once(today: datetime, is_told: bool) -> None:
    make_recurring_gift(card_expires=datetime(2027, 2, 28).date())
    for _ in range(2):
        notices.queue_due_notices(at=today)
    assert templates() == ["card_expiring"] * is_told


def test_an_annual_gift_is_announced_fourteen_days_before(amounts: None) -> None:
    donation = make_donation(frequency="annual", amount=6_000, state="given", donor=make_donor(), email="")
    renews = datetime(2027, 3, 20, 12, tzinfo=UTC)
    make_recurring_gift(donation=donation, period_ends_at=renews)
    make_recurring_gift(period_ends_at=renews)
    notices.queue_due_notices(at=renews - timedelta(days=15))
    assert templates() == []
    for days in (14, 13, 1):
        notices.queue_due_notices(at=renews - timedelta(days=days))
    assert templates() == ["annual_notice"]
