"""Recurring gifts where card countries are blocked: the card is saved, looked at, and only then charged.

Checkout in `setup` mode saves a card without charging it. Once its country is known, the subscription is made here, or
the giver is forgotten and nothing was ever charged. https://docs.stripe.com/payments/checkout/save-and-reuse
"""

import logging
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction

from donations import safety, stripe_api
from donations.metadata import GiftMetadata
from donations.models import CheckoutSession, Decline, Donation, Frequency

logger = logging.getLogger(__name__)

INTERVALS = {Frequency.MONTHLY.value: "month", Frequency.ANNUAL.value: "year"}
# Stripe replays a 5xx to the same idempotency key for a day, so a few more keys are tried, each after a look.
MOST_KEYS = 3


def begin(session: Any, gift: GiftMetadata, donation: Donation, *, at: datetime) -> Any | None:
    """Make the subscription of a finished session in `setup` mode, once; return it, or None where none may be made.

    1. Look for the subscription that an earlier call made: the session's customer has no other. 2. Look at the card's
    country. 3. Make the price and the subscription; the first charge decides whether there is one.

    Every parameter comes from what Stripe keeps of the session, so a repeated call is the same call whatever staff
    have changed since. Raises the errors of `stripe_api` that are worth another try.
    """
    intent = stripe_api.retrieve_setup_intent(stripe_api.id_of(session.setup_intent))
    customer_id = stripe_api.id_of(session.customer)
    country = safety.country_of_method(intent.payment_method)
    if donation.erased_at is not None or safety.is_blocked_country(country):
        _refuse(donation, customer_id, country=country, at=at)
        return None
    if not customer_id or intent.payment_method is None:
        return None
    try:
        return _found(customer_id) or _make(session, gift, intent, customer_id)
    except stripe_api.StripeDeclined as error:
        _give_up(donation, intent, customer_id, code=error.code, at=at)
    except stripe_api.StripeMissing:
        logger.warning("The customer of session %s is gone, so its gift cannot begin.", session.id)
        _fail(donation, at=at)
    return None


def _refuse(donation: Donation, customer_id: str, *, country: str, at: datetime) -> None:
    """Forget the giver, and then let Stripe forget the card: a crash in between is repaired by the next look."""
    with transaction.atomic():
        donation = Donation.objects.select_for_update().get(pk=donation.pk)
        if donation.state != Donation.State.RETURNED and safety.is_blocked_country(country):
            safety.refuse(donation, country=country, at=at)
    _delete(customer_id)


def _delete(customer_id: str) -> None:
    if customer_id:
        safety.do(stripe_api.delete_customer, customer_id)


def _found(customer_id: str) -> Any | None:
    return next(iter(stripe_api.subscriptions_of(customer_id)), None)


def _make(session: Any, gift: GiftMetadata, intent: Any, customer_id: str) -> Any:
    price = {
        "currency": session.currency,
        "unit_amount": gift.total,
        "recurring": {"interval": INTERVALS[gift.frequency]},
        "product_data": {"name": intent.description},
    }
    wanted = {
        "customer": customer_id,
        "default_payment_method": intent.payment_method.id,
        "description": intent.description,
        "metadata": replace(gift, total=0).encode(),
        "off_session": True,
        # A first charge that is refused leaves no subscription that would be tried again behind the donor's back.
        "payment_behavior": "error_if_incomplete",
        "payment_settings": {"save_default_payment_method": "on_subscription"},
    }
    for number in range(1, MOST_KEYS + 1):
        key = f"{session.id}:{number}"
        try:
            made = stripe_api.create_price(price, idempotency_key=f"price:{key}")
            parameters = {**wanted, "items": [{"price": made.id}]}
            return stripe_api.create_subscription(parameters, idempotency_key=f"subscription:{key}")
        except stripe_api.StripeBroke:
            # The call may have done its work all the same.
            found = _found(customer_id)
            if found is not None:
                return found
            if number == MOST_KEYS:
                raise
    raise AssertionError("unreachable")


def _give_up(donation: Donation, intent: Any, customer_id: str, *, code: str, at: datetime) -> None:
    """Close a gift whose first charge was refused. The reader begins a new attempt; nothing was taken."""
    with transaction.atomic():
        _count(donation, intent, code=code, at=at)
        _fail(donation, at=at)
    _delete(customer_id)


def _fail(donation: Donation, *, at: datetime) -> None:
    with transaction.atomic():
        Donation.objects.select_for_update().get(pk=donation.pk).move(Donation.State.FAILED, at=at)


def note_refusal(intent: Any, donation: Donation, *, at: datetime) -> None:
    """Count a card that could not be saved: people who try stolen cards are seen by it. Each card counts once."""
    error = intent.last_setup_error
    if error is None:
        return
    _count(donation, intent, code=error.decline_code or error.code or "", card=_id_in(error), at=at)
    number = Decline.objects.filter(donation=donation, charge_id__startswith=f"{intent.id}:").count()
    donation.sessions.filter(state=CheckoutSession.State.OPEN).update(declines=number)


def _id_in(error: Any) -> str:
    method = getattr(error, "payment_method", None)
    return stripe_api.id_of(method) if method is not None else ""


def _count(donation: Donation, intent: Any, *, code: str, at: datetime, card: str = "charge") -> None:
    Decline.objects.bulk_create(
        [Decline(charge_id=f"{intent.id}:{card}", donation=donation, code=code[:60], at=at)], ignore_conflicts=True
    )
