"""Money in numbers, for staff."""

from datetime import datetime, timedelta

from django.db.models import Count, F, Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from donations.models import Donation, Frequency, Payment
from donations.money import format_money
from newsroom.registry import Panel

WEEK = timedelta(days=7)


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
