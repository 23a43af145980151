"""The steps that staff may take with an issue, and the words for them."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext_lazy

from newsroom.models import Article
from subscriptions import issues
from subscriptions.models import Issue

S = Issue.State


class Step:
    """One button that changes the issue's state."""

    def __init__(
        self,
        label: Any,
        act: Callable[..., Any],
        permission: str,
        states: tuple[str, ...],
        *,
        needs_reason: bool = False,
        question: Any = "",
        answer: Any = "",
        is_only_answer: bool = False,
    ) -> None:
        self.label = label
        self.act = act
        self.permission = permission
        self.states = states
        self.needs_reason = needs_reason
        # A step with a question is asked on a page of its own before it is done.
        self.question = question
        # What the button says where the issue asks whether to refresh it, and whether it is there for that alone.
        self.answer = answer
        self.is_only_answer = is_only_answer

    def is_open(self, issue: Issue, user: User) -> bool:
        if self.is_only_answer and not issue.question:
            return False
        if issue.state == S.SENDING and self.act in {issues.pause, issues.resume, issues.resume_unchanged}:
            is_its_turn = (issue.paused_at is None) == (self.act is issues.pause)
            return is_its_turn and user.has_perm(self.permission)
        return issue.state in self.states and user.has_perm(self.permission)


def _send_now(issue: Issue, *, by: User, at: datetime) -> None:
    """Approve what is not approved yet, and begin at once instead of at the hour."""
    with transaction.atomic():
        if issue.state != S.APPROVED:
            issues.approve(issue, by=by, at=at)
        issues.start(issue, by=by, at=at)


STEPS = {
    "approve": Step(
        gettext_lazy("Approve"),
        issues.approve,
        issues.APPROVE,
        (S.DRAFT, S.HELD),
        answer=gettext_lazy("Refresh and approve it again"),
    ),
    "approve-without": Step(
        gettext_lazy("Take the withdrawn out and approve"),
        partial(issues.approve, drops_withdrawn=True),
        issues.APPROVE,
        (S.HELD,),
        answer=gettext_lazy("Take the withdrawn out and approve it again"),
        is_only_answer=True,
    ),
    "keep": Step(
        gettext_lazy("Approve it as it was frozen"),
        issues.keep,
        issues.APPROVE,
        (S.HELD,),
        answer=gettext_lazy("Approve it as it was frozen"),
        is_only_answer=True,
    ),
    "unapprove": Step(gettext_lazy("Take the approval back"), issues.unapprove, issues.APPROVE, (S.APPROVED,)),
    "send-now": Step(
        gettext_lazy("Send now"),
        _send_now,
        issues.SEND,
        (S.DRAFT, S.HELD, S.APPROVED),
        question=gettext_lazy("The issue will be sent at once, and a mail that has left cannot be taken back."),
    ),
    "refresh": Step(
        gettext_lazy("Refresh the frozen issue"),
        issues.refresh,
        issues.APPROVE,
        (S.APPROVED, S.SENDING, S.SENT),
        answer=gettext_lazy("Refresh its page on the web"),
    ),
    "leave": Step(
        gettext_lazy("Leave it as it was sent"),
        issues.leave,
        issues.APPROVE,
        (S.SENT,),
        answer=gettext_lazy("Leave it as it was sent"),
        is_only_answer=True,
    ),
    "hold": Step(gettext_lazy("Hold"), issues.hold, issues.APPROVE, (S.DRAFT, S.APPROVED), needs_reason=True),
    "release": Step(gettext_lazy("Make it a draft again"), issues.release, issues.APPROVE, (S.HELD,)),
    "pause": Step(gettext_lazy("Pause"), issues.pause, issues.SEND, (S.SENDING,)),
    "resume": Step(
        gettext_lazy("Go on"),
        issues.resume,
        issues.SEND,
        (S.SENDING,),
        answer=gettext_lazy("Refresh it and go on"),
    ),
    "resume-unchanged": Step(
        gettext_lazy("Go on as it was frozen"),
        issues.resume_unchanged,
        issues.SEND,
        (S.SENDING,),
        answer=gettext_lazy("Go on as it was frozen"),
        is_only_answer=True,
    ),
    "resend-unknown": Step(
        gettext_lazy("Send the unknown again"),
        issues.resend_unknown,
        issues.SEND,
        (S.SENDING, S.SENT),
        question=gettext_lazy("Some of these readers may then get the issue twice, under the same Message-ID."),
    ),
    "cancel": Step(
        gettext_lazy("Cancel the issue"),
        issues.cancel,
        issues.APPROVE,
        (S.DRAFT, S.APPROVED, S.HELD, S.SENDING),
        needs_reason=True,
        question=gettext_lazy("A cancelled issue is over for good; what has left has left."),
    ),
}

# Where an article of a frozen issue has changed: the answers to whether to refresh it.
ANSWERS = {
    S.HELD: ("approve", "keep"),
    S.SENDING: ("resume", "resume-unchanged"),
    S.SENT: ("refresh", "leave"),
}
# What was withdrawn may not go out, so there is no answer that leaves it in.
ANSWERS_TO_WITHDRAWAL = {
    S.HELD: ("approve-without", "release"),
    S.SENDING: ("resume", "cancel"),
    S.SENT: ("refresh", "leave"),
}


def answers(issue: Issue, user: User) -> list[tuple[str, Step]]:
    """Return the two steps that answer the question which the issue asks, if it asks one."""
    if not issue.question:
        return []
    is_withdrawn = issue.picks.filter(article__status=Article.Status.WITHDRAWN).exists()
    names = (ANSWERS_TO_WITHDRAWAL if is_withdrawn else ANSWERS).get(S(issue.state), ())
    return [
        (name, STEPS[name])
        for name in names
        if STEPS[name].is_open(issue, user) and (name != "keep" or issues.can_keep(issue))
    ]


HISTORY_WORDS = {
    "issue.assembled": gettext_lazy("Assembled"),
    "issue.edited": gettext_lazy("Words changed"),
    "issue.pick_added": gettext_lazy("Article picked"),
    "issue.pick_removed": gettext_lazy("Article taken out"),
    "issue.reordered": gettext_lazy("Articles put in another order"),
    "issue.approved": gettext_lazy("Approved"),
    "issue.unapproved": gettext_lazy("Approval taken back"),
    "issue.refreshed": gettext_lazy("Frozen again"),
    "issue.kept": gettext_lazy("Left as it was frozen"),
    "issue.asked": gettext_lazy("Asked whether to refresh it"),
    "issue.shared": gettext_lazy("A preview was shared"),
    "issue.preview_revoked": gettext_lazy("A shared preview was revoked"),
    "issue.tested": gettext_lazy("A test was sent"),
    "issue.held": gettext_lazy("Held"),
    "issue.released": gettext_lazy("Made a draft again"),
    "issue.started": gettext_lazy("Sending began"),
    "issue.paused": gettext_lazy("Paused"),
    "issue.resumed": gettext_lazy("Went on"),
    "issue.resumed_unchanged": gettext_lazy("Went on as it was frozen"),
    "issue.unknown_resent": gettext_lazy("The unknown put back to be sent again"),
    "issue.sent": gettext_lazy("Everything sent"),
    "issue.cancelled": gettext_lazy("Cancelled"),
    "issue.skipped": gettext_lazy("Skipped"),
    "issue.revived": gettext_lazy("Taken up again"),
    "issue.rescheduled": gettext_lazy("Moved to another time"),
}
