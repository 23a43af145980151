"""Changing a recurring gift at Stripe: its amount, its pause, its end; and sending money back.

Every function calls Stripe first and then learns the result like any other truth; nothing is written on our word alone.
"""

import logging
import uuid
from calendar import monthrange
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction

from donations import stripe_api
from donations.giving import check_amount, rule_for
from donations.models import Frequency, Payment, RecurringGift
from donations.truth import payment_intents, recurring
from newsroom.history import entries_of, record

logger = logging.getLogger(__name__)

User = AbstractBaseUser | AnonymousUser
PAUSES = (1, 2, 3)
INTERVALS = {Frequency.MONTHLY.value: "month", Frequency.ANNUAL.value: "year"}


class NotPossible(Exception):
    """The gift or payment is in no state for this."""


def change_amount(gift: RecurringGift, amount: int, *, at: datetime) -> RecurringGift:
    """Charge another amount from the next turn on. The rule is the form's own. Raises ChoiceRefused, NotPossible."""
    _living(gift)
    rule = rule_for(gift.currency, gift.donation.frequency)
    if rule is None:
        raise NotPossible
    check_amount(amount, rule)
    subscription = stripe_api.retrieve_subscription(gift.stripe_id)
    price = subscription.items.data[0].price
    stripe_api.update_subscription(
        gift.stripe_id,
        {
            "items": [
                {
                    "id": gift.item_id,
                    "price_data": {
                        "currency": gift.currency.lower(),
                        "product": stripe_api.id_of(price.product),
                        "unit_amount": amount,
                        "recurring": {"interval": INTERVALS[gift.donation.frequency]},
                    },
                }
            ],
            # A changed amount never charges for a part of the period that runs.
            "proration_behavior": "none",
        },
    )
    before = gift.amount
    gift = recurring.learn(gift.stripe_id)
    record(
        gift, action="recurring_gift.amount_changed", before={"amount": before}, after={"amount": gift.amount}, at=at
    )
    return gift


def pause(gift: RecurringGift, *, months: int, at: datetime) -> RecurringGift:
    """Skip the next one to three turns of a monthly gift. Raises NotPossible.

    The pause ends a day after the last turn that is skipped, so it is turns that are counted and not days.
    """
    _living(gift)
    if months not in PAUSES or gift.period_ends_at is None or gift.donation.frequency != Frequency.MONTHLY:
        raise NotPossible
    until = months_after(gift.period_ends_at, months - 1) + timedelta(days=1)
    parameters = {"pause_collection": {"behavior": "void", "resumes_at": int(until.timestamp())}}
    stripe_api.update_subscription(gift.stripe_id, parameters)
    gift = recurring.learn(gift.stripe_id)
    record(gift, action="recurring_gift.paused", after={"until": until.isoformat()}, at=at)
    return gift


def months_after(moment: datetime, months: int) -> datetime:
    """Return the same day in a later month, or that month's last day where it has no such day."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def resume(gift: RecurringGift, *, at: datetime) -> RecurringGift:
    _living(gift)
    stripe_api.update_subscription(gift.stripe_id, {"pause_collection": ""})
    gift = recurring.learn(gift.stripe_id)
    record(gift, action="recurring_gift.resumed", at=at)
    return gift


def cancel(gift: RecurringGift, *, at: datetime, by: User | None = None, reason: str = "") -> RecurringGift:
    """End a recurring gift at once. Cancelling one that has ended changes nothing. Raises errors of `stripe_api`."""
    if gift.state == RecurringGift.State.ENDED:
        return gift
    refusal: stripe_api.StripeRefused | None = None
    try:
        stripe_api.cancel_subscription(gift.stripe_id)
    except stripe_api.StripeRefused as error:
        # Where it had ended at Stripe before we knew, learning it is all that is left to do.
        refusal = error
    gift = recurring.learn(gift.stripe_id)
    if refusal is not None and gift.state != RecurringGift.State.ENDED:
        raise refusal
    record(gift, action="recurring_gift.cancelled", actor=_user(by), reason=reason, at=at)
    return gift


def card_address(gift: RecurringGift, *, return_url: str) -> str:
    """Return the address of Stripe's page where the card of a gift is changed. Raises NotPossible."""
    _living(gift)
    if gift.customer is None:
        raise NotPossible
    return str(stripe_api.create_portal_session(gift.customer.stripe_id, return_url=return_url).url)


def refund(payment: Payment, *, amount: int, key: uuid.UUID, by: User | None, reason: str, at: datetime) -> Payment:
    """Send back a payment, whole or in part. Raises NotPossible, errors of `stripe_api`.

    The same `key` is the same refund however often it is sent, and is recorded once: a double click, or a second press
    after an answer was lost, sends no more money.
    """
    if payment.state != Payment.State.PAID or not 0 < amount <= payment.gross - payment.refunded:
        raise NotPossible
    made = stripe_api.create_refund(
        payment.payment_intent_id,
        amount=amount,
        metadata={"newsroom_reason": "staff"},
        idempotency_key=f"refund:{payment.payment_intent_id}:{key}",
    )
    _record_refund(payment, made.id, amount=amount, by=by, reason=reason, at=at)
    try:
        payment_intents.learn(payment.payment_intent_id)
    except stripe_api.StripeError as error:
        # The money is on its way; only its new total is not known here until Stripe tells it.
        logger.warning("Payment %s was refunded, but could not be asked about (%s).", payment.pk, error.code)
    payment.refresh_from_db()
    return payment


def _record_refund(
    payment: Payment, refund_id: str, *, amount: int, by: User | None, reason: str, at: datetime
) -> None:
    """Write who sent the money back, once for each refund at Stripe."""
    with transaction.atomic():
        Payment.objects.select_for_update().get(pk=payment.pk)
        if entries_of(payment).filter(action="payment.refunded", after__refund=refund_id).exists():
            return
        after = {"amount": amount, "currency": payment.currency, "refund": refund_id}
        record(payment, action="payment.refunded", actor=_user(by), reason=reason, after=after, at=at)


def _living(gift: RecurringGift) -> None:
    if gift.state == RecurringGift.State.ENDED:
        raise NotPossible


def _user(by: User | None) -> Any:
    return by if by is not None and by.pk is not None else None
