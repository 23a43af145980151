"""Refunds: each one is applied by its own id, however many come in one event."""

from typing import Any

from donations import stripe_api
from donations.models import Payment, Refund


def apply(objects: list[Any], payment: Payment) -> list[tuple[Refund, bool]]:
    """Write the refunds of a locked payment, and what they add up to. The caller has a transaction open.

    Returns the refunds that are done now and were not before, each with whether it was known here.
    """
    done = []
    for obj in objects:
        refund = Refund.objects.filter(stripe_id=obj.id).first()
        before = refund.state if refund is not None else ""
        wanted = obj.status or Refund.State.SUCCEEDED
        if refund is None:
            refund = Refund(
                stripe_id=obj.id,
                payment=payment,
                amount=obj.amount,
                currency=obj.currency.upper(),
                state=wanted,
                reason=obj.reason or "",
                created_at=stripe_api.time_of(obj.created),
                livemode=payment.livemode,
            )
        elif wanted in Refund.TRANSITIONS[Refund.State(refund.state)]:
            refund.state = wanted
        refund.failure_reason = obj.failure_reason or ""
        refund.save()
        if refund.state == Refund.State.SUCCEEDED != before:
            done.append((refund, bool(before)))
    returned = sum(
        payment.refunds.exclude(state__in=(Refund.State.FAILED, Refund.State.CANCELED)).values_list("amount", flat=True)
    )
    if returned != payment.refunded:
        payment.refunded = returned
        payment.save(update_fields=["refunded"])
    return done
