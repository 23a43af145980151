"""What is looked at before an issue goes out."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from newsroom.models import Section
from subscriptions.models import Issue, Newsletter, Pick

LONG_SUBJECT = 70


@dataclass(frozen=True)
class Finding:
    """One remark. An obstacle keeps the issue from being approved; anything else is advice."""

    text: str
    is_obstacle: bool = False


def places(newsletter: Newsletter) -> dict[Section.Kind, int]:
    """Return how many places the newsletter has for each kind of section, in the order of the issue."""
    return {
        Section.Kind.NEWS: newsletter.news_places,
        Section.Kind.FEATURE: newsletter.feature_places,
        Section.Kind.ANALYSIS: newsletter.analysis_places,
        Section.Kind.OPINION: newsletter.opinion_places,
    }


def checklist(issue: Issue, *, at: datetime) -> list[Finding]:
    """Return everything worth knowing before approval, obstacles first."""
    picks = list(issue.picks.in_order().select_related("article__section"))
    findings = [*_missing(issue, picks), *_withdrawn(picks, at), *_advice(issue, picks)]
    return sorted(findings, key=lambda finding: not finding.is_obstacle)


def _missing(issue: Issue, picks: list[Pick]) -> list[Finding]:
    findings = []
    if not issue.subject.strip():
        findings.append(Finding(_("The subject is missing."), is_obstacle=True))
    if not picks:
        findings.append(Finding(_("No article is picked."), is_obstacle=True))
    elif len(picks) < issue.newsletter.minimum_picks:
        findings.append(
            Finding(
                _("There are %(count)s articles, and the newsletter asks for at least %(minimum)s.")
                % {"count": len(picks), "minimum": issue.newsletter.minimum_picks}
            )
        )
    return findings


def _withdrawn(picks: list[Pick], at: datetime) -> list[Finding]:
    return [
        Finding(_("“%(headline)s” is not published.") % {"headline": pick.article.headline}, is_obstacle=True)
        for pick in picks
        if not pick.article.is_public(at)
    ]


def _advice(issue: Issue, picks: list[Pick]) -> list[Finding]:
    findings = []
    if len(issue.subject) > LONG_SUBJECT:
        findings.append(Finding(_("The subject is long: phones show about 40 characters of it.")))
    if not issue.preheader.strip():
        findings.append(Finding(_("The preheader is empty: mail programs will show the first words instead.")))
    for pick in picks:
        if not pick.shown_blurb.strip():
            findings.append(Finding(_("“%(headline)s” has no blurb.") % {"headline": pick.shown_headline}))
        if (
            issue.approved_at is None
            and pick.article.corrected_at
            and pick.blurb
            and pick.picked_at < pick.article.corrected_at
        ):
            findings.append(
                Finding(
                    _("“%(headline)s” was corrected after its blurb was written.") % {"headline": pick.shown_headline}
                )
            )
    used = Counter(pick.article.section.kind for pick in picks)
    for kind, count in places(issue.newsletter).items():
        empty = count - used[kind]
        if empty > 0:
            words = ngettext(
                "%(count)s place for “%(kind)s” is empty.", "%(count)s places for “%(kind)s” are empty.", empty
            )
            findings.append(Finding(words % {"count": empty, "kind": kind.label}))
    return findings
