"""The life of an issue: approved, held, sent, paused, ended. Each step locks the row and leaves a history entry."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from newsroom.history import record
from newsroom.mail import queue_mail
from newsroom.models import Article
from newsroom.waking import wake
from subscriptions import claims, rendering
from subscriptions.checklist import obstacles
from subscriptions.models import Issue, IssueRendering, Newsletter

APPROVE = "subscriptions.approve_issue"
SEND = "subscriptions.send_issue"
S = Issue.State
# How often the rule may send an unknown delivery again before a person must look at it.
MOST_AUTOMATIC_TRIES = 3


class StepRefused(Exception):
    """The issue is not in a state from which this step is possible. The message is for staff."""


class NotReady(Exception):
    """The issue lacks something without which it must not go out; `obstacles` says what, in words for staff."""

    def __init__(self, obstacles: list[str]) -> None:
        super().__init__("; ".join(obstacles))
        self.obstacles = obstacles


@contextmanager
def step(
    issue: Issue,
    action: str,
    *,
    sources: tuple[str, ...],
    by: User | None,
    permission: str,
    at: datetime,
    reason: str = "",
) -> Iterator[Issue]:
    """Lock the issue for one change, and write it down. `by=None` stands for the product itself.

    Raises PermissionDenied or StepRefused. The instance given is brought up to date afterwards.
    """
    if by is not None and not by.has_perm(permission):
        raise PermissionDenied(permission)
    with transaction.atomic():
        locked = Issue.objects.select_for_update(of=("self",)).select_related("newsletter").get(pk=issue.pk)
        before = locked.state
        if before not in sources:
            raise StepRefused(
                _("This is not possible while the issue is “%(state)s”.") % {"state": locked.get_state_display()}
            )
        yield locked
        locked.version += 1
        locked.save()
        record(locked, action=f"issue.{action}", actor=by, reason=reason, before=before, after=str(locked.state), at=at)
    issue.refresh_from_db()


def approve(issue: Issue, *, by: User | None, at: datetime, drops_withdrawn: bool = False) -> None:
    """Freeze the two renderings and let the issue go out at its hour. Raises NotReady when something is missing.

    With `drops_withdrawn`, articles that were withdrawn are taken out of the issue first.
    """
    with step(issue, "approved", sources=(S.DRAFT, S.HELD), by=by, permission=APPROVE, at=at) as locked:
        if drops_withdrawn:
            locked.picks.filter(article__status=Article.Status.WITHDRAWN).delete()
        _require_ready(locked, at=at)
        _freeze(locked, at=at)
        locked.state, locked.state_reason, locked.question = S.APPROVED, "", ""
        locked.approved_at, locked.approved_by = at, by


def refresh(issue: Issue, *, by: User | None, at: datetime) -> None:
    """Freeze the renderings anew after an article changed. Mails that already left stay as they were."""
    with step(issue, "refreshed", sources=(S.APPROVED, S.SENDING, S.SENT), by=by, permission=APPROVE, at=at) as locked:
        _freeze(locked, at=at)
        locked.question = ""


def keep(issue: Issue, *, by: User | None, at: datetime) -> None:
    """Approve a held issue as it was frozen before an article changed. Raises NotReady or StepRefused."""
    with step(issue, "kept", sources=(S.HELD,), by=by, permission=APPROVE, at=at) as locked:
        if not can_keep(locked):
            raise StepRefused(_("The issue was changed since it was frozen. Please approve it as it is now."))
        _require_ready(locked, at=at)
        locked.state, locked.state_reason, locked.question = S.APPROVED, "", ""
        locked.approved_at, locked.approved_by = at, by


def can_keep(issue: Issue) -> bool:
    """Say whether a held issue still has what was frozen, and nobody has worked on it since it was held."""
    frozen = IssueRendering.objects.filter(issue=issue).values_list("issue_version", flat=True).first()
    return bool(issue.question) and frozen is not None and issue.version == frozen + 1


def leave(issue: Issue, *, by: User | None, at: datetime) -> None:
    """Let an issue that has left stay on the web as it was frozen."""
    with step(issue, "kept", sources=(S.SENT,), by=by, permission=APPROVE, at=at) as locked:
        locked.question = ""


def unapprove(issue: Issue, *, by: User | None, at: datetime) -> None:
    """Take the approval back, so that the issue can be changed again."""
    with step(issue, "unapproved", sources=(S.APPROVED,), by=by, permission=APPROVE, at=at) as locked:
        IssueRendering.objects.filter(issue=locked).delete()
        locked.state, locked.approved_at, locked.approved_by = S.DRAFT, None, None


def hold(issue: Issue, *, by: User | None, at: datetime, reason: str, question: str = "") -> None:
    """Keep the issue from going out until a person decides; when the product itself holds it, editors are mailed.

    With a question, what was frozen stays beside the draft, because the answer may be to send it unchanged.
    """
    sources = (S.DRAFT, S.APPROVED)
    with step(issue, "held", sources=sources, by=by, permission=APPROVE, at=at, reason=reason) as locked:
        locked.state, locked.state_reason, locked.question = S.HELD, reason[:300], question[:300]
        locked.approved_at, locked.approved_by = None, None
        if not question:
            IssueRendering.objects.filter(issue=locked).delete()
        if by is None:
            alarm(locked, kind="held", reason=reason, at=at)


def release(issue: Issue, *, by: User | None, at: datetime) -> None:
    """Make a held issue a draft again; past its hour it still goes out only by a person's hand."""
    with step(issue, "released", sources=(S.HELD,), by=by, permission=APPROVE, at=at) as locked:
        IssueRendering.objects.filter(issue=locked).delete()
        locked.state, locked.state_reason, locked.question = S.DRAFT, "", ""


