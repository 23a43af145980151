"""Letting weeks go by, and what became of each week's issue."""

from datetime import datetime, timedelta

from subscriptions import schedule
from subscriptions.models import Issue, Newsletter


def states(newsletter: Newsletter) -> dict[str, str]:
    found = Issue.objects.filter(newsletter=newsletter).order_by("issue_date")
    return {issue.issue_date.isoformat(): str(issue.state) for issue in found}


def run(start: datetime, end: datetime, every: timedelta) -> None:
    at = start
    while at <= end:
        schedule.tick(at=at)
        at += every
