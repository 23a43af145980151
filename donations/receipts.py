"""One receipt for each payment, in the donor's language."""

from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format

from donations.models import Donation, GivingTerms, Payment, current_tax_profile, current_terms
from donations.money import format_money
from newsroom.holding import told_at
from newsroom.mail import queue_mail
from newsroom.models import OutgoingMail

# A payment that nobody waited for here and that is learnt later than this was lost and found again; its receipt went
# out before the loss, or comes with the yearly statement. Mailing it again would alarm people.
LATEST = timedelta(days=7)


def queue_receipt(payment: Payment, *, was_awaited: bool, at: datetime) -> OutgoingMail | None:
    """Ask for the receipt of a paid payment, once however often it is called. The caller has a transaction open.

    `was_awaited` says that the payment was pending here. A debit may take two weeks, and its receipt is no old news.
    """
    donor = payment.donation.donor
    if donor is None or donor.email is None or payment.paid_at is None:
        return None
    if not was_awaited and at - payment.paid_at > LATEST:
        return None
    if is_before_adoption(payment.donation, payment.paid_at):
        return None
    return queue_mail(
        key=f"receipt:{payment.pk}",
        template="renewal_receipt" if payment.is_renewal else "receipt",
        to=donor.email,
        context=receipt_context(payment),
        language=payment.donation.language,
        at=at,
        tells_of=told_at(payment.paid_at) if was_awaited else payment.paid_at,
    )


def is_before_adoption(donation: Donation, moment: datetime) -> bool:
    """Say whether something happened before its gift was taken over: whoever ran it then has told the donor."""
    return donation.adopted_at is not None and moment <= donation.adopted_at


def queue_again(payment: Payment, *, number: int, at: datetime) -> OutgoingMail | None:
    """Ask for a receipt once more, at a person's wish. `number` counts the wishes; one wish is one mail."""
    donor = payment.donation.donor
    if donor is None or donor.email is None or payment.state != Payment.State.PAID:
        return None
    with transaction.atomic():
        return queue_mail(
            key=f"receipt:{payment.pk}:again:{number}",
            template="renewal_receipt" if payment.is_renewal else "receipt",
            to=donor.email,
            context=receipt_context(payment),
            language=payment.donation.language,
            at=at,
        )


def _tax_line(terms: GivingTerms) -> str:
    """Return staff's own line, else the organisation's facts, unless a mailbox must not hold them."""
    profile = current_tax_profile()
    if terms.tax_line or terms.is_discreet or profile is None:
        return terms.tax_line
    return profile.line


def written_day(day: date | None, language: str) -> str:
    """Write a day as the language does; empty for none."""
    if day is None:
        return ""
    with translation.override(language):
        return date_format(day)


def receipt_context(payment: Payment) -> dict[str, Any]:
    """Return the words of a receipt, as JSON: what is printed stays what it was, whatever staff change later."""
    donation = payment.donation
    terms = current_terms()
    language = donation.language
    # An amount that was changed since is not the sum of the gift and the fee any more.
    fee_cover = donation.fee_cover if payment.gross == donation.total else 0
    return {
        "number": payment.receipt_number,
        "amount": format_money(payment.gross, payment.currency, language, exact=True),
        "fee_cover": format_money(fee_cover, payment.currency, language, exact=True) if fee_cover else "",
        "currency": payment.currency,
        "date": written_day(payment.gift_date, language),
        "frequency": donation.frequency,
        "name": donation.name or (donation.donor.name if donation.donor else ""),
        "method": payment.method,
        "tax_line": _tax_line(terms),
        "is_discreet": terms.is_discreet,
        "manage_url": settings.SITE_URL + reverse("donations:mine"),
    }
