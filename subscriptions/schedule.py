"""When issues appear: a tick asks the rows what is due, so lost ticks, a second beat or days of downtime do no harm."""

import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial

from django.db import transaction
from django.utils.translation import gettext as _

from newsroom.history import record
from newsroom.holding import was_lost
from subscriptions import claims, issues
from subscriptions.assembling import assemble
from subscriptions.checklist import obstacles
from subscriptions.models import Issue, Newsletter

logger = logging.getLogger(__name__)

WEEK = timedelta(days=7)
# A clock that jumped years ahead must not fill the table.
MOST_MISSED_WEEKS = 60
S = Issue.State


def tick(*, at: datetime) -> None:
    """Do everything that is due at `at`, each issue apart, so that one in trouble does not hold up the others."""
    claims.expire(at=at)
    claims.skip_cancelled(at=at)
    for newsletter in Newsletter.objects.active().order_by("pk"):
        _apart("plan", newsletter.pk, partial(plan, newsletter, at=at))
    for issue in Issue.objects.to_assemble().select_related("newsletter").order_by("send_at", "pk"):
        if at >= assemble_at(issue):
            make = partial(assemble, newsletter=issue.newsletter, issue_date=issue.issue_date, at=at)
            _apart("assemble", issue.pk, make)
    for issue in Issue.objects.due(at).select_related("newsletter").order_by("send_at", "pk"):
        _apart("settle", issue.pk, partial(settle, issue, at=at))
    for issue in Issue.objects.running().select_related("newsletter").order_by("send_at", "pk"):
        _apart("continue", issue.pk, partial(keep_going, issue, at=at))


def _apart(what: str, pk: int, act: Callable[[], object]) -> None:
    try:
        act()
    except issues.StepRefused:
        # Another beat, or an editor, was quicker.
        logger.info("Nothing was left to %s for %s.", what, pk)
    except Exception:
        # One issue in trouble must not hold up the others, and the next tick asks again.
        logger.exception("Could not %s %s.", what, pk)


def plan(newsletter: Newsletter, *, at: datetime) -> Issue:
    """See that the newsletter's next issue has its row, and that every date since the last one has one too.

    A holiday becomes `skipped`. So does a date that nothing ran on until it was too late, and editors are told: no week
    goes missing without a row that says why.
    """
    next_date = newsletter.next_issue_date(at)
    with transaction.atomic():
        # Two beats plan one after the other.
        Newsletter.objects.select_for_update().get(pk=newsletter.pk)
        _move_strays(newsletter, next_date, at)
        last = Issue.objects.filter(newsletter=newsletter, issue_date__lt=next_date).newest_first().first()
        if last is not None:
            for missed in _dates_between(newsletter, last.issue_date, next_date)[-MOST_MISSED_WEEKS:]:
                _settle_missed_date(newsletter, missed, at)
        issue, _is_new = Issue.objects.get_or_create(
            newsletter=newsletter,
            issue_date=next_date,
            defaults={"send_at": newsletter.send_at(next_date), "created_at": at, **newsletter.issue_defaults},
        )
        if issue.state == S.SKIPPED and issue.ended_at is not None:
            # The holiday was taken back, or the clock that wrote this row was ahead.
            _change(issue, "revived", at, state=S.DRAFT, state_reason="", ended_at=None)
        due_at = newsletter.send_at(next_date)
        if issue.state in (S.DRAFT, S.APPROVED, S.HELD) and issue.send_at != due_at:
            _change(issue, "rescheduled", at, send_at=due_at)
    return issue


def _move_strays(newsletter: Newsletter, next_date: date, at: datetime) -> None:
    """Follow a change of the newsletter's weekday, or a holiday entered late, with issues that are still being made."""
    holidays = dict(newsletter.holidays.values_list("date", "reason"))
    waiting = Issue.objects.filter(newsletter=newsletter, state__in=[S.DRAFT, S.APPROVED, S.HELD], send_at__gt=at)
    for issue in waiting.order_by("issue_date"):
        if issue.issue_date in holidays:
            reason = holidays[issue.issue_date] or _("holiday")
            _change(issue, "skipped", at, state=S.SKIPPED, state_reason=reason, ended_at=at, approved_at=None)
        elif issue.issue_date.weekday() != newsletter.weekday:
            if Issue.objects.filter(newsletter=newsletter, issue_date=next_date).exists():
                reason = _("The newsletter's weekday was changed.")
                _change(issue, "cancelled", at, state=S.CANCELLED, state_reason=reason, ended_at=at)
            else:
                _change(issue, "rescheduled", at, issue_date=next_date, send_at=newsletter.send_at(next_date))


