"""An issue as people see it: the mail in HTML and text, and the page of the archive."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import css_inline
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from newsroom import registry
from newsroom.outlet import current_outlet
from newsroom.prose import with_whole_links
from newsroom.registry import IssueAppeal
from subscriptions.messages import TOKEN_MARKER, absolute, one_line
from subscriptions.models import Issue, Mirror
from subscriptions.stories import Story, TypedPicks, public_stories, stories

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
    has_appeal: bool = False

    @property
    def html_bytes(self) -> int:
        return len(self.mail_html.encode())


def render(
    issue: Issue, *, at: datetime, is_sample: bool = False, typed: TypedPicks | None = None, has_marks: bool = False
) -> Rendered:
    """Render an issue with a marker where each reader's own links will stand.

    A sample shows anyone what an issue is like: without the words that editors are still working on, so under the
    newsletter's name and with each article's own headline and standfirst. `typed` are headlines and blurbs by pick that
    are not saved yet; with marks, a preview can be opened at one of its articles.
    """
    newsletter = issue.newsletter
    outlet = current_outlet(newsletter.language)
    unsubscribe = absolute(reverse("subscriptions:unsubscribe", args=[TOKEN_MARKER]))
    preferences = absolute(reverse("subscriptions:preferences", args=[TOKEN_MARKER]))
    with translation.override(newsletter.language), timezone.override(newsletter.zone):
        told = public_stories(issue, at=at) if is_sample else stories(issue, typed=typed)
        path = issue.get_absolute_url()
        appeal = None if is_sample else appeal_of(issue, told, at=at)
        words: dict[str, Any] = {
            "issue": issue,
            "newsletter": newsletter,
            "outlet": outlet,
            "site_url": settings.SITE_URL,
            "subject": one_line(newsletter.name if is_sample else issue.subject),
            "preheader": "" if is_sample else one_line(issue.preheader),
            "letter": (newsletter.intro if is_sample else issue.letter).strip(),
            "stories": told,
            "appeal": appeal,
            "base": settings.SITE_URL,
            "mirrors": [one.page(path) for one in Mirror.objects.in_use()] if newsletter.names_mirrors else [],
            "has_marks": has_marks,
            "web_url": absolute(path),
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
            has_appeal=appeal is not None,
        )


def shown(issue: Issue, *, at: datetime) -> Rendered:
    """Return what approval froze, or else the issue as it stands at `at`."""
    frozen = issue.frozen
    if frozen is None:
        return render(issue, at=at)
    return Rendered(
        subject=frozen.subject,
        preheader=frozen.preheader,
        mail_html=frozen.mail_html,
        mail_text=frozen.mail_text,
        web_html=frozen.web_html,
    )


def appeal_of(issue: Issue, told: Sequence[Story], *, at: datetime) -> IssueAppeal | None:
    """Return the appeal that stands in the issue, where it is wanted and one runs at the time of sending.

    Nobody is asked for money beside a sensitive article, as on the site.
    """
    if not issue.carries_appeal or any(story.is_sensitive for story in told):
        return None
    moment = max(at, issue.send_at)
    found = (make(issue.newsletter.language, moment) for make in registry.issue_appeals)
    appeal = next((appeal for appeal in found if appeal is not None), None)
    return replace(appeal, message=with_whole_links(appeal.message)) if appeal else None


def tidied(text: str) -> str:
    """Leave at most one empty line between paragraphs, and none at the ends: template tags leave holes."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    kept = [line for number, line in enumerate(lines) if line or (number and lines[number - 1])]
    return "\n".join(kept) + "\n"


def with_dead_links(rendered: str) -> str:
    """Replace the places of a reader's own links by words that lead nowhere, for previews and tests."""
    return rendered.replace(TOKEN_MARKER, "preview")
