"""Readers by week: growth, confirmations, leaving, bounces and complaints, from the ledger and from mail systems."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from newsroom.charts import bars
from subscriptions.models import Consent, MailEvent, Subscription

WEEK = timedelta(days=7)
# As far back as reports of mail systems are kept.
SHOWN = 12
Action, Method = Consent.Action, Consent.Method


@dataclass(frozen=True)
class Week:
    """What happened within seven days. `active` counts subscriptions at their end."""

    begin: datetime
    active: int
    confirmed: int
    imported: int
    ended: int
    bounced: int
    complained: int

    @property
    def growth(self) -> int:
        return self.confirmed + self.imported - self.ended


def by_week(*, at: datetime) -> list[Week]:
    """Return the last weeks, the oldest first: three queries, whatever the size of the tables.

    How many were active at a week's end is counted back from today by what the ledger says of the weeks after it.
    """
    begins = [at - WEEK * (ago + 1) for ago in reversed(range(SHOWN))]
    rows = Consent.objects.filter(at__gt=begins[0], at__lte=at, purpose__startswith="newsletter:")
    said = {
        "confirmed": Q(action=Action.CONFIRMED),
        "imported": Q(action=Action.GRANTED, method=Method.IMPORT),
        "ended": Q(action=Action.WITHDRAWN),
    }
    counts = rows.aggregate(**_each_week(begins, "at", "position", said))
    events = MailEvent.objects.filter(received_at__gt=begins[0], received_at__lte=at)
    told = {"bounced": Q(kind=MailEvent.Kind.BOUNCED), "complained": Q(kind=MailEvent.Kind.COMPLAINED)}
    counts |= events.aggregate(**_each_week(begins, "received_at", "pk", told))
    active = Subscription.objects.active().count()
    weeks: list[Week] = []
    for place in reversed(range(SHOWN)):
        own = {name: counts[f"{name}_{place}"] for name in (*said, *told)}
        weeks.append(Week(begin=begins[place], active=active, **own))
        active -= weeks[-1].growth
    return weeks[::-1]


def charts(weeks: list[Week]) -> list[dict[str, Any]]:
    """Return a chart for each figure, as the dashboard draws them."""
    titles = {
        "active": _("Active subscriptions"),
        "confirmed": _("Confirmed"),
        "ended": _("Left"),
        "bounced": _("Bounces"),
        "complained": _("Complaints"),
    }
    return [
        bars(
            title,
            [(date_format(one.begin, "j M"), max(0, getattr(one, name)), f"{getattr(one, name):,}") for one in weeks],
        )
        for name, title in titles.items()
    ]


def _each_week(begins: list[datetime], moment: str, counted: str, kinds: dict[str, Q]) -> dict[str, Count]:
    return {
        f"{name}_{place}": Count(counted, filter=kind & Q(**{f"{moment}__gt": begin, f"{moment}__lte": begin + WEEK}))
        for name, kind in kinds.items()
        for place, begin in enumerate(begins)
    }
