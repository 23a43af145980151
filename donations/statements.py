"""Yearly statements: what each donor gave in a tax year, mailed in January and downloaded on the donor's page.

A gift belongs to the year of its `gift_date`, which was settled in the organisation's tax time zone when the gift was
learnt and never changes.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from donations import stripe_api
from donations.models import Donor, Payment, TaxProfile, YearlyStatement, current_tax_profile, current_terms
from donations.money import format_money
from donations.receipts import written_day
from newsroom.mail import Attachment, queue_mail
from newsroom.models import OutgoingMail
from newsroom.outlet import current_outlet

logger = logging.getLogger(__name__)

TEMPLATE = "yearly_statement"
# The nightly comparison has found by then what webhooks lost of the last day.
# The hour, UTC, of the daily job.
JOB_HOUR = 9
FIRST_DAY = 3
# A debit of the old year may arrive in the new one; so long its donor's statement waits for it.
LAST_DAY_TO_WAIT = 20

Progress = Callable[[int], None]


class NoProfile(Exception):
    """Staff have not written down the organisation's legal name, address and tax number."""


class NothingGiven(Exception):
    """Nothing of this donor's gifts of this year has stayed, or the donor is erased."""


class YearNotOver(Exception):
    """The year still runs in the organisation's time zone, so its statements cannot be mailed."""


@dataclass
class Report:
    """How many donors a year's statements concern, and what they gave, by currency in minor units."""

    year: int
    donors: int = 0
    queued: int = 0
    waiting: int = 0
    kept: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        sums = ", ".join(format_money(total, code, exact=True) for code, total in sorted(self.kept.items()))
        waiting = f", {self.waiting} wait for a debit" if self.waiting else ""
        return f"{self.year}: {self.donors} donors gave {sums or 'nothing'}, {self.queued} mails queued{waiting}"


def current_year(at: datetime) -> int:
    """Return the tax year in which a moment lies."""
    return at.astimezone(current_terms().tax_zone).year


def years_of(donor: Donor) -> list[int]:
    """Return the years in which something was given, the newest first."""
    return sorted(_paid().filter(donation__donor=donor).values_list("gift_date__year", flat=True).distinct())[::-1]


def issue(donor: Donor, year: int, *, at: datetime) -> YearlyStatement:
    """Return the donor's statement of a year: the one that was printed, or the next version where the sums changed.

    The statement of a year that runs says so, and is not kept. Raises NoProfile, NothingGiven.
    """
    profile = current_tax_profile()
    if profile is None:
        raise NoProfile
    with transaction.atomic():
        donor = Donor.objects.select_for_update().get(pk=donor.pk)
        payments = list(_paid().filter(donation__donor=donor, gift_date__year=year).order_by("gift_date", "pk"))
        if donor.email is None or not any(_stayed(payment) for payment in payments):
            raise NothingGiven
        figures = [[payment.pk, payment.gross, _returned(payment)] for payment in payments]
        last = donor.statements.filter(year=year).order_by("-version").first()
        if last is not None and last.figures == figures:
            return last
        is_over = year < current_year(at)
        statement = YearlyStatement(
            donor=donor, year=year, version=last.version + 1 if last else 1, figures=figures, issued_at=at
        )
        with translation.override(donor.language):
            statement.printed = _printed(statement, payments, profile, replaced=last, is_over=is_over)
        if is_over:
            statement.save()
    return statement


def as_pdf(statement: YearlyStatement) -> bytes:
    # The maker of PDF files and its fonts take 25 MB, which only who prints needs to hold.
    from donations.statement_pdf import draw  # noqa: PLC0415

    return draw(statement.printed, number=statement.number, made_at=statement.issued_at)


def file_name(statement: YearlyStatement) -> str:
    # It names neither the outlet nor the person: a folder of downloads is often seen by others.
    return f"statement-{statement.year}.pdf"


def send_year(
    year: int, *, at: datetime, dry_run: bool = False, waits: bool = False, progress: Progress | None = None
) -> Report:
    """Ask for the mail of each donor of a year, once however often it is called. Raises NoProfile, YearNotOver.

    With `waits`, donors of whom a debit of that year is still under way are left for a later day.
    """
    if year >= current_year(at):
        raise YearNotOver
    if current_tax_profile() is None:
        raise NoProfile
    report = Report(year)
    for donor in _donors(year):
        report.donors += 1
        if progress is not None:
            progress(report.donors)
        for payment in _paid().filter(donation__donor=donor, gift_date__year=year):
            report.kept[payment.currency] += _stayed(payment)
        if waits and _is_awaiting(donor, year):
            report.waiting += 1
        elif not dry_run:
            report.queued += _queue(donor, year, at=at)
    return report


def send_due(*, at: datetime) -> str:
    """In January, ask for the statements of the year before. Again adds none. Staff hear of a missing profile."""
    today = at.astimezone(current_terms().tax_zone)
    if today.month != 1 or today.day < FIRST_DAY:
        return "not in January"
    year = today.year - 1
    try:
        return str(send_year(year, at=at, waits=today.day <= LAST_DAY_TO_WAIT))
    except NoProfile:
        if next(_donors(year), None) is not None:
            _ask_for_profile(year, at=at)
        return "the organisation's legal name and tax number are missing"


def guard(mail: OutgoingMail, at: datetime) -> str:
    """Keep back a statement whose donor was erased meanwhile. For the outbox."""
    return "" if YearlyStatement.objects.filter(pk=mail.context.get("statement", 0)).exists() else "the donor is erased"


def attachment_of(mail: OutgoingMail) -> Attachment | None:
    """Draw the statement that a mail announces; none where a mailbox must not hold the organisation's name."""
    if mail.context["is_discreet"]:
        return None
    statement = YearlyStatement.objects.get(pk=mail.context["statement"])
    return Attachment(file_name(statement), as_pdf(statement), "application/pdf")


