"""What may go wrong with a newsletter's issue."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from newsroom.registry import Watch
from subscriptions import claims
from subscriptions.models import DeliveryTally, Issue

# The tick starts an issue within a minute of its hour.
PATIENCE = timedelta(minutes=10)
# At the slowest rate of a sender that warms up there is a mail every seven minutes.
STANDSTILL = timedelta(minutes=45)


def has_not_begun(at: datetime) -> str:
    """Name the issues whose hour has passed, and that neither left nor were held."""
    return _names(Issue.objects.due(at - PATIENCE).select_related("newsletter").order_by("send_at", "pk"))


def stands_still(at: datetime) -> str:
    """Name the issues that are being sent and of which no delivery moved for a while."""
    running = Issue.objects.running().filter(started_at__lte=at - STANDSTILL).select_related("newsletter")
    moved = dict(
        DeliveryTally.objects.filter(issue__in=running).values_list("issue").annotate(Max("at")).order_by("issue")
    )
    still = [issue for issue in running.order_by("pk") if moved.get(issue.pk, at - STANDSTILL) <= at - STANDSTILL]
    return _names(issue for issue in still if claims.has_unfinished(issue))


def is_held(at: datetime) -> str:
    """Name the issues that wait for a person, with the reason."""
    held = Issue.objects.filter(state=Issue.State.HELD).select_related("newsletter").order_by("send_at", "pk")
    return " ".join(f"{issue}: {issue.state_reason}" for issue in held[:5])


def is_paused(at: datetime) -> str:
    """Name the issues that were stopped in the middle, with the reason."""
    paused = Issue.objects.filter(state=Issue.State.SENDING, paused_at__isnull=False).select_related("newsletter")
    return " ".join(f"{issue}: {issue.pause_reason}" for issue in paused.order_by("pk")[:5])


def _names(issues: Iterable[Issue]) -> str:
    return ", ".join(str(issue) for issue in issues)


ISSUES = "admin:subscriptions_issue_changelist"
WATCHES = [
    Watch(
        "issue-not-begun",
        _("The newsletter has not begun to leave"),
        _(
            "See whether beat and a worker run (/readyz), and start them. The issue leaves within a minute, or is held "
            "when it is too late for that."
        ),
        has_not_begun,
        ISSUES,
    ),
    Watch(
        "issue-stands-still",
        _("The newsletter is not getting on"),
        _("See whether a worker runs (/readyz) and the mail server answers (manage.py doctor mail). Nobody is lost."),
        stands_still,
        ISSUES,
    ),
    Watch(
        "issue-held",
        _("An issue is held"),
        _("Open the issue: it says what it lacks. Approve it and press “Send now”, or cancel it."),
        is_held,
        ISSUES,
    ),
    Watch(
        "issue-paused",
        _("An issue was stopped in the middle"),
        _("Open it: it shows the mail server's answers. Resume it when the reason is gone: nobody gets it twice."),
        is_paused,
        ISSUES,
    ),
]
