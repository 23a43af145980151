"""Payment intents: the money of one gift or one renewal, with its refunds and disputes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from donations import notices, receipts, repeats, safety, stripe_api
from donations.metadata import GiftMetadata, metadata_of
from donations.models import CheckoutSession, Decline, Donation, Payment, RecurringGift, current_terms
from donations.truth import disputes, ownership, recurring, refunds
from donations.truth.questions import ask
from subscriptions import consent

STATES = {
    "succeeded": Payment.State.PAID,
    "processing": Payment.State.PENDING,
    "canceled": Payment.State.FAILED,
    "requires_payment_method": Payment.State.FAILED,
}


@dataclass(frozen=True)
class _Source:
    """What a payment intent is for: a gift's own payment, or one turn of a recurring gift."""

    gift: GiftMetadata
    recurring_gift: RecurringGift | None = None
    invoice_id: str = ""
    is_renewal: bool = False


def learn(intent_id: str) -> None:
    """Fetch a payment intent with its charge, fee, refunds and disputes, and apply them.

    1. Number the question and fetch. 2. Find the donation: by our metadata, or through the invoice. 3. In one
    transaction, under the donation's lock, write the payment, what went back, the donation's state and the receipt.

    Raises NotOurs, BadMetadata, and the errors of `stripe_api`.
    """
    question = ask(intent_id)
    intent = stripe_api.retrieve_payment_intent(intent_id)
    ownership.check_mode(intent)
    source = _source_of(intent)
    charge = intent.latest_charge
    if intent.status == "requires_capture":
        _capture_or_refuse(intent, source, look=question.number)
        return
    known = Payment.objects.filter(payment_intent_id=intent.id).first()
    may_have_returned = known is not None or intent.status == "succeeded"
    given_back = stripe_api.refunds_of(intent.id) if may_have_returned and charge is not None else []
    contested = stripe_api.disputes_of(intent.id) if may_have_returned and charge is not None else []
    declined = _declined_charges(intent)
    at = timezone.now()
    with transaction.atomic():
        if not question.use():
            return
        donation = _donation_of(intent, source)
        _count_declines(donation, intent, declined)
        payment = _apply(intent, charge, source, donation, at=at)
        if payment is None:
            _follow_cancellation(intent, donation, at=at)
            return
        for refund, was_awaited in refunds.apply(given_back, payment):
            notices.queue_refund(refund, was_awaited=was_awaited, at=at)
        disputes.apply(contested, payment)


def is_ours(intent: Any) -> bool:
    """Say whether an intent pays a gift of ours, on an account that may have other business. Writes nothing.

    Raises BadMetadata, and the errors of `stripe_api`.
    """
    try:
        if _carries_metadata(intent):
            ownership.gift_in(intent)
            return True
        _invoice, subscription_id = _renewed_by(intent)
        if not RecurringGift.objects.filter(stripe_id=subscription_id).exists():
            ownership.gift_in(stripe_api.retrieve_subscription(subscription_id))
    except ownership.NotOurs:
        return False
    return True


def _capture_or_refuse(intent: Any, source: _Source, *, look: int) -> None:
    """Take the money that a bank has reserved, now that the card's country is known, or let the reservation go.

    `look` numbers the look that found it reserved, and the idempotency key with it: Stripe repeats a stored 5xx to the
    same key for a day. A reservation cannot be captured twice, whatever the key.
    """
    if not safety.is_blocked(intent.latest_charge):
        try:
            stripe_api.capture_payment_intent(intent.id, idempotency_key=f"capture:{intent.id}:{look}")
        except stripe_api.StripeRefused:
            if stripe_api.retrieve_payment_intent(intent.id).status == "requires_capture":
                raise
        learn(intent.id)
        return
    # The giver is forgotten first: a crash after the reservation is gone would leave nothing that leads back here.
    at = timezone.now()
    with transaction.atomic():
        _refuse(intent, _donation_of(intent, source), at=at)
    stripe_api.cancel_payment_intent(intent.id)


