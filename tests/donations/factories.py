"""Rows of giving with valid defaults. Nothing in them is random."""

import uuid
from datetime import UTC, datetime
from itertools import count
from typing import Any

from donations.models import (
    AmountRule,
    Appeal,
    CheckoutSession,
    Donation,
    Donor,
    Payment,
    PaymentMethodRule,
    RecurringGift,
    StripeEvent,
)

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
_number = count(1)


def make_amount_rules() -> None:
    """Write the rules the tests of this folder speak of: a transactional test begins without the migration's rows."""
    rules = {
        ("USD", "once"): (200, 1_000_000, [2_000, 5_000, 10_000, 25_000], 5_000),
        ("USD", "monthly"): (200, 100_000, [200, 500, 1_000, 2_500], 500),
        ("USD", "annual"): (1_000, 1_000_000, [2_500, 6_000, 12_000, 25_000], 6_000),
        ("EUR", "once"): (200, 1_000_000, [2_000, 5_000, 10_000, 25_000], 5_000),
        ("EUR", "monthly"): (200, 100_000, [200, 500, 1_000, 2_500], 500),
        ("JPY", "once"): (300, 1_500_000, [3_000, 5_000, 10_000, 30_000], 5_000),
    }
    for (currency, frequency), (minimum, maximum, suggestions, default) in rules.items():
        values = {"minimum": minimum, "maximum": maximum, "suggestions": suggestions, "default": default}
        AmountRule.objects.update_or_create(currency=currency, frequency=frequency, defaults=values)
        methods = ["card", "sepa_debit"] if currency == "EUR" else ["card"]
        PaymentMethodRule.objects.update_or_create(
            currency=currency, frequency=frequency, defaults={"methods": methods}
        )


def make_appeal(**kwargs: Any) -> Appeal:
    values = {
        "title": "They outlawed our reporting",
        "message": "<p>Any amount helps.</p>",
        "short_line": "Support independent reporting",
        "language": "en",
    }
    return Appeal.objects.create(**{**values, **kwargs})


def make_donation(**kwargs: Any) -> Donation:
    values = {
        "attempt_key": uuid.UUID(int=next(_number)),
        "frequency": "once",
        "amount": 2_000,
        "currency": "USD",
        "email": "reader@example.org",
        "created_at": NOW,
        "state_at": NOW,
    }
    return Donation.objects.create(**{**values, **kwargs})


def make_session(donation: Donation, **kwargs: Any) -> CheckoutSession:
    number = next(_number)
    values = {
        "donation": donation,
        "number": donation.sessions.count() + 1,
        "parameters": {},
        "state": "open",
        "stripe_id": f"cs_test_{number}",
        "url": "https://checkout.stripe.com/c/pay",
        "created_at": NOW,
        "expires_at": NOW.replace(hour=10),
    }
    return CheckoutSession.objects.create(**{**values, **kwargs})


def make_donor(**kwargs: Any) -> Donor:
    return Donor.objects.create(**{"email": f"donor{next(_number)}@example.org", "created_at": NOW, **kwargs})


def make_payment(**kwargs: Any) -> Payment:
    number = next(_number)
    if "donation" not in kwargs:
        kwargs["donation"] = make_donation(state="given", donor=make_donor(), email="")
    donation = kwargs["donation"]
    values: dict[str, Any] = {
        "payment_intent_id": f"pi_{number}",
        "charge_id": f"ch_{number}",
        "frequency": donation.frequency,
        "state": "paid",
        "method": "card",
        "gross": donation.total,
        "currency": donation.currency,
        "created_at": NOW,
        "paid_at": NOW,
        "gift_date": NOW.date(),
        "livemode": False,
    }
    return Payment.objects.create(**{**values, **kwargs})


def make_recurring_gift(**kwargs: Any) -> RecurringGift:
    if "donation" not in kwargs:
        kwargs["donation"] = make_donation(frequency="monthly", state="given", donor=make_donor(), email="")
    values = {
        "stripe_id": f"sub_{next(_number)}",
        "frequency": kwargs["donation"].frequency,
        "state": "active",
        "amount": kwargs["donation"].total,
        "currency": kwargs["donation"].currency,
        "started_at": NOW,
        "livemode": False,
    }
    return RecurringGift.objects.create(**{**values, **kwargs})


def make_event(**kwargs: Any) -> StripeEvent:
    number = next(_number)
    values = {
        "stripe_id": f"evt_{number}",
        "type": "payment_intent.succeeded",
        "object_id": f"pi_{number}",
        "created_at": NOW,
        "received_at": NOW,
        "not_before": NOW,
        "livemode": False,
    }
    return StripeEvent.objects.create(**{**values, **kwargs})
