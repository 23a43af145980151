"""What is looked at before an issue goes out."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from newsroom.models import Section
from subscriptions import segments
from subscriptions.links import broken_links
from subscriptions.models import Issue, Newsletter, Pick
from subscriptions.rendering import GMAIL_CLIPS_AT, WARN_AT, Rendered, render
from subscriptions.stories import TypedPicks

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


def checklist(
    issue: Issue, *, at: datetime, rendered: Rendered | None = None, typed: TypedPicks | None = None
) -> list[Finding]:
    """Return everything worth knowing before approval, obstacles first.

    `typed` holds headlines and blurbs by pick that are not saved yet; `rendered` spares rendering the issue again.
    """
    picks = list(issue.picks.in_order().select_related("article__section", "article__lead_image"))
    for pick in picks:
        if typed and pick.pk in typed:
            pick.headline, pick.blurb = typed[pick.pk]
    rendered = rendered or render(issue, at=at, typed=typed)
    findings = [
        *_missing(issue, picks),
        *_audience(issue, at),
        *_withdrawn(picks, at),
        *_advice(issue, picks),
        *_pictures(issue, picks),
        *_message(issue, picks, rendered, at),
        *_places(issue, picks),
    ]
    return sorted(findings, key=lambda finding: not finding.is_obstacle)


def obstacles(issue: Issue, *, at: datetime) -> list[str]:
    """Return, in words for staff, what keeps the issue from going out."""
    return [finding.text for finding in checklist(issue, at=at) if finding.is_obstacle]


def _audience(issue: Issue, at: datetime) -> list[Finding]:
    """Say how many the issue leaves out, because whoever approves it may not have chosen the segment."""
    if issue.segment is None:
        return []
    reached = segments.count(issue.segment, issue.newsletter, at=at)
    words = ngettext(
        "It goes only to the segment “%(segment)s”: %(count)s reader.",
        "It goes only to the segment “%(segment)s”: %(count)s readers.",
        reached,
    )
    # Nobody at all is an issue that would be sent, and be over, without a word.
    return [Finding(words % {"segment": issue.segment.name, "count": f"{reached:,}"}, is_obstacle=not reached)]


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
    return findings


def _pictures(issue: Issue, picks: list[Pick]) -> list[Finding]:
    if not issue.newsletter.shows_images:
        return []
    return [
        Finding(
            _("The picture of “%(headline)s” has no description for those who cannot see it.")
            % {"headline": pick.shown_headline}
        )
        for pick in picks
        if pick.article.lead_image is not None and not pick.article.lead_image.alt.strip()
    ]


def _message(issue: Issue, picks: list[Pick], rendered: Rendered, at: datetime) -> list[Finding]:
    """Look at the mail as it would leave: its links, its text part, its size, its appeal."""
    findings = [
        Finding(_("This link leads nowhere: %(address)s") % {"address": address[:200]})
        for address in broken_links(html=rendered.mail_html, typed=issue.letter, at=at)
    ]
    if not issue.letter.strip() and not any(pick.shown_blurb.strip() for pick in picks):
        findings.append(Finding(_("The text part has nothing to read but headlines: there is no letter and no blurb.")))
    if rendered.html_bytes >= GMAIL_CLIPS_AT:
        findings.append(
            Finding(_("The mail is larger than 102 KB: Gmail hides its end, with the link to unsubscribe."))
        )
    elif rendered.html_bytes >= WARN_AT:
        findings.append(Finding(_("The mail is almost as large as the 102 KB that Gmail shows.")))
    if issue.carries_appeal and not rendered.has_appeal:
        findings.append(
            Finding(_("The appeal is left out: none runs at that time, or an article of the issue is sensitive."))
        )
    return findings


def _places(issue: Issue, picks: list[Pick]) -> list[Finding]:
    findings = []
    used = Counter(pick.article.section.kind for pick in picks)
    for kind, count in places(issue.newsletter).items():
        empty = count - used[kind]
        if empty > 0:
            words = ngettext(
                "%(count)s place for “%(kind)s” is empty.", "%(count)s places for “%(kind)s” are empty.", empty
            )
            findings.append(Finding(words % {"count": empty, "kind": kind.label}))
    return findings
