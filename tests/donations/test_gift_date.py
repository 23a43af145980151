"""The day of a gift is settled once, in the organisation's own time zone, and decides the tax year."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from donations import statements
from donations.models import GivingTerms, Payment
from donations.truth import payment_intents
from tests.donations.reader import Reader

pytestmark = pytest.mark.django_db

# Half an hour past midnight UTC on New Year's Day: still the old year in New York, long the new one in Tbilisi.
NEW_YEAR = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/New_York", date(2025, 12, 31)),
        ("Asia/Tbilisi", date(2026, 1, 1)),
        ("UTC", date(2026, 1, 1)),
    ],
)
def test_a_gift_at_new_year_belongs_to_the_year_of_the_organisation(
    reader: Reader, zone: str, day: date, time_machine: Any
) -> None:
    terms = GivingTerms.objects.create(pk=1, tax_time_zone=zone)
    reader.sandbox.begin_in_the_past(int(NEW_YEAR.timestamp()))
    time_machine.move_to(NEW_YEAR)
    donation = reader.start()
    reader.pay(donation)
    reader.webhooks()
    payment = Payment.objects.get()
    assert payment.gift_date == day
    assert payment.receipt_number.startswith(f"{day.year}-")
    assert statements.current_year(payment.paid_at or NEW_YEAR) == day.year
    # What was settled stays, whatever zone staff choose later and however often the payment is learnt.
    terms.tax_time_zone = "Pacific/Kiritimati" if day.year == 2025 else "Pacific/Pago_Pago"
    terms.save()
    payment_intents.learn(payment.payment_intent_id)
    payment.refresh_from_db()
    assert payment.gift_date == day
