"""An issue in figures, from rows that triggers have summed: no page of it reads a million deliveries."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from subscriptions.models import Consent, EventCount, Issue, MailEvent, ReasonTally

REASON_WORDS: dict[str, Any] = {
    "unsubscribed": _("unsubscribed"),
    "unconfirmed": _("has still to confirm"),
    "paused": _("paused"),
    "segment": _("not in the segment of the issue"),
    "suppressed": _("bounced or complained, not written to"),
    "erased": _("erased"),
    "cancelled": _("cancelled"),
    "refused": _("refused"),
    "expired": _("no try left"),
    "no-answer": _("no answer"),
    "worker-lost": _("worker lost"),
    "deferred": _("delayed"),
    "rate": _("sending limit"),
    "resent": _("sent again"),
}
# The ways out that a mail of the newsletter offers.
WAYS_OUT = (Consent.Method.ONE_CLICK, Consent.Method.UNSUBSCRIBE_PAGE, Consent.Method.PREFERENCES)


@dataclass(frozen=True)
class Reason:
    """How many were not written to, or did not get their mail, and why. `state` is empty before any delivery was."""

    state: str
    name: str
    count: int

    @property
    def words(self) -> Any:
        return REASON_WORDS.get(self.name, self.name)


@dataclass(frozen=True)
class Aftermath:
    """What mail systems and readers told after an issue. Nothing here says who opened or clicked."""

    delivered: int
    bounced: int
    complained: int
    unsubscribed: int


def reasons(issue: Issue) -> list[Reason]:
    """Return why each person was not written to: first who was left out from the start, then what came later."""
    tallies = ReasonTally.objects.filter(issue=issue).values_list("state", "reason").annotate(total=Sum("count"))
    later = (Reason(state, name, count) for state, name, count in tallies.order_by("state", "reason") if count)
    return [*(Reason("", name, count) for name, count in _most_first(issue.exclusions.items())), *later]


def aftermath(issue: Issue) -> Aftermath:
    events = EventCount.objects.filter(issue=issue).values_list("kind").annotate(total=Sum("count"))
    counts = dict(events.order_by("kind"))
    return Aftermath(
        delivered=counts.get(MailEvent.Kind.DELIVERED, 0),
        bounced=counts.get(MailEvent.Kind.BOUNCED, 0),
        complained=counts.get(MailEvent.Kind.COMPLAINED, 0),
        unsubscribed=_unsubscribed(issue),
    )


def _unsubscribed(issue: Issue) -> int:
    """Count who left by a link of a mail between this issue and the next.

    The links are the same in every issue, because one that told issues apart would follow readers. The ledger is asked
    and not the subscriptions, which go when a person is forgotten.
    """
    if issue.started_at is None:
        return 0
    withdrawn = Consent.objects.filter(
        purpose=issue.newsletter.purpose,
        action=Consent.Action.WITHDRAWN,
        method__in=WAYS_OUT,
        at__gte=issue.started_at,
    )
    later = Issue.objects.filter(newsletter_id=issue.newsletter_id, started_at__gt=issue.started_at)
    following = later.order_by("started_at").values_list("started_at", flat=True).first()
    if following is not None:
        withdrawn = withdrawn.filter(at__lt=following)
    return withdrawn.count()


def _most_first(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(counts, key=lambda one: (-one[1], one[0]))