def _dates_between(newsletter: Newsletter, last: date, end: date) -> list[date]:
    first = last + timedelta(days=1)
    current = first + timedelta(days=(newsletter.weekday - first.weekday()) % 7)
    dates = []
    while current < end:
        dates.append(current)
        current += WEEK
    return dates


def _settle_missed_date(newsletter: Newsletter, missed: date, at: datetime) -> None:
    """Write the row of a date that has none: a holiday, a date that can still be caught up, or one that is lost."""
    send_at = newsletter.send_at(missed)
    values = {"newsletter": newsletter, "issue_date": missed, "send_at": send_at, "created_at": at}
    holiday = newsletter.holidays.filter(date=missed).first()
    if holiday is not None:
        Issue.objects.create(**values, state=S.SKIPPED, state_reason=holiday.reason or _("holiday"), ended_at=at)
    elif at <= send_at + too_late_after(newsletter):
        Issue.objects.create(**values, **newsletter.issue_defaults)
    else:
        reason = _("Nothing ran at the time of this issue.")
        issue = Issue.objects.create(**values, state=S.SKIPPED, state_reason=reason, ended_at=at)
        record(issue, action="issue.skipped", reason=reason, after=str(S.SKIPPED), at=at)
        issues.alarm(issue, kind="skipped", reason=reason, at=at)


def _change(issue: Issue, action: str, at: datetime, **values: object) -> None:
    before = str(issue.state)
    for name, value in values.items():
        setattr(issue, name, value)
    issue.version += 1
    issue.save()
    record(issue, action=f"issue.{action}", reason=issue.state_reason, before=before, after=str(issue.state), at=at)


def assemble_at(issue: Issue) -> datetime:
    """Return when an issue is assembled: so many days before, at the same hour of the newsletter's own clock."""
    newsletter = issue.newsletter
    return newsletter.send_at(issue.issue_date - timedelta(days=newsletter.assemble_days_before))


def too_late_after(newsletter: Newsletter) -> timedelta:
    return timedelta(hours=newsletter.too_late_hours)


def settle(issue: Issue, *, at: datetime) -> None:
    """Do at an issue's hour what its state and the newsletter's rules ask for: start, approve and start, or hold."""
    if was_lost(issue.send_at) and not _approved_since_restore(issue):
        reason = _("Its hour lies in the time that a restore of the database took, so it may have left already.")
        issues.hold(issue, by=None, at=at, reason=reason)
        return
    # A person who approves after the hour has been asked, and wants it sent.
    asked_at = issue.approved_at if issue.approved_by_id and issue.approved_at else issue.send_at
    if at > max(issue.send_at, asked_at) + too_late_after(issue.newsletter):
        issues.hold(issue, by=None, at=at, reason=_("It is too late to send this issue without asking."))
        return
    if issue.state == S.DRAFT:
        if reason := _reason_to_hold(issue, at):
            issues.hold(issue, by=None, at=at, reason=reason)
            return
        issues.approve(issue, by=None, at=at)
    elif reason := _obstacles(issue, at):
        # What was complete when it was approved need not be now: an article may have left the site since.
        issues.hold(issue, by=None, at=at, reason=reason)
        return
    issues.start(issue, by=None, at=at)


def _approved_since_restore(issue: Issue) -> bool:
    return issue.approved_by_id is not None and issue.approved_at is not None and not was_lost(issue.approved_at)


def _reason_to_hold(issue: Issue, at: datetime) -> str:
    """Return why an issue that nobody approved must not go out, or '' when the newsletter's rule lets it."""
    newsletter = issue.newsletter
    if newsletter.without_approval == Newsletter.WithoutApproval.HOLD:
        return _("Nobody has approved this issue.")
    if issue.picks.count() < newsletter.minimum_picks:
        return _("The issue has fewer articles than the newsletter asks for, and nobody has approved it.")
    return _obstacles(issue, at)


def _obstacles(issue: Issue, at: datetime) -> str:
    return " ".join(obstacles(issue, at=at))


def keep_going(issue: Issue, *, at: datetime) -> None:
    """Wake workers for an issue that is being sent, or end it when nothing of it waits any more."""
    if not issues.finish(issue, at=at):
        with transaction.atomic():
            issues.wake_senders(issue)
