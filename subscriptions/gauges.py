"""The figures of issues that are due, are being sent, or were sent lately."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Q, Sum
from prometheus_client.core import Metric

from newsroom.metrics import figure, figures, seconds_since
from subscriptions.models import DeliveryTally, EventCount, Issue, ReasonTally, SendingLimit

# An issue that ended longer ago moves no more, and a figure for each issue ever sent would grow without end.
SHOWN = timedelta(days=2)
STATES = ("pending", "claimed", "accepted", "refused", "unknown", "skipped")


def issue_figures(at: datetime) -> Iterator[Metric]:
    """Yield how far each issue of these days is, from the rows that triggers have summed."""
    shown = Issue.objects.filter(Q(state=Issue.State.SENDING) | Q(state=Issue.State.SENT, ended_at__gt=at - SHOWN))
    issues = list(shown.select_related("newsletter").order_by("-issue_date", "pk")[:20])
    labels = {issue.pk: (issue.newsletter.slug, issue.issue_date.isoformat()) for issue in issues}
    totals = {f"{state}_total": Sum(state) for state in STATES}
    tallies = DeliveryTally.objects.filter(issue__in=issues).values("issue").annotate(**totals)
    sums = tallies.order_by("issue").values_list("issue", *totals)
    yield figures(
        "issue_deliveries",
        "Deliveries of an issue by state. The rate of `accepted` is the speed of sending.",
        ("newsletter", "date", "state"),
        {(*labels[pk], state): n for pk, *row in sums for state, n in zip(STATES, row, strict=True)},
    )
    reasons = ReasonTally.objects.filter(issue__in=issues).values_list("issue", "state", "reason")
    yield figures(
        "issue_reasons",
        "Deliveries of an issue that were not accepted, by class of the refusal.",
        ("newsletter", "date", "state", "reason"),
        {
            (*labels[issue], state, reason or "none"): total
            for issue, state, reason, total in reasons.annotate(Sum("count")).order_by("issue", "state", "reason")
        },
    )
    events = EventCount.objects.filter(issue__in=issues).values_list("issue", "kind").annotate(Sum("count"))
    yield figures(
        "issue_events",
        "What mail systems told later of an issue's deliveries.",
        ("newsletter", "date", "kind"),
        {(*labels[issue], kind): total for issue, kind, total in events.order_by("issue", "kind")},
    )


def sending_figures(at: datetime) -> Iterator[Metric]:
    """Yield what keeps issues from leaving."""
    oldest = Issue.objects.due(at).order_by("send_at").values_list("send_at", flat=True).first()
    late = 0.0 if oldest is None else seconds_since(oldest, at)
    yield figure("issue_late_seconds", "How long the longest overdue issue has not begun to leave.", late)
    yield figure("issues_held", "Issues that wait for a person.", Issue.objects.filter(state=Issue.State.HELD).count())
    paused = Issue.objects.filter(state=Issue.State.SENDING, paused_at__isnull=False).count()
    yield figure("issues_paused", "Issues that were stopped in the middle.", paused)
    resting = SendingLimit.objects.resting(at).count()
    yield figure("domains_resting", "Recipient domains that said mail comes too fast.", resting)
