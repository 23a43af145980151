"""Gifts that would endanger their giver: refused by the card's country, sent back, and forgotten."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from donations import stripe_api
from donations.models import Donation, Donor, DonorLink, Payment, RecurringGift, SafetyReturn, current_terms
from newsroom.history import record
from newsroom.models import OutgoingMail
from subscriptions import consent

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
# The mails of this package that may wait in the outbox when a giver is forgotten.
TEMPLATES = (
    "receipt", "renewal_receipt", "give_link", "gift_link", "renewal_failed", "annual_notice", "card_expiring",
    "yearly_statement",
)  # fmt: skip


def is_blocked(charge: Any) -> bool:
    """Say whether a charge was made with a card of a country where giving is a crime."""
    return is_blocked_country(country_of(charge))


def is_blocked_country(country: str) -> bool:
    return country in current_terms().blocked_countries


def country_of(charge: Any) -> str:
    return country_of_method(charge.payment_method_details if charge is not None else None)


def country_of_method(method: Any) -> str:
    """Return the country of a card, of a way to pay given whole; empty for an id, another way to pay, and none."""
    card = getattr(method, "card", None) if method is not None else None
    return (getattr(card, "country", None) or "").upper() if card is not None else ""


def take_back(payment: Payment, donation: Donation, *, country: str, at: datetime) -> None:
    """Mark a paid gift for its return and forget its giver now; a worker does the rest at Stripe.

    The caller holds the donation's lock and has a transaction open. No mail is sent: one would name the outlet.
    """
    _row, is_new = SafetyReturn.objects.get_or_create(
        payment=payment, defaults={"country": country, "created_at": at, "not_before": at}
    )
    donation.move(Donation.State.RETURNED, at=at)
    forget(donation, at=at)
    gift = payment.recurring_gift
    if is_new and (gift is None or not SafetyReturn.objects.filter(recurring_gift=gift).exists()):
        record(payment, action="payment.taken_back_for_safety", after={"country": country}, at=at)


def end_gift(gift: RecurringGift, donation: Donation, *, country: str, at: datetime) -> None:
    """Mark a recurring gift for its end before its new card is charged, and forget its giver now.

    The caller holds the donation's lock. What was given before came with another card and stays.
    """
    _row, is_new = SafetyReturn.objects.get_or_create(
        recurring_gift=gift, defaults={"country": country, "created_at": at, "not_before": at}
    )
    if is_new:
        forget(donation, at=at)
        record(gift, action="recurring_gift.ended_for_safety", after={"country": country}, at=at)


def refuse(donation: Donation, *, country: str, at: datetime) -> None:
    """Close a gift whose card was not charged yet, and forget its giver. The caller holds the lock."""
    donation.move(Donation.State.RETURNED, at=at)
    forget(donation, at=at)
    record(donation, action="donation.refused_for_safety", after={"country": country}, at=at)


def forget(donation: Donation, *, at: datetime) -> None:
    """Empty everything that names the giver of a locked donation, and the donor's row if no other gift needs it."""
    donor = donation.donor
    addresses = {donation.email} | ({donor.email or ""} if donor is not None else set())
    donation.sessions.update(parameters={}, url="")
    if donation.newsletter_asked_at is not None:
        consent.drop_requests(newsletter_hold(donation))
    if donor is not None and donor.donations.exclude(pk=donation.pk).exists():
        donation.donor = None
    elif donor is not None:
        erase_donor(donor, at=at)
    donation.email = donation.name = donation.note = ""
    donation.erased_at = donation.erased_at or at
    donation.save(update_fields=["email", "name", "note", "donor", "erased_at"])
    mails = OutgoingMail.objects.filter(address__in=addresses - {""}, template__in=TEMPLATES)
    mails.filter(state=OutgoingMail.State.QUEUED).update(
        state=OutgoingMail.State.CANCELLED, ended_at=at, address="", context={}
    )


def newsletter_hold(donation: Donation) -> str:
    """Return the name under which a gift's wish for the newsletter waits for the country of its card."""
    return f"gift:{donation.attempt_key}"


def erase_donor(donor: Donor, *, at: datetime) -> None:
    """Empty a donor's row. It stays without the person, because payments and Stripe's ids hang on it."""
    donor.email, donor.name, donor.erased_at = None, "", donor.erased_at or at
    donor.save(update_fields=["email", "name", "erased_at"])
    DonorLink.objects.filter(donor=donor).delete()
    donor.statements.all().delete()


def due(*, at: datetime) -> list[int]:
    rows = SafetyReturn.objects.filter(state=SafetyReturn.State.WAITING, not_before__lte=at)
    return list(rows.order_by("not_before", "pk").values_list("pk", flat=True)[:100])


def work(pk: int, *, at: datetime) -> None:
    """Do at Stripe what a return needs, each step harmless when it was done before.

    1. End the subscription. 2. Void what is still asked of the giver. 3. Refund. 4. Delete the customer.
    """
    waiting = SafetyReturn.objects.filter(pk=pk, state=SafetyReturn.State.WAITING, not_before__lte=at)
    if not waiting.update(not_before=at + LEASE, tries=F("tries") + 1):
        return
    row = SafetyReturn.objects.select_related("payment__recurring_gift", "recurring_gift").get(pk=pk)
    try:
        _undo(row)
    except stripe_api.StripeError as error:
        delay = timedelta(minutes=2 ** min(row.tries, 10))
        SafetyReturn.objects.filter(pk=pk).update(
            error=f"{type(error).__name__} {error.code}"[:200], not_before=at + delay
        )
        logger.warning("Return %s is not done yet (%s).", pk, error.code)
        return
    with transaction.atomic():
        done = SafetyReturn.objects.filter(pk=pk, state=SafetyReturn.State.WAITING)
        done.update(state=SafetyReturn.State.DONE, done_at=at, error="")


def _undo(row: SafetyReturn) -> None:
    payment = row.payment
    gift = payment.recurring_gift if payment is not None else row.recurring_gift
    if gift is not None:
        do(stripe_api.cancel_subscription, gift.stripe_id)
        for invoice in stripe_api.open_invoices_of(gift.stripe_id):
            do(stripe_api.void_invoice, invoice.id)
    if payment is not None and payment.refunded < payment.gross:
        _refund(payment.payment_intent_id, number=row.tries)
    if gift is not None:
        # A first gift is taken back before its customer is written here, so only Stripe knows the id.
        do(stripe_api.delete_customer, stripe_api.id_of(stripe_api.retrieve_subscription(gift.stripe_id).customer))


def _refund(intent_id: str, *, number: int) -> None:
    """Give back what is left of a payment, under a key of this try: Stripe repeats a stored 5xx for a day.

    What a try that seemed to fail has given back is not given back twice, because then there is nothing left.
    """
    reason = {"newsroom_reason": "safety"}
    try:
        stripe_api.create_refund(
            intent_id, amount=None, metadata=reason, idempotency_key=f"safety:{intent_id}:{number}"
        )
    except stripe_api.StripeRefused as error:
        if error.code != "charge_already_refunded":
            raise


def do(call: Any, stripe_id: str) -> None:
    """Call Stripe for a step that may have been done before: then it refuses, which is as good."""
    try:
        call(stripe_id)
    except stripe_api.StripeRefused as error:
        logger.info("A step of a return was refused (%s); it was done before.", error.code)
