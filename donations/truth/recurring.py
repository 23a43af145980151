"""Subscriptions at Stripe: the life of a recurring gift."""

from calendar import monthrange
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from donations import notices, safety, stripe_api
from donations.models import Donation, RecurringGift
from donations.truth import ownership
from donations.truth.questions import ask

State = RecurringGift.State

STATES = {
    "incomplete": State.INCOMPLETE,
    "incomplete_expired": State.ENDED,
    "trialing": State.ACTIVE,
    "active": State.ACTIVE,
    "past_due": State.PAST_DUE,
    "unpaid": State.PAST_DUE,
    "paused": State.PAUSED,
    "canceled": State.ENDED,
}


def learn(subscription_id: str) -> RecurringGift:
    """Fetch a subscription, apply it, and return its gift. Raises NotOurs, BadMetadata, errors of `stripe_api`."""
    question = ask(subscription_id)
    subscription = stripe_api.retrieve_subscription(subscription_id)
    ownership.check_mode(subscription)
    gift = ownership.gift_in(subscription)
    item = subscription.items.data[0]
    at = timezone.now()
    with transaction.atomic():
        used = question.use()
        donation = ownership.donation_of(
            gift,
            amount=amount_of(item),
            currency=subscription.currency,
            at=stripe_api.time_of(subscription.created),
            livemode=subscription.livemode,
        )
        if used:
            _apply(subscription, item, donation, at=at)
    return RecurringGift.objects.select_related("donation").get(stripe_id=subscription_id)


def learn_customer(customer_id: str) -> None:
    """Learn the living gifts of a customer whose card was changed. Raises NotOurs where there is none."""
    gifts = RecurringGift.objects.filter(customer__stripe_id=customer_id).exclude(state=State.ENDED)
    ids = list(gifts.order_by("pk").values_list("stripe_id", flat=True)) if customer_id else []
    if not ids:
        raise ownership.NotOurs("no living gift")
    for stripe_id in ids:
        learn(stripe_id)


def amount_of(item: Any) -> int:
    """Return what one subscription item charges each time, in minor units."""
    return int(item.price.unit_amount or 0) * int(item.quantity or 1)


def _apply(subscription: Any, item: Any, donation: Donation, *, at: datetime) -> None:
    gift = RecurringGift.objects.filter(stripe_id=subscription.id).first() or RecurringGift(
        donation=donation, stripe_id=subscription.id, livemode=subscription.livemode, state=State.INCOMPLETE
    )
    if gift.state != State.ENDED:
        pause = subscription.pause_collection
        gift.state = STATES[subscription.status]
        if pause is not None and gift.state == State.ACTIVE:
            gift.state = State.PAUSED
        gift.paused_until = stripe_api.time_of(pause.resumes_at) if pause is not None and pause.resumes_at else None
        gift.ends_at_period_end = bool(subscription.cancel_at_period_end)
    gift.item_id = item.id
    gift.frequency = donation.frequency
    # A turn that is given away changes nothing about what the donor decided.
    gift.amount = amount_of(item) or gift.amount or donation.total
    gift.currency = subscription.currency.upper()
    gift.started_at = stripe_api.time_of(subscription.start_date)
    gift.period_ends_at = stripe_api.time_of(item.current_period_end)
    gift.card_expires = _card_expiry(_method_of(subscription))
    if gift.state == State.ENDED and gift.ended_at is None:
        gift.ended_at = (
            stripe_api.time_of(subscription.ended_at or subscription.canceled_at) if _ended(subscription) else at
        )
        details = subscription.cancellation_details
        gift.end_reason = (details.reason if details is not None else None) or subscription.status
    if donation.donor_id is not None and gift.customer_id is None:
        gift.customer = ownership.customer_of(
            donation.donor, stripe_api.id_of(subscription.customer), livemode=subscription.livemode, at=at
        )
    had_ended = gift.pk is not None and RecurringGift.objects.filter(pk=gift.pk, state=State.ENDED).exists()
    gift.save()
    country = _blocked_country_in(subscription)
    if country and gift.state != State.ENDED and donation.state == Donation.State.GIVEN:
        safety.end_gift(gift, donation, country=country, at=at)
    if gift.state == State.ENDED and not had_ended:
        was_given = donation.state == Donation.State.GIVEN
        _end(donation, at=gift.ended_at or at)
        if was_given:
            notices.queue_end(gift, at=at)


def _blocked_country_in(subscription: Any) -> str:
    """Return the country of the card that is charged next where giving from there is a crime; else an empty text."""
    # A customer that was deleted has no settings any more.
    settings = getattr(subscription.customer, "invoice_settings", None)
    cards = (subscription.default_payment_method, settings.default_payment_method if settings is not None else None)
    countries = (safety.country_of_method(card) for card in cards if not isinstance(card, str))
    return next((country for country in countries if safety.is_blocked_country(country)), "")


def _ended(subscription: Any) -> bool:
    return bool(subscription.ended_at or subscription.canceled_at)


def _end(donation: Donation, *, at: datetime) -> None:
    if donation.recurring_gifts.exclude(state=State.ENDED).exists():
        return
    if donation.state == Donation.State.GIVEN:
        donation.move(Donation.State.ENDED, at=at)
    elif not donation.has_live_session():
        donation.move(Donation.State.FAILED, at=at)


def _method_of(subscription: Any) -> Any:
    """Return what is charged next: the subscription's own method, else its customer's, as other systems set it."""
    settings = getattr(subscription.customer, "invoice_settings", None)
    return subscription.default_payment_method or (settings.default_payment_method if settings is not None else None)


def _card_expiry(method: Any) -> date | None:
    """Return the last day on which the card is good; None for other methods."""
    card = getattr(method, "card", None) if method is not None and not isinstance(method, str) else None
    if card is None or not card.exp_year:
        return None
    return date(card.exp_year, card.exp_month, monthrange(card.exp_year, card.exp_month)[1])