def cancel(issue: Issue, *, by: User | None, at: datetime, reason: str) -> None:
    """End the issue. One that was being sent stops; what has left has left."""
    sources = (S.DRAFT, S.APPROVED, S.HELD, S.SENDING)
    with step(issue, "cancelled", sources=sources, by=by, permission=APPROVE, at=at, reason=reason) as locked:
        if locked.state == S.SENDING:
            claims.skip_rest(locked, reason="cancelled", at=at)
        locked.state, locked.state_reason, locked.ended_at, locked.paused_at = S.CANCELLED, reason[:300], at, None
        locked.question = ""


def start(issue: Issue, *, by: User | None, at: datetime) -> None:
    """Begin to send an approved issue. Raises NotReady.

    1. The issue's row is locked, so that of two callers one finds it sending already.
    2. It is looked at once more: an article may have left the site since the approval.
    3. One statement writes a delivery per mailable subscription and counts everybody else by reason.
    4. Workers are woken on commit; if that is lost the next tick wakes them.
    """
    with step(issue, "started", sources=(S.APPROVED,), by=by, permission=SEND, at=at) as locked:
        _require_ready(locked, at=at)
        locked.state, locked.started_at = S.SENDING, at
        audience = claims.prepare(locked, at=at)
        locked.candidates, locked.prepared = audience.candidates, audience.prepared
        locked.excluded, locked.exclusions = audience.excluded, audience.exclusions
        wake_senders(locked)


def pause(issue: Issue, *, by: User | None, at: datetime, reason: str = "", question: str = "") -> None:
    """Stop claiming. What is on the wire at this moment is finished."""
    with step(issue, "paused", sources=(S.SENDING,), by=by, permission=SEND, at=at, reason=reason) as locked:
        locked.paused_at, locked.pause_reason = at, reason[:300]
        # Trouble of another kind does not answer a question that is open.
        locked.question = question[:300] or locked.question
        if by is None:
            alarm(locked, kind="paused", reason=reason, at=at)


def resume(issue: Issue, *, by: User | None, at: datetime) -> None:
    """Go on sending, with the articles as they are now: a pause is often for one that was corrected or withdrawn."""
    with step(issue, "resumed", sources=(S.SENDING,), by=by, permission=SEND, at=at) as locked:
        locked.paused_at, locked.pause_reason, locked.question = None, "", ""
        _freeze(locked, at=at)
        wake_senders(locked)


def resume_unchanged(issue: Issue, *, by: User | None, at: datetime) -> None:
    """Go on sending what was frozen. Raises NotReady when an article of it has left the site."""
    with step(issue, "resumed_unchanged", sources=(S.SENDING,), by=by, permission=SEND, at=at) as locked:
        _require_ready(locked, at=at)
        locked.paused_at, locked.pause_reason, locked.question = None, "", ""
        wake_senders(locked)


