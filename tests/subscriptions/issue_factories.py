"""Issues with valid defaults, made through the product's own functions."""

from datetime import date, datetime, timedelta
from typing import Any

from newsroom.models import Article, Section
from subscriptions import issues
from subscriptions.models import Issue, Newsletter, Pick
from tests.newsroom.factories import make_article, make_section
from tests.subscriptions.factories import NOW, make_newsletter

FRIDAY = date(2026, 11, 20)


def make_stories(*, count: int = 3, kind: str = Section.Kind.NEWS, **kwargs: Any) -> list[Article]:
    section = Section.objects.filter(kind=kind).first() or make_section(kind=kind)
    return [
        make_article(section=section, published_at=NOW - timedelta(days=2, minutes=number), **kwargs)
        for number in range(count)
    ]


def make_issue(
    *,
    newsletter: Newsletter | None = None,
    issue_date: date = FRIDAY,
    articles: list[Article] | None = None,
    **kwargs: Any,
) -> Issue:
    """Make a draft with three picks."""
    newsletter = newsletter or make_newsletter()
    issue = Issue.objects.create(
        **{
            "newsletter": newsletter,
            "issue_date": issue_date,
            "send_at": newsletter.send_at(issue_date),
            "subject": "The week in seven stories",
            "preheader": "And one about bees",
            "letter": "Good morning,\n\nthis is the letter.",
            "created_at": NOW - timedelta(days=6),
            **kwargs,
        }
    )
    for position, article in enumerate(make_stories() if articles is None else articles, start=1):
        Pick.objects.create(
            issue=issue,
            article=article,
            position=position,
            origin=Pick.Origin.EDITOR,
            picked_at=NOW - timedelta(days=1),
        )
    return issue


def make_sending_issue(*, newsletter: Newsletter, at: datetime = NOW, **kwargs: Any) -> Issue:
    """Make an issue whose deliveries are prepared for everyone subscribed by now."""
    issue = make_issue(newsletter=newsletter, **kwargs)
    issues.approve(issue, by=None, at=at)
    issues.start(issue, by=None, at=at)
    return issue
