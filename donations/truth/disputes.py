"""Disputes: a donor's bank takes a payment back, for a while or for good."""

from typing import Any

from donations import stripe_api
from donations.models import Dispute, Payment


def apply(objects: list[Any], payment: Payment) -> None:
    """Write the disputes of a locked payment, and how much they hold. The caller has a transaction open."""
    for obj in objects:
        dispute = Dispute.objects.filter(stripe_id=obj.id).first()
        if dispute is None:
            dispute = Dispute(
                stripe_id=obj.id,
                payment=payment,
                amount=obj.amount,
                currency=obj.currency.upper(),
                state=obj.status,
                created_at=stripe_api.time_of(obj.created),
                livemode=payment.livemode,
            )
        elif obj.status in Dispute.TRANSITIONS[Dispute.State(dispute.state)]:
            dispute.state = obj.status
        dispute.reason = obj.reason or ""
        due_by = obj.evidence_details.due_by if obj.evidence_details is not None else None
        dispute.answer_by = stripe_api.time_of(due_by) if due_by else None
        dispute.balance_change = sum(one.net for one in obj.balance_transactions or [])
        dispute.save()
    held = sum(payment.disputes.filter(state__in=Dispute.HOLDING).values_list("amount", flat=True))
    if held != payment.disputed:
        payment.disputed = held
        payment.save(update_fields=["disputed"])
