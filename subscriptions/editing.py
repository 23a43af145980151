"""Making an issue: its words, and which articles stand in it in which order.

Two editors may have the same issue open. Each save names the version it started from; when the issue has moved on,
nothing is written and the editor is told, with everything typed still in the form.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from newsroom.history import entries_of, record
from newsroom.models import Article
from subscriptions.issues import StepRefused
from subscriptions.models import Issue, Pick

CHANGE = "subscriptions.change_issue"
WORDS = ("subject", "preheader", "letter", "carries_appeal", "segment_id")


class Conflict(Exception):
    """Somebody else saved the issue since it was opened. `issue` is as it stands now, `who` saved it last."""

    def __init__(self, issue: Issue, who: str) -> None:
        super().__init__(who)
        self.issue = issue
        self.who = who


class NotAvailable(Exception):
    """The article cannot be picked: it is not published, or stands in another issue."""


@dataclass(frozen=True)
class Edition:
    """Everything an editor's form holds: words by name, and for each pick its headline and blurb."""

    version: int
    words: Mapping[str, str | bool | int | None] = field(default_factory=dict)
    picks: Mapping[int, tuple[str, str]] = field(default_factory=dict)


Act = Callable[[Issue, User, datetime], str]


def save(issue: Issue, *, edition: Edition, by: User, at: datetime, act: Act | None = None) -> Issue:
    """Store what was typed and then do one act, such as moving a pick, in a single change.

    Raises Conflict, StepRefused or PermissionDenied, and then has stored nothing.
    """
    with _opened(issue, edition.version, by) as locked:
        changed = _store_words(locked, edition) + _store_picks(locked, edition)
        done = act(locked, by, at) if act else ""
        if not changed and not done:
            return locked
        locked.version += 1
        locked.save()
        record(locked, action=f"issue.{done or 'edited'}", actor=by, after={"changed": changed}, at=at)
        return locked


def as_typed(issue: Issue, edition: Edition) -> Issue:
    """Give an issue in memory the words of a form that is not saved, for a preview."""
    _store_words(issue, edition)
    return issue


@contextmanager
def _opened(issue: Issue, version: int, by: User) -> Iterator[Issue]:
    if not by.has_perm(CHANGE):
        raise PermissionDenied(CHANGE)
    with transaction.atomic():
        locked = Issue.objects.select_for_update(of=("self",)).select_related("newsletter").get(pk=issue.pk)
        if not locked.is_editable:
            raise StepRefused(
                _("This is not possible while the issue is “%(state)s”.") % {"state": locked.get_state_display()}
            )
        if locked.version != version:
            last = entries_of(locked).exclude(actor=None).first()
            raise Conflict(locked, str(last.actor) if last and last.actor else _("The product itself"))
        yield locked


def _store_words(issue: Issue, edition: Edition) -> list[str]:
    changed = [name for name in WORDS if name in edition.words and edition.words[name] != getattr(issue, name)]
    for name in changed:
        setattr(issue, name, edition.words[name])
    return changed


def _store_picks(issue: Issue, edition: Edition) -> list[str]:
    changed = []
    for pick in issue.picks.filter(pk__in=list(edition.picks)):
        headline, blurb = edition.picks[pick.pk]
        if (pick.headline, pick.blurb) != (headline, blurb):
            pick.headline, pick.blurb = headline, blurb
            pick.save(update_fields=["headline", "blurb"])
            changed.append(f"pick {pick.pk}")
    return changed


# The acts. Each works on the locked issue and returns its word for the history, or "" when nothing came of it.


def add(article_id: int) -> Act:
    def act(issue: Issue, by: User, at: datetime) -> str:
        article = Article.objects.published(at).filter(pk=article_id).first()
        if article is None:
            raise NotAvailable(_("The article is not published."))
        elsewhere = Pick.objects.filter(issue__newsletter_id=issue.newsletter_id, article=article).exclude(
            issue__state__in=[Issue.State.SKIPPED, Issue.State.CANCELLED]
        )
        if other := elsewhere.select_related("issue").first():
            if other.issue_id == issue.pk:
                return ""
            raise NotAvailable(_("The article stands in the issue of %(date)s.") % {"date": other.issue.issue_date})
        last = issue.picks.aggregate(last=Max("position"))["last"] or 0
        Pick.objects.create(
            issue=issue, article=article, position=last + 1, origin=Pick.Origin.EDITOR, picked_by=by, picked_at=at
        )
        return "pick_added"

    return act


def remove(pick_id: int) -> Act:
    def act(issue: Issue, by: User, at: datetime) -> str:
        deleted, _by_model = issue.picks.filter(pk=pick_id).delete()
        return "pick_removed" if deleted else ""

    return act


def move(pick_id: int, *, by_places: int) -> Act:
    """Move a pick up (negative) or down; beyond the ends it stays where it is."""

    def act(issue: Issue, by: User, at: datetime) -> str:
        order = [pick.pk for pick in issue.picks.in_order()]
        if pick_id not in order:
            return ""
        place = order.index(pick_id)
        target = max(0, min(len(order) - 1, place + by_places))
        order.insert(target, order.pop(place))
        return _reorder(issue, order) if target != place else ""

    return act


def reorder(order: list[int]) -> Act:
    """Put the picks in the order given. Picks that it does not name follow in their old order."""

    def act(issue: Issue, by: User, at: datetime) -> str:
        present = [pick.pk for pick in issue.picks.in_order()]
        wanted = [pk for pk in order if pk in present]
        complete = wanted + [pk for pk in present if pk not in wanted]
        return _reorder(issue, complete) if complete != present else ""

    return act


def _reorder(issue: Issue, order: list[int]) -> str:
    picks = {pick.pk: pick for pick in issue.picks.all()}
    for position, pk in enumerate(order, start=1):
        picks[pk].position = position
    Pick.objects.bulk_update(picks.values(), ["position"])
    return "reordered"