def _refuse(intent: Any, donation: Donation, *, at: datetime) -> None:
    if donation.state != Donation.State.RETURNED:
        safety.refuse(donation, country=safety.country_of(intent.latest_charge), at=at)


def _follow_cancellation(intent: Any, donation: Donation, *, at: datetime) -> None:
    """Close a donation whose reserved money was let go: by us for safety, in Stripe's dashboard, or by time."""
    if intent.status != "canceled" or donation.state != Donation.State.STARTED or donation.has_live_session():
        return
    if safety.is_blocked(intent.latest_charge):
        _refuse(intent, donation, at=at)
    else:
        donation.move(Donation.State.FAILED, at=at)


def _donation_of(intent: Any, source: _Source) -> Donation:
    return ownership.donation_of(
        source.gift,
        amount=intent.amount,
        currency=intent.currency,
        at=stripe_api.time_of(intent.created),
        livemode=intent.livemode,
    )


def learn_charge(charge_id: str) -> None:
    """Learn the payment intent of a charge. A charge without one is not of our making."""
    intent_id = stripe_api.id_of(stripe_api.retrieve_charge(charge_id).payment_intent)
    _learn_or_disown(intent_id)


def learn_refund(refund_id: str) -> None:
    _learn_or_disown(stripe_api.id_of(stripe_api.retrieve_refund(refund_id).payment_intent))


def learn_dispute(dispute_id: str) -> None:
    _learn_or_disown(stripe_api.id_of(stripe_api.retrieve_dispute(dispute_id).payment_intent))


def _learn_or_disown(intent_id: str) -> None:
    # An empty id must never reach a look-up: it would match every row without one.
    if not intent_id:
        raise ownership.NotOurs("no payment intent")
    learn(intent_id)


def _carries_metadata(intent: Any) -> bool:
    return any(key.startswith("newsroom_") for key in stripe_api.plain(intent.metadata))


def _renewed_by(intent: Any) -> tuple[Any, str]:
    """Return the invoice that an intent pays and the id of its subscription. Raises NotOurs where there is none."""
    # An intent does not name its invoice in this API version; the invoice's payments name the intent.
    invoice_id = stripe_api.invoice_of(intent.id)
    if not invoice_id:
        raise ownership.NotOurs("neither metadata of ours nor an invoice")
    invoice = stripe_api.retrieve_invoice(invoice_id)
    details = invoice.parent.subscription_details if invoice.parent is not None else None
    subscription_id = stripe_api.id_of(details.subscription) if details is not None else ""
    if not subscription_id:
        raise ownership.NotOurs("invoice without a subscription")
    return invoice, subscription_id


def _source_of(intent: Any) -> _Source:
    if _carries_metadata(intent):
        return _Source(ownership.gift_in(intent))
    invoice, subscription_id = _renewed_by(intent)
    gift = RecurringGift.objects.select_related("donation").filter(stripe_id=subscription_id).first()
    gift = gift or recurring.learn(subscription_id)
    return _Source(
        gift=metadata_of(gift.donation),
        recurring_gift=gift,
        invoice_id=invoice.id,
        is_renewal=invoice.billing_reason == "subscription_cycle",
    )


def _apply(intent: Any, charge: Any, source: _Source, donation: Donation, *, at: datetime) -> Payment | None:
    state = STATES.get(intent.status)
    payment = Payment.objects.select_for_update().filter(payment_intent_id=intent.id).first()
    if payment is None:
        # A card that was refused, or a page still open, moved no money: there is no payment to write.
        if state not in (Payment.State.PAID, Payment.State.PENDING):
            return None
        payment = Payment(
            payment_intent_id=intent.id,
            donation=donation,
            recurring_gift=source.recurring_gift,
            invoice_id=source.invoice_id or None,
            is_renewal=source.is_renewal,
            state=Payment.State.PENDING,
            gross=intent.amount,
            currency=intent.currency.upper(),
            created_at=stripe_api.time_of(intent.created),
            livemode=intent.livemode,
        )
    payment.frequency = donation.frequency
    before = payment.state if payment.pk else ""
    if state is not None and state != payment.state and state in Payment.TRANSITIONS[Payment.State(payment.state)]:
        payment.state = state
    _fill(payment, intent, charge)
    payment.save()
    if payment.state != before:
        _follow(payment, donation, charge, was_awaited=before == Payment.State.PENDING, at=at)
    return payment


