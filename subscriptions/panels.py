"""What the staff dashboard shows of subscribers."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from newsroom.charts import bars
from newsroom.registry import Panel
from subscriptions.models import Consent, PrivacyPolicy, SignupRequest, Subscription

WEEK = timedelta(days=7)
WEEKS_SHOWN = 12


def subscribers_panel(at: datetime) -> Panel:
    """Count what readers did within seven days. The ledger's index by time keeps it from reading the whole table."""
    subscriptions_url = reverse("admin:subscriptions_subscription_changelist")
    state = Subscription.State
    active = Subscription.objects.active().count()
    waiting = Subscription.objects.filter(state=state.PENDING).count()
    week = Consent.objects.filter(at__gt=at - WEEK, at__lte=at, purpose__startswith="newsletter:")
    confirmed = week.filter(action=Consent.Action.CONFIRMED).count()
    withdrawn = week.filter(action=Consent.Action.WITHDRAWN).count()
    ledger_url = reverse("admin:subscriptions_consent_changelist")
    notes = []
    if PrivacyPolicy.objects.in_force(at) is None:
        notes.append(_("No Privacy Policy is in force, so nobody can sign up."))
    late = SignupRequest.objects.filter(requested_at__lt=at - timedelta(minutes=15)).count()
    if late:
        notes.append(_("%(count)s sign-ups wait for longer than a quarter of an hour.") % {"count": late})
    return Panel(
        title=_("Subscribers"),
        lines=[
            (_("active subscriptions"), f"{active:,}", f"{subscriptions_url}?state__exact=active"),
            (_("waiting for confirmation"), f"{waiting:,}", f"{subscriptions_url}?state__exact=pending"),
            (_("confirmed this week"), f"{confirmed:,}", f"{ledger_url}?action__exact=confirmed"),
            (_("ended this week"), f"{withdrawn:,}", f"{ledger_url}?action__exact=withdrawn"),
        ],
        note=" ".join(notes),
        charts=[bars(_("Confirmed, week by week"), list(_confirmed_by_week(at)))],
        permission="subscriptions.view_subscriber",
    )


def _confirmed_by_week(at: datetime) -> Iterator[tuple[str, int, str]]:
    """Yield the day on which each of the last weeks began, and how many confirmed in it, the oldest first."""
    begins = [at - WEEK * (weeks_ago + 1) for weeks_ago in reversed(range(WEEKS_SHOWN))]
    weeks = {
        f"week_{place}": Count("position", filter=Q(at__gt=begin, at__lte=begin + WEEK))
        for place, begin in enumerate(begins)
    }
    confirmed = Consent.objects.filter(
        at__gt=begins[0], at__lte=at, purpose__startswith="newsletter:", action=Consent.Action.CONFIRMED
    )
    for begin, count in zip(begins, confirmed.aggregate(**weeks).values(), strict=True):
        yield date_format(begin, "j M"), count, f"{count:,}"
