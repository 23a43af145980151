"""The mails of a gift's life. Each is asked for in the transaction of what it tells, under a key that is used once."""

from calendar import monthrange
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from donations.models import Frequency, RecurringGift, Refund, current_terms
from donations.money import format_money
from donations.receipts import is_before_adoption, written_day
from newsroom.holding import told_at
from newsroom.mail import queue_mail

# What is learnt later than this is old news: a mail about it would alarm people.
LATEST = timedelta(days=7)
# The hour, UTC, of the daily job that asks for notices.
JOB_HOUR = 8
PAYMENT_FAILED = "payment_failed"


def queue_refund(refund: Refund, *, was_awaited: bool, at: datetime) -> None:
    """Confirm that money went back, however late where the refund was pending here.

    Not after a return for safety: that donor is forgotten.
    """
    payment = refund.payment
    donation = payment.donation
    if not was_awaited and at - refund.created_at > LATEST:
        return
    if is_before_adoption(donation, refund.created_at):
        return
    _queue(
        f"refund:{refund.stripe_id}",
        "refund_confirmed",
        donation,
        {
            "refunded": format_money(refund.amount, refund.currency, donation.language, exact=True),
            "is_whole": refund.amount == payment.gross,
            "gift_date": written_day(payment.gift_date, donation.language),
        },
        at=at,
        tells_of=told_at(refund.created_at) if was_awaited else refund.created_at,
    )


def queue_end(gift: RecurringGift, *, at: datetime) -> None:
    """Confirm that a recurring gift has ended, or say goodbye kindly where the card failed for good."""
    if gift.ended_at is None or at - gift.ended_at > LATEST or is_before_adoption(gift.donation, gift.ended_at):
        return
    failed = gift.end_reason == PAYMENT_FAILED or gift.has_failed_renewal
    template = "gift_goodbye" if failed else "gift_ended"
    _queue(f"ended:{gift.stripe_id}", template, gift.donation, _facts(gift), at=at, tells_of=gift.ended_at)


def queue_renewal_failed(
    gift: RecurringGift, *, invoice_id: str, attempt: int, at: datetime, next_try: datetime | None = None
) -> None:
    """Ask the donor to look at the card, once for each try that failed."""
    if not gift.has_failed_renewal:
        gift.has_failed_renewal = True
        gift.save(update_fields=["has_failed_renewal"])
    next_day = written_day(next_try.date() if next_try else None, gift.donation.language)
    facts = {**_facts(gift), "attempt": attempt, "next_try": next_day}
    _queue(
        f"renewal-failed:{invoice_id}:{attempt}", "renewal_failed", gift.donation, facts, at=at, tells_of=told_at(at)
    )


def queue_due_notices(*, at: datetime) -> str:
    """Ask for the day's notices: cards that end next month, annual gifts that renew soon. Again adds none."""
    count = 0
    month = at.replace(day=1, hour=JOB_HOUR, minute=0, second=0, microsecond=0)
    for gift in _living().filter(card_expires=_end_of_next_month(at.date())).iterator():
        due_at = max(month, gift.started_at)
        count += _notice(
            gift, f"card-expiring:{gift.stripe_id}:{gift.card_expires:%Y-%m}", "card_expiring", at=at, due_at=due_at
        )
    ahead = at + timedelta(days=current_terms().renewal_notice_days)
    annual = _living().filter(donation__frequency=Frequency.ANNUAL, period_ends_at__gt=at, period_ends_at__lte=ahead)
    for gift in annual.filter(ends_at_period_end=False).iterator():
        day = gift.period_ends_at
        due_at = max(day - timedelta(days=current_terms().renewal_notice_days), gift.started_at)
        count += _notice(gift, f"annual-notice:{gift.stripe_id}:{day:%Y-%m-%d}", "annual_notice", at=at, due_at=due_at)
    return f"{count} notices"


def _living() -> Any:
    rows = RecurringGift.objects.select_related("donation__donor")
    return rows.filter(state=RecurringGift.State.ACTIVE, donation__donor__email__isnull=False).order_by("pk")


def _notice(gift: RecurringGift, key: str, template: str, *, at: datetime, due_at: datetime) -> int:
    with transaction.atomic():
        return _queue(key, template, gift.donation, _facts(gift), at=at, tells_of=due_at)


def _end_of_next_month(day: date) -> date:
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    return date(year, month, monthrange(year, month)[1])


def _facts(gift: RecurringGift) -> dict[str, Any]:
    language = gift.donation.language
    return {
        "amount": format_money(gift.amount, gift.currency, language),
        "next_date": written_day(gift.period_ends_at.date() if gift.period_ends_at else None, language),
        "support_url": settings.SITE_URL + reverse("donations:support"),
    }


def _queue(key: str, template: str, donation: Any, context: dict[str, Any], *, at: datetime, tells_of: datetime) -> int:
    donor = donation.donor
    if donor is None or donor.email is None:
        return 0
    common = {
        "frequency": donation.frequency,
        "name": donation.name or donor.name,
        "is_discreet": current_terms().is_discreet,
        "manage_url": settings.SITE_URL + reverse("donations:mine"),
    }
    queue_mail(
        key=key,
        template=template,
        to=donor.email,
        context={**common, **context},
        language=donation.language,
        at=at,
        tells_of=tells_of,
    )
    return 1