def _fill(payment: Payment, intent: Any, charge: Any) -> None:
    if charge is None:
        return
    payment.charge_id = charge.id
    payment.method = (charge.payment_method_details.type if charge.payment_method_details is not None else "") or ""
    if payment.state != Payment.State.PAID:
        return
    payment.gross = intent.amount_received
    if payment.paid_at is None:
        payment.paid_at = stripe_api.time_of(charge.created)
        payment.gift_date = payment.paid_at.astimezone(current_terms().tax_zone).date()
    settlement = charge.balance_transaction
    # Stripe settles a moment, or for debits days, after the payment succeeded.
    if settlement is not None and not isinstance(settlement, str):
        payment.settled = settlement.amount
        payment.fee = settlement.fee
        payment.net = settlement.net
        payment.settled_currency = settlement.currency.upper()


def _follow(payment: Payment, donation: Donation, charge: Any, *, was_awaited: bool, at: datetime) -> None:
    """Let a payment's new state reach its donation, its donor and their mailbox."""
    if payment.state == Payment.State.PENDING:
        donation.move(Donation.State.PENDING, at=at)
    elif payment.state == Payment.State.FAILED and not payment.is_renewal:
        donation.move(Donation.State.FAILED, at=at)
    if payment.state != Payment.State.PAID:
        return
    # A replayed history passes here again; what was taken back stays taken back.
    if safety.is_blocked(charge):
        safety.take_back(payment, donation, country=safety.country_of(charge), at=at)
        return
    billing = charge.billing_details if charge is not None else None
    donor = ownership.donor_of(donation, email=(billing.email if billing is not None else "") or "", at=at)
    gift = payment.recurring_gift
    if gift is not None:
        if gift.customer_id is None and charge is not None:
            customer_id = stripe_api.id_of(charge.customer)
            gift.customer = ownership.customer_of(donor, customer_id, livemode=payment.livemode, at=at)
        gift.has_failed_renewal = False
        gift.save(update_fields=["customer", "has_failed_renewal"])
    if donation.newsletter_asked_at is not None and not payment.is_renewal:
        consent.release_requests(safety.newsletter_hold(donation))
    donation.move(Donation.State.GIVEN, at=at)
    receipts.queue_receipt(payment, was_awaited=was_awaited, at=at)
    if donor is not None:
        repeats.note(payment, donor_id=donor.pk)


def _declined_charges(intent: Any) -> list[Any]:
    """Return the refused charges of an intent; asked only when there was one, since a good payment has none to list."""
    if intent.last_payment_error is None and intent.status != "requires_payment_method":
        return []
    return [charge for charge in stripe_api.charges_of(intent.id) if charge.status == "failed"]


def _count_declines(donation: Donation, intent: Any, declined: list[Any]) -> None:
    if not declined:
        return
    Decline.objects.bulk_create(
        [
            Decline(
                charge_id=charge.id,
                donation=donation,
                code=(charge.outcome.reason if charge.outcome is not None else None) or charge.failure_code or "",
                at=stripe_api.time_of(charge.created),
            )
            for charge in declined
        ],
        ignore_conflicts=True,
    )
    # An open session does not name its intent before it is complete, but a donation has one open session at most.
    is_open = Q(payment_intent_id="", state=CheckoutSession.State.OPEN)
    tried = donation.sessions.filter(Q(payment_intent_id=intent.id) | is_open)
    tried.update(declines=len(declined), payment_intent_id=intent.id)
