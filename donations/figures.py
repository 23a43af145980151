"""Money in numbers, for staff."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Sum
from django.db.models.functions import TruncMonth
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from donations.income import KEPT, paid_since, written
from donations.models import Dispute, Donation, Frequency, Payment, RecurringGift, StripeEvent
from donations.money import format_money
from donations.reconcile import Report
from newsroom.charts import bars
from newsroom.models import Job
from newsroom.outlet import current_outlet
from newsroom.registry import Panel

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
MONTH = timedelta(days=30)
MOST_DISPUTES = 10


def week_panel(at: datetime) -> Panel:
    """Return the dashboard's block on income: this week by frequency and currency, this month, and new gifts."""
    since = at - WEEK
    lines = []
    paid = reverse("admin:donations_payment_changelist") + "?state__exact=paid"
    rows = (
        Payment.objects.filter(state=Payment.State.PAID, paid_at__gte=since, paid_at__lte=at)
        .values("donation__frequency", "currency")
        .annotate(total=Sum(F("gross") - F("refunded")), number=Count("pk"))
        .order_by("donation__frequency", "currency")
    )
    for row in rows:
        label = f"{Frequency(row['donation__frequency']).label}, {row['currency']}"
        lines.append((label, f"{format_money(row['total'], row['currency'])} ({row['number']})", paid))
    month = (
        Payment.objects.filter(state=Payment.State.PAID, gift_date__year=at.year, gift_date__month=at.month)
        .values("currency")
        .annotate(total=Sum(F("gross") - F("refunded")))
        .order_by("currency")
    )
    lines += [
        (_("This month, %s") % one["currency"], format_money(one["total"], one["currency"]), paid) for one in month
    ]
    begun = (
        Donation.objects.filter(state=Donation.State.GIVEN, created_at__gte=since)
        .exclude(frequency=Frequency.ONCE)
        .count()
    )
    gifts = reverse("admin:donations_recurringgift_changelist")
    lines.append((_("New recurring gifts"), str(begun), gifts))
    return Panel(title=_("Giving this week"), lines=lines, permission="donations.view_payment")


def income_panel(at: datetime) -> Panel:
    """Return this month against the same days of last year, by frequency and currency, and a year in bars."""
    today = localtime(at, ZoneInfo(current_outlet().time_zone)).date()
    paid = reverse("admin:donations_income_changelist")
    now = _income(today.replace(day=1), today)
    before = _income(_year_earlier(today.replace(day=1)), _year_earlier(today))
    lines = []
    for frequency, currency in sorted({*now, *before}):
        words = _("%(now)s (last year %(before)s)") % {
            "now": written(now.get((frequency, currency), 0), currency),
            "before": written(before.get((frequency, currency), 0), currency),
        }
        lines.append((f"{Frequency(frequency).label}, {currency}", words, paid))
    note = "" if lines else _("Nothing was paid yet this month, nor in it last year.")
    charts = list(_year_in_bars(today))
    permission = "donations.view_payment"
    return Panel(title=_("Income this month"), lines=lines, note=note, charts=charts, permission=permission)


def recurring_panel(at: datetime) -> Panel:
    """Return what comes in regularly, what began and ended within a month, and renewals that failed and are retried."""
    url = reverse("admin:donations_recurringgift_changelist")
    state = RecurringGift.State
    lines = []
    running = RecurringGift.objects.filter(state=state.ACTIVE).values("currency", "frequency")
    for row in running.annotate(total=Sum("amount"), number=Count("pk")).order_by("currency", "frequency"):
        label = f"{Frequency(row['frequency']).label}, {row['currency']}"
        figure = f"{written(row['total'], row['currency'])} ({row['number']})"
        lines.append((label, figure, f"{url}?state__exact=active"))
    month = at - MONTH
    begun = RecurringGift.objects.filter(started_at__gt=month, started_at__lte=at).count()
    ended = RecurringGift.objects.filter(ended_at__gt=month, ended_at__lte=at).count()
    failed = RecurringGift.objects.filter(state=state.PAST_DUE).count()
    lines += [
        (_("begun within 30 days"), f"{begun:,}", url),
        (_("ended within 30 days"), f"{ended:,}", f"{url}?state__exact=ended"),
        (_("failed renewals that are tried again"), f"{failed:,}", f"{url}?state__exact=past+due"),
    ]
    return Panel(title=_("Recurring gifts"), lines=lines, permission="donations.view_recurringgift")


def waiting(at: datetime) -> list[tuple[str, str, str]]:
    """Return what somebody who looks after gifts should see to: disputes, by their deadline."""
    needing = [Dispute.State.NEEDS_RESPONSE, Dispute.State.WARNING_NEEDS_RESPONSE]
    url = reverse("admin:donations_dispute_changelist")
    disputes = Dispute.objects.filter(state__in=needing).order_by("answer_by", "pk")[:MOST_DISPUTES]
    lines = []
    for dispute in disputes:
        day = date_format(localtime(dispute.answer_by)) if dispute.answer_by else "?"
        lines.append((_("dispute, answer by"), day, reverse("admin:donations_dispute_change", args=[dispute.pk])))
    if len(lines) == MOST_DISPUTES:
        lines.append((_("more disputes"), "…", url))
    return lines


def waiting_at_stripe(at: datetime) -> list[tuple[str, str, str]]:
    """Return what somebody who looks after the machine should see to: events that failed, and books that differed."""
    failed = StripeEvent.objects.filter(received_at__gt=at - WEEK, state=StripeEvent.State.FAILED).count()
    lines = []
    if failed:
        url = reverse("admin:donations_stripeevent_changelist")
        lines.append((_("events of Stripe's that failed"), f"{failed:,}", f"{url}?state__exact=failed"))
    job = Job.objects.filter(name="reconcile", succeeded_at__gt=at - 2 * DAY).first()
    if job and (drift := Report.differed_in(job.report)):
        url = reverse("admin:newsroom_job_change", args=[job.pk])
        lines.append((_("objects that differed from Stripe's last night"), f"{drift:,}", url))
    return lines


def _income(first: date, last: date) -> dict[tuple[str, str], int]:
    """Return what was kept of the gifts of some days, by frequency and currency."""
    rows = paid_since(first, until=last).values("donation__frequency", "currency").annotate(income=Sum(KEPT))
    return {(row["donation__frequency"], row["currency"]): row["income"] for row in rows}


def _year_in_bars(today: date) -> Iterator[dict[str, Any]]:
    """Yield a chart of the last thirteen months for each currency."""
    months = [_month_earlier(today, back) for back in reversed(range(13))]
    paid = paid_since(months[0], until=today).annotate(month=TruncMonth("gift_date"))
    rows = paid.values("currency", "month").annotate(income=Sum(KEPT)).order_by("currency", "month")
    income = {(row["currency"], row["month"]): max(row["income"], 0) for row in rows}
    for currency in sorted({currency for currency, _month in income}):
        points = [
            (date_format(month, "M Y"), kept, written(kept, currency))
            for month in months
            for kept in [income.get((currency, month), 0)]
        ]
        yield bars(_("Income in %(currency)s by month") % {"currency": currency}, points)


def _month_earlier(day: date, months: int) -> date:
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(years, month + 1, 1)


def _year_earlier(day: date) -> date:
    # The 29th of February had no day a year earlier.
    return day.replace(year=day.year - 1, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=day.year - 1)
