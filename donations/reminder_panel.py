"""What the staff dashboard shows of reminders."""

from datetime import datetime, timedelta

from django.db.models import Sum
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from donations.income import KEPT, written
from donations.models import Payment, Reminder, ReminderGift
from newsroom.registry import Panel

WEEK = timedelta(days=7)
MONTH = timedelta(days=30)


def reminders_panel(at: datetime) -> Panel:
    """Count a week ahead of what is due, and a week back of what was sent and what it led to."""
    url = reverse("admin:donations_reminder_changelist")
    due = Reminder.objects.due(at + WEEK).count()
    sent = Reminder.objects.filter(sent_at__gt=at - WEEK, sent_at__lte=at).count()
    converted = ReminderGift.objects.filter(converted_at__gt=at - WEEK, converted_at__lte=at).count()
    returned = (
        Payment.objects.filter(
            state=Payment.State.PAID, donation__reminder_gift__converted_at__gt=at - MONTH, gift_date__isnull=False
        )
        .values("currency")
        .annotate(income=Sum(KEPT))
        .order_by("currency")
    )
    brought = ", ".join(written(row["income"], row["currency"]) for row in returned)
    late = Reminder.objects.filter(state=Reminder.State.ASKED, asked_at__lt=at - timedelta(minutes=15)).count()
    return Panel(
        title=_("Reminders"),
        lines=[
            (_("due within a week"), f"{due:,}", f"{url}?state__exact=confirmed"),
            (_("sent this week"), f"{sent:,}", f"{url}?state__exact=sent"),
            (_("led to a gift this week"), f"{converted:,}", f"{url}?gift=yes"),
            (_("brought within 30 days"), brought or "0", reverse("admin:donations_payment_changelist")),
        ],
        note=_late_note(late),
        permission="donations.view_reminder",
    )


def _late_note(count: int) -> str:
    if not count:
        return ""
    words = ngettext(
        "One request waits for longer than a quarter of an hour.",
        "%(count)s requests wait for longer than a quarter of an hour.",
        count,
    )
    return words % {"count": count}
