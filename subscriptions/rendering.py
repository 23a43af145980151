"""An issue as people see it: the mail in HTML and text, and the page of the archive."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import css_inline
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from newsroom.models import Article
from newsroom.outlet import current_outlet
from subscriptions.messages import TOKEN_MARKER, absolute, one_line
from subscriptions.models import Issue
from subscriptions.models.issues import PickQuerySet

# Gmail shows no more than 102 KB of a mail's HTML and hides the rest behind a link, the unsubscribe link included.
GMAIL_CLIPS_AT = 102 * 1024
WARN_AT = 90 * 1024

# A mail's stylesheet is in the mail itself; one from elsewhere would be a request that somebody's text asked for.
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True, keep_at_rules=True)


@dataclass(frozen=True)
class Rendered:
    subject: str
    preheader: str
    mail_html: str
    mail_text: str
    web_html: str

    @property
    def html_bytes(self) -> int:
        return len(self.mail_html.encode())


@dataclass(frozen=True)
class Story:
    """One pick as a template shows it."""

    headline: str
    blurb: str
    kicker: str
    names: str
    url: str
    path: str


def render(issue: Issue, *, at: datetime, is_sample: bool = False) -> Rendered:
    """Render an issue with a marker where each reader's own links will stand.

    A sample shows anyone what an issue is like: without the words that editors are still working on, so under the
    newsletter's name and with each article's own headline and standfirst.
    """
    newsletter = issue.newsletter
    outlet = current_outlet()
    unsubscribe = absolute(reverse("subscriptions:unsubscribe", args=[TOKEN_MARKER]))
    preferences = absolute(reverse("subscriptions:preferences", args=[TOKEN_MARKER]))
    with translation.override(newsletter.language), timezone.override(newsletter.zone):
        words: dict[str, Any] = {
            "issue": issue,
            "newsletter": newsletter,
            "outlet": outlet,
            "site_url": settings.SITE_URL,
            "subject": one_line(newsletter.name if is_sample else issue.subject),
            "preheader": "" if is_sample else one_line(issue.preheader),
            "letter": (newsletter.intro if is_sample else issue.letter).strip(),
            "stories": public_stories(issue, at=at) if is_sample else stories(issue),
            "web_url": absolute(issue.get_absolute_url()),
            "archive_url": absolute(reverse("subscriptions:archive", args=[newsletter.slug])),
            "unsubscribe_url": unsubscribe,
            "preferences_url": preferences,
            "language": newsletter.language,
            "direction": "rtl" if translation.get_language_bidi() else "ltr",
        }
        return Rendered(
            subject=words["subject"],
            preheader=words["preheader"],
            mail_html=_inliner.inline(render_to_string("emails/issue/body.html", words)),
            mail_text=tidied(render_to_string("emails/issue/body.txt", words)),
            web_html=render_to_string("subscriptions/_issue_content.html", words),
        )


def stories(issue: Issue) -> list[Story]:
    """Return the picks in order and in the issue's words, in three queries for any number.

    What was withdrawn meanwhile is left out whoever picked it: its link would lead to nothing, and its words may not go
    out.
    """
    picks = [pick for pick in _picks(issue) if pick.article.status != Article.Status.WITHDRAWN]
    return [_story(pick.article, headline=pick.shown_headline, blurb=pick.shown_blurb) for pick in picks]


def public_stories(issue: Issue, *, at: datetime) -> list[Story]:
    """Return those picks that readers may see at `at`, in the words that the articles themselves show."""
    articles = [pick.article for pick in _picks(issue) if pick.article.is_public(at)]
    return [_story(article, headline=article.headline, blurb=article.standfirst) for article in articles]


def _picks(issue: Issue) -> PickQuerySet:
    return issue.picks.in_order().select_related("article__section").prefetch_related("article__bylines__author")


def _story(article: Article, *, headline: str, blurb: str) -> Story:
    bylines = sorted(article.bylines.all(), key=lambda byline: (byline.position, byline.pk))
    return Story(
        headline=headline,
        blurb=blurb,
        kicker=article.section.name,
        names=", ".join(byline.author.name for byline in bylines) or article.credit_line,
        url=absolute(article.get_absolute_url()),
        path=article.get_absolute_url(),
    )


def tidied(text: str) -> str:
    """Leave at most one empty line between paragraphs, and none at the ends: template tags leave holes."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    kept = [line for number, line in enumerate(lines) if line or (number and lines[number - 1])]
    return "\n".join(kept) + "\n"


def with_dead_links(rendered: str) -> str:
    """Replace the places of a reader's own links by words that lead nowhere, for previews and tests."""
    return rendered.replace(TOKEN_MARKER, "preview")