def _paid() -> QuerySet[Payment]:
    """Return the payments that count: paid, and with real money on a site that takes real money."""
    rows = Payment.objects.filter(state=Payment.State.PAID, livemode=stripe_api.uses_live_mode())
    return rows.select_related("donation")


def _returned(payment: Payment) -> int:
    """Return what went back, by the newsroom's wish or by the donor's bank, in minor units."""
    return min(payment.gross, payment.refunded + payment.disputed)


def _stayed(payment: Payment) -> int:
    return payment.gross - _returned(payment)


def _donors(year: int) -> Iterator[Donor]:
    """Give each donor of whose gifts of a year something stayed, in the order of their numbers, by pages."""
    last = 0
    while True:
        # Whether something stayed is asked in Python, by the one function that knows.
        rows = _paid().filter(gift_date__year=year, donation__donor_id__gt=last, donation__donor__email__isnull=False)
        page = list(rows.order_by("donation__donor_id").values_list("donation__donor_id", flat=True).distinct()[:500])
        if not page:
            return
        last = page[-1]
        kept: Counter[int] = Counter()
        for payment in rows.filter(donation__donor_id__in=page):
            kept[payment.donation.donor_id or 0] += _stayed(payment)
        yield from Donor.objects.filter(pk__in=[pk for pk in page if kept[pk]]).order_by("pk")


def _is_awaiting(donor: Donor, year: int) -> bool:
    new_year = datetime(year + 1, 1, 1, tzinfo=current_terms().tax_zone)
    pending = Payment.objects.filter(donation__donor=donor, state=Payment.State.PENDING, created_at__lt=new_year)
    return pending.exists()


def _due_at(year: int) -> datetime:
    """Return when the statements of a year are mailed."""
    return datetime(year + 1, 1, FIRST_DAY, JOB_HOUR, tzinfo=UTC)


def _queue(donor: Donor, year: int, *, at: datetime) -> int:
    key = f"statement:{donor.pk}:{year}"
    if OutgoingMail.objects.filter(key=key).exists():
        return 0
    with transaction.atomic():
        try:
            statement = issue(donor, year, at=at)
        except NothingGiven:
            return 0
        queue_mail(
            key=key,
            template=TEMPLATE,
            to=str(statement.donor.email),
            context={
                "year": year,
                "statement": statement.pk,
                "name": donor.name,
                "is_discreet": current_terms().is_discreet,
                "manage_url": settings.SITE_URL + reverse("donations:mine"),
            },
            language=donor.language,
            at=at,
            tells_of=_due_at(year),
        )
    return 1


def _printed(
    statement: YearlyStatement,
    payments: list[Payment],
    profile: TaxProfile,
    *,
    replaced: YearlyStatement | None,
    is_over: bool,
) -> dict[str, Any]:
    """Return every line of the page in the donor's language."""
    language = statement.donor.language
    day = written_day(statement.issued_at.astimezone(current_terms().tax_zone).date(), language)
    notes = [
        _("This statement lists the gifts of %(year)s by the day on which they were made, in the time zone %(zone)s.")
        % {"year": statement.year, "zone": current_terms().tax_time_zone}
    ]
    if not is_over:
        notes.append(_("The year is not over. These are the gifts until %(day)s.") % {"day": day})
    if replaced is not None:
        old = written_day(replaced.issued_at.date(), language)
        notes.append(_("It replaces the statement of %(day)s, because sums have changed since.") % {"day": old})
    return {
        "language": language,
        "title": _("Gifts in %(year)s") % {"year": statement.year},
        "organisation": [
            profile.legal_name,
            *profile.address.splitlines(),
            _("Tax number: %(number)s") % {"number": profile.tax_number},
        ],
        "donor": [_("For: %(name)s") % {"name": statement.donor.name or statement.donor.email}],
        "facts": [_("Statement %(number)s of %(day)s") % {"number": statement.number, "day": day}],
        "notes": notes,
        "columns": [_("Day"), _("Receipt number"), _("Given"), _("Returned")],
        "tables": [_table(code, payments, language) for code in sorted({one.currency for one in payments})],
        "closing": [profile.status] if profile.status else [],
    }


def _table(currency: str, payments: list[Payment], language: str) -> dict[str, Any]:
    def write(amount: int) -> str:
        return format_money(amount, currency, language, exact=True)

    mine = [payment for payment in payments if payment.currency == currency]
    rows = [
        [
            written_day(payment.gift_date, language),
            payment.receipt_number,
            write(payment.gross),
            write(_returned(payment)) if _returned(payment) else "",
        ]
        for payment in mine
    ]
    given, returned = sum(payment.gross for payment in mine), sum(_returned(payment) for payment in mine)
    return {
        "title": currency,
        "rows": rows,
        "sums": [_("Together"), "", write(given), write(returned) if returned else ""],
        "total": _("Given and kept in %(currency)s: %(amount)s")
        % {"currency": currency, "amount": write(given - returned)},
    }


def _ask_for_profile(year: int, *, at: datetime) -> None:
    outlet = current_outlet()
    with transaction.atomic(), translation.override(outlet.language):
        queue_mail(
            key=f"alarm:statements:{year}",
            template="notice",
            to=outlet.contact_email,
            context={
                "title": _("The yearly statements wait for you"),
                "words": _(
                    "They need the organisation's legal name, address and tax number. Once those are written down, "
                    "the statements of %(year)s go out by themselves until the end of January."
                )
                % {"year": year},
                "url": settings.SITE_URL + reverse("admin:donations_taxprofile_changelist"),
            },
            language=outlet.language,
            at=at,
        )
