"""What the staff dashboard shows of the issues: the next of each newsletter, and what waits for a person."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from newsroom.registry import Panel
from subscriptions.checklist import Finding, checklist
from subscriptions.models import Delivery, Issue, Newsletter

WEEK = timedelta(days=7)
MOST_FINDINGS = 4


def issues_panel(at: datetime) -> Panel:
    """Show the open issues with their hour, and deliveries whose mail server never answered."""
    lines = []
    waiting = Issue.objects.filter(Q(state__in=Issue.OPEN_STATES) | ~Q(question=""))
    shown = list(waiting.select_related("newsletter").order_by("send_at", "pk")[:6])
    for issue in shown:
        hour = localtime(issue.send_at, issue.newsletter.zone)
        label = f"{issue.newsletter}, {date_format(hour, 'D j M, H:i')}"
        state = _("asks you something") if issue.question else issue.get_state_display()
        lines.append((label, state, reverse("admin:subscriptions_issue_change", args=[issue.pk])))
        lines += [(one.text, _("to do") if one.is_obstacle else _("look"), "") for one in _findings(issue, at)]
    unknown = Delivery.objects.unknown().count()
    url = reverse("admin:subscriptions_delivery_changelist")
    lines.append((_("deliveries without an answer"), f"{unknown:,}", f"{url}?state__exact=unknown"))
    return Panel(title=_("Issues"), lines=lines, note=_note(shown), permission="subscriptions.view_issue")


def _findings(issue: Issue, at: datetime) -> list[Finding]:
    """Return what the check list says of a draft of this week, obstacles first."""
    is_near = issue.send_at - at < WEEK
    return checklist(issue, at=at)[:MOST_FINDINGS] if is_near and issue.state == Issue.State.DRAFT else []


def _note(shown: list[Issue]) -> str:
    if any(issue.question for issue in shown):
        return _("An article changed after its issue was frozen. The issue asks whether to be refreshed.")
    held = Issue.objects.filter(state=Issue.State.HELD).count()
    if held:
        return ngettext("One issue is held and waits for you.", "%(count)s issues are held and wait for you.", held) % {
            "count": held
        }
    if not Newsletter.objects.active().exists():
        return _("There is no newsletter yet. Add one, and its first issue appears here.")
    return ""
