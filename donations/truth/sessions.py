"""Checkout sessions: was the visit to Stripe's page finished, left, or is it still open?"""

import logging
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from donations import beginning, stripe_api
from donations.metadata import GiftMetadata
from donations.models import CheckoutSession, Donation
from donations.truth import invoices, ownership, payment_intents, recurring
from donations.truth.questions import ask

logger = logging.getLogger(__name__)

STATES = {
    "open": CheckoutSession.State.OPEN,
    "complete": CheckoutSession.State.COMPLETE,
    "expired": CheckoutSession.State.EXPIRED,
}


def learn(session_id: str) -> None:
    """Fetch a session, apply it, and then what it led to: the payment, or the subscription and its first invoice.

    Raises NotOurs, BadMetadata, and the errors of `stripe_api`.
    """
    question = ask(session_id)
    session = stripe_api.retrieve_checkout_session(session_id)
    ownership.check_mode(session)
    gift = ownership.gift_in(session)
    at = timezone.now()
    # The row says that the session is complete only once its gift has begun, so a crash before is seen by the sweep.
    begun = _begin(session, gift, at=at)
    with transaction.atomic():
        if question.use():
            donation = _donation_of(session, gift)
            _apply(session, donation, at=at)
            if session.status == "complete":
                _restore(session, donation, gift)
    if session.payment_intent:
        payment_intents.learn(stripe_api.id_of(session.payment_intent))
    if session.subscription:
        recurring.learn(stripe_api.id_of(session.subscription))
    if session.invoice:
        invoices.learn(stripe_api.id_of(session.invoice))
    if begun is not None:
        recurring.learn(begun.id)
        if begun.latest_invoice:
            invoices.learn(stripe_api.id_of(begun.latest_invoice))


def _begin(session: Any, gift: GiftMetadata, *, at: datetime) -> Any | None:
    """Make the subscription of a session that has saved a card; None for any other session."""
    if session.mode != "setup" or session.status != "complete":
        return None
    with transaction.atomic():
        donation = _donation_of(session, gift)
    return beginning.begin(session, gift, donation, at=at)


def _donation_of(session: Any, gift: GiftMetadata) -> Donation:
    return ownership.donation_of(
        gift,
        amount=_total_of(session, gift),
        currency=session.currency or "",
        at=stripe_api.time_of(session.created),
        livemode=session.livemode,
        email=_email_in(session),
    )


def _total_of(session: Any, gift: GiftMetadata) -> int:
    return int(session.amount_total or gift.total)


def learn_setup(intent_id: str) -> None:
    """Count the cards that could not be saved on a page of ours. Raises NotOurs, BadMetadata, errors of Stripe's."""
    intent = stripe_api.retrieve_setup_intent(intent_id)
    ownership.check_mode(intent)
    gift = ownership.gift_in(intent)
    with transaction.atomic():
        donation = Donation.objects.select_for_update().filter(attempt_key=gift.attempt_key).first()
        if donation is not None:
            beginning.note_refusal(intent, donation, at=timezone.now())


def _apply(session: Any, donation: Donation, *, at: Any) -> None:
    row = _row_of(session, donation)
    if row is None:
        return
    row.stripe_id = session.id
    row.payment_intent_id = stripe_api.id_of(session.payment_intent)
    row.livemode = session.livemode
    row.asked_at = at
    row.state = STATES.get(session.status, row.state)
    if row.state not in CheckoutSession.LIVE_STATES:
        # Over: neither the address that was sent nor the page is needed any more.
        row.parameters = {}
        row.url = ""
    else:
        row.url = session.url or row.url
    row.save()
    # Whether a complete session was paid, is being paid or failed is for its payment intent to say.
    if session.status == "expired" and donation.state == Donation.State.STARTED and not donation.has_live_session():
        donation.move(Donation.State.ABANDONED, at=at)


def _restore(session: Any, donation: Donation, gift: GiftMetadata) -> None:
    """Let the donation say what was paid, whatever was chosen on the form after the page was finished."""
    total = _total_of(session, gift)
    if not 0 <= gift.fee_cover < total:
        return
    paid = {
        "frequency": gift.frequency,
        "amount": total - gift.fee_cover,
        "fee_cover": gift.fee_cover,
        "currency": session.currency.upper(),
    }
    changed = {name: value for name, value in paid.items() if getattr(donation, name) != value}
    if changed:
        for name, value in changed.items():
            setattr(donation, name, value)
        donation.save(update_fields=changed)


def _row_of(session: Any, donation: Donation) -> CheckoutSession | None:
    """Return our row of a session: by Stripe's id, or by the number we gave it when the answer never reached us."""
    known = donation.sessions.filter(stripe_id=session.id).first()
    if known is not None:
        return known
    number = int(stripe_api.plain(session.metadata).get("newsroom_number", "0") or 0)
    row = donation.sessions.filter(number=number).first()
    if row is None:
        row = CheckoutSession(donation=donation, number=number, parameters={})
        row.created_at = stripe_api.time_of(session.created)
        row.expires_at = stripe_api.time_of(session.expires_at)
        return row
    if row.stripe_id not in (None, session.id):
        logger.error("Two sessions carry number %s of donation %s.", number, donation.pk)
        return None
    return row


def _email_in(session: Any) -> str:
    details = session.customer_details
    return (details.email if details is not None else None) or session.customer_email or ""
