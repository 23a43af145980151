"""Invoices: each is one turn of a recurring gift, and names the payment intents that pay it."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from donations import notices, stripe_api
from donations.models import RecurringGift
from donations.truth import ownership, payment_intents, recurring

# How the payment of an invoice stands when the donor has to do something about it.
REFUSED = frozenset({"requires_payment_method", "requires_action"})


def learn(invoice_id: str) -> None:
    """Fetch an invoice and apply its subscription and each of its payments. One of zero has none, and that is fine.

    Raises NotOurs, BadMetadata, and the errors of `stripe_api`.
    """
    invoice = stripe_api.retrieve_invoice(invoice_id)
    ownership.check_mode(invoice)
    subscription_id = subscription_of(invoice)
    if not subscription_id:
        raise ownership.NotOurs("invoice without a subscription")
    gift = recurring.learn(subscription_id)
    for intent_id in intents_of(invoice):
        payment_intents.learn(intent_id)
    if is_refused(invoice):
        _follow_refusal(invoice, gift)


def is_refused(invoice: Any) -> bool:
    """Say whether a renewal was tried and refused. A debit that a bank still works on was not."""
    if invoice.status != "open" or invoice.billing_reason != "subscription_cycle" or not invoice.attempt_count:
        return False
    statuses = {stripe_api.retrieve_payment_intent(intent_id).status for intent_id in intents_of(invoice)}
    return bool(statuses) and statuses <= REFUSED


def _follow_refusal(invoice: Any, gift: RecurringGift) -> None:
    """Ask the donor to look at the card; after the last try, end the gift, and the goodbye says so.

    1. End the subscription. 2. Void the invoice. An open invoice is what brings a repetition back here after a crash,
    so it goes last, whatever became of the gift meanwhile.
    """
    is_ended = gift.state == RecurringGift.State.ENDED
    if invoice.next_payment_attempt is None:
        if not is_ended:
            # The goodbye differs from the mail after a donor's own end, also where the first tries were never told.
            RecurringGift.objects.filter(pk=gift.pk).update(has_failed_renewal=True)
            stripe_api.cancel_subscription(gift.stripe_id)
            recurring.learn(gift.stripe_id)
        stripe_api.void_invoice(invoice.id)
    elif not is_ended:
        with transaction.atomic():
            ownership.lock(gift.donation_id)
            notices.queue_renewal_failed(
                gift,
                invoice_id=invoice.id,
                attempt=invoice.attempt_count,
                next_try=stripe_api.time_of(invoice.next_payment_attempt),
                at=timezone.now(),
            )


def subscription_of(invoice: Any) -> str:
    """Return the id of the subscription an invoice belongs to, which lives under `parent` in this API version."""
    details = invoice.parent.subscription_details if invoice.parent is not None else None
    return stripe_api.id_of(details.subscription) if details is not None else ""


def intents_of(invoice: Any) -> list[str]:
    payments = invoice.payments.data if invoice.payments is not None else []
    ids = [stripe_api.id_of(one.payment.payment_intent) for one in payments if one.payment.type == "payment_intent"]
    return [intent_id for intent_id in ids if intent_id]