def ask(issue: Issue, *, at: datetime, question: str) -> None:
    """Put a question on an issue that has left; its page on the web stays as it is until somebody answers."""
    with step(issue, "asked", sources=(S.SENT,), by=None, permission=APPROVE, at=at, reason=question) as locked:
        locked.question = question[:300]


def resend_unknown(issue: Issue, *, by: User | None, at: datetime) -> int:
    """Send the deliveries without an answer once more, under the same Message-ID, and return how many there were."""
    with step(issue, "unknown_resent", sources=(S.SENDING, S.SENT), by=by, permission=SEND, at=at) as locked:
        count = claims.requeue_unknown(locked, at=at)
        if count and locked.state == S.SENT:
            locked.state, locked.ended_at = S.SENDING, None
        wake_senders(locked)
    return count


def finish(issue: Issue, *, at: datetime) -> bool:
    """End an issue of which nothing waits any more, and say whether it has ended.

    Where the newsletter's rule is to send the unknown again, they go back first, though not for ever.
    """
    resends = issue.newsletter.unknown_deliveries == Newsletter.UnknownDeliveries.RESEND
    if resends:
        with transaction.atomic():
            # Under the lock, because nothing goes back into an issue that was cancelled in the meantime.
            if Issue.objects.select_for_update().filter(pk=issue.pk, state=S.SENDING).first() is not None:
                claims.requeue_unknown(issue, at=at, most_tries=MOST_AUTOMATIC_TRIES)
    if claims.has_unfinished(issue):
        return False
    try:
        with step(issue, "sent", sources=(S.SENDING,), by=None, permission=SEND, at=at) as locked:
            # Asked again under the lock: an editor may have put the unknown ones back in the meantime. With nothing
            # claimed any more no row can become unknown, so in this order nothing slips through between the two.
            if claims.has_unfinished(locked):
                raise StepRefused
            if resends and claims.has_unknown(locked, most_tries=MOST_AUTOMATIC_TRIES):
                raise StepRefused
            locked.state, locked.ended_at, locked.paused_at = S.SENT, at, None
    except StepRefused:
        return False
    return True


def wake_senders(issue: Issue) -> None:
    for _number in range(settings.SENDING_WORKERS):
        wake("subscriptions.tasks.send_issue", issue.pk)


def alarm(issue: Issue, *, kind: str, reason: str, at: datetime, context: dict[str, Any] | None = None) -> None:
    """Mail everyone who may decide about issues. Called in the transaction that changed the issue.

    `kind` names a template, `issue_<kind>`. The mail says what happened, why, and where to act.
    """
    for editor in editors():
        queue_mail(
            key=f"issue-{kind}-{issue.pk}-{issue.version}-{editor.pk}",
            template=f"issue_{kind}",
            to=editor.email,
            context={
                "newsletter": issue.newsletter.name,
                "issue_date": issue.issue_date.isoformat(),
                "reason": reason,
                "url": f"{settings.SITE_URL}{reverse('admin:subscriptions_issue_change', args=[issue.pk])}",
                **(context or {}),
            },
            at=at,
        )


def editors() -> list[User]:
    """Return the staff who may approve issues and can be reached."""
    with_permission = User.objects.with_perm(APPROVE, backend="django.contrib.auth.backends.ModelBackend")
    return list(with_permission.filter(is_active=True, is_staff=True).exclude(email="").order_by("pk"))


def _require_ready(issue: Issue, *, at: datetime) -> None:
    if found := obstacles(issue, at=at):
        raise NotReady(found)


def _freeze(issue: Issue, *, at: datetime) -> None:
    rendered = rendering.render(issue, at=at)
    IssueRendering.objects.update_or_create(
        issue=issue,
        defaults={
            "subject": rendered.subject,
            "preheader": rendered.preheader,
            "mail_html": rendered.mail_html,
            "mail_text": rendered.mail_text,
            "web_html": rendered.web_html,
            "issue_version": issue.version + 1,
            "rendered_at": at,
        },
    )
