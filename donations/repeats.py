"""A second payment of the same sum within an hour: shown to the donor and to staff, because it may be a mistake."""

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet

from donations.models import Donation, Payment

WITHIN = timedelta(hours=1)
# The first key of the advisory locks of this module; the second is the donor's.
LOCK = 720_311


def note(payment: Payment, *, donor_id: int) -> None:
    """Let the later of two equal payments of a donor point to the earlier one. The caller has a transaction open.

    Webhooks arrive in any order, so the payment may be the earlier one as well. Two payments that are learnt at the
    same moment wait for one another here, last of all that their transactions lock.
    """
    if payment.is_renewal or payment.paid_at is None:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, donor_id % 2**31])
    others = _equal(payment, donor_id=donor_id)
    before = others.filter(paid_at__lte=payment.paid_at).order_by("-paid_at", "-pk").first()
    if before is not None:
        _point(payment, before)
        return
    after = others.filter(repeats__isnull=True).order_by("paid_at", "pk").first()
    if after is not None:
        _point(after, payment)


def _equal(payment: Payment, *, donor_id: int) -> QuerySet[Payment]:
    """Return the same donor's other paid gifts of the same sum, at most an hour away. A renewal repeats nothing."""
    paid_at: datetime = payment.paid_at or payment.created_at
    return Payment.objects.filter(
        donation__donor_id=donor_id,
        state=Payment.State.PAID,
        gross=payment.gross,
        currency=payment.currency,
        is_renewal=False,
        paid_at__gte=paid_at - WITHIN,
        paid_at__lte=paid_at + WITHIN,
    ).exclude(donation_id=payment.donation_id)


def _point(later: Payment, earlier: Payment) -> None:
    later.repeats = earlier
    later.save(update_fields=["repeats"])


def minutes_before(donation: Donation) -> int | None:
    """Return how many minutes before this gift its donor gave the same sum, at least one; None where nobody did."""
    payment = Payment.objects.filter(donation=donation, repeats__isnull=False).select_related("repeats").first()
    if payment is None or payment.repeats is None or payment.paid_at is None or payment.repeats.paid_at is None:
        return None
    if payment.kept == 0 or payment.repeats.kept == 0:
        # One of the two went back, so there is no mistake left to speak of.
        return None
    return max(1, round((payment.paid_at - payment.repeats.paid_at).total_seconds() / 60))
