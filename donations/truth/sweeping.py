"""Finding what a crash, a lost message or a lost webhook left behind."""

import logging
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q

from donations import stripe_api
from donations.metadata import BadMetadata
from donations.models import CheckoutSession, Donation, Payment, StripeEvent, StripeObject
from donations.truth import ownership, payment_intents, sessions

logger = logging.getLogger(__name__)

FIRST_LOOK = timedelta(minutes=3)
NEXT_LOOK = timedelta(minutes=10)
UNSETTLED_LOOK = timedelta(minutes=30)
# How long one answer about a session serves everyone who asks.
ASK_AGAIN_AFTER = timedelta(seconds=2)
# So long after its end a session that Stripe does not find any more is over: the key is another account's.
MISSING_FOR = timedelta(days=1)
BATCH = 100


def due_events(*, at: datetime) -> list[int]:
    """Return the events that wait, the longest waiting first."""
    rows = StripeEvent.objects.filter(state=StripeEvent.State.RECEIVED, not_before__lte=at).order_by("not_before", "pk")
    return list(rows.values_list("pk", flat=True)[: 5 * BATCH])


def donations_to_ask_about(*, at: datetime) -> list[int]:
    """Return the donations whose open session Stripe has not been asked about for some minutes."""
    quiet = Q(asked_at__isnull=True, created_at__lte=at - FIRST_LOOK) | Q(asked_at__lte=at - NEXT_LOOK)
    rows = CheckoutSession.objects.filter(
        quiet, state__in=CheckoutSession.LIVE_STATES, livemode=stripe_api.uses_live_mode()
    )
    never_asked_first = F("asked_at").asc(nulls_first=True)
    return list(rows.order_by(never_asked_first, "created_at", "pk").values_list("donation_id", flat=True)[:BATCH])


def payments_to_ask_about(*, at: datetime) -> list[int]:
    """Return payments that are pending, or paid and not settled, and were not asked about for a while."""
    rows = Payment.objects.filter(Q(state=Payment.State.PENDING) | Q(state=Payment.State.PAID, settled__isnull=True))
    asked = StripeObject.objects.filter(stripe_id=OuterRef("payment_intent_id"), asked_at__gt=at - UNSETTLED_LOOK)
    rows = rows.filter(~Exists(asked), created_at__lte=at - FIRST_LOOK, livemode=stripe_api.uses_live_mode())
    return list(rows.order_by("created_at").values_list("pk", flat=True)[:BATCH])


def learn_donation(pk: int, *, at: datetime) -> None:
    """Ask Stripe what became of a donation's live session. Errors of the network are left to the next look."""
    live = CheckoutSession.objects.filter(donation_id=pk, state__in=CheckoutSession.LIVE_STATES).first()
    session = (
        live or CheckoutSession.objects.filter(donation_id=pk, stripe_id__isnull=False).order_by("-number").first()
    )
    if session is None:
        return
    # Anybody may reload the page that wakes this, so one question at a time goes to Stripe.
    lately = at - ASK_AGAIN_AFTER
    idle = Q(asked_at__isnull=True) | Q(asked_at__lte=lately) | Q(asked_at__gt=at)
    if not CheckoutSession.objects.filter(idle, pk=session.pk).update(asked_at=at):
        return
    try:
        if session.stripe_id is not None:
            sessions.learn(session.stripe_id)
        elif session.expires_at <= at:
            _give_up(session, at=at)
    except stripe_api.StripeMissing:
        logger.warning("Session %s is not known to Stripe.", session.pk)
        if session.expires_at <= at - MISSING_FOR:
            _end(session, CheckoutSession.State.EXPIRED, at=at)
    except (stripe_api.StripeError, ownership.NotOurs, BadMetadata) as error:
        logger.warning("Session %s was not learnt (%s).", session.pk, type(error).__name__)


def _give_up(session: CheckoutSession, *, at: datetime) -> None:
    """End a call that never got an answer, now that whatever it made has expired. Nobody was sent to its page."""
    found = stripe_api.find_checkout_session(
        email=session.donation.email,
        created_from=session.created_at,
        reference=str(session.donation.attempt_key),
        number=session.number,
    )
    if found is not None:
        sessions.learn(found.id)
        return
    _end(session, CheckoutSession.State.BROKEN, at=at)


def _end(session: CheckoutSession, state: CheckoutSession.State, *, at: datetime) -> None:
    """End a live session that Stripe knows nothing of, and forget what was sent."""
    live = CheckoutSession.objects.filter(pk=session.pk, state=session.state, state__in=CheckoutSession.LIVE_STATES)
    if live.update(state=state, parameters={}, url=""):
        Donation.objects.filter(pk=session.donation_id, state=Donation.State.STARTED).update(
            state=Donation.State.ABANDONED, state_at=at
        )


def learn_payment(pk: int) -> None:
    payment = Payment.objects.get(pk=pk)
    try:
        payment_intents.learn(payment.payment_intent_id)
    except (stripe_api.StripeError, ownership.NotOurs, BadMetadata) as error:
        logger.warning("Payment %s was not learnt (%s).", payment.pk, type(error).__name__)
