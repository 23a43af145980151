"""Fill an issue from the week's articles: what editors picked stays, and each filled place says why."""

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Max
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from newsroom.models import Article
from newsroom.models.articles import ArticleQuerySet
from subscriptions.checklist import checklist, places
from subscriptions.issues import APPROVE, StepRefused, alarm, step
from subscriptions.models import Issue, Newsletter, Pick

# After a holiday or a lost week, articles of up to three weeks may still be new to readers.
LONGEST_LOOK_BACK = timedelta(days=21)
WEEK = timedelta(days=7)


def assemble(*, newsletter: Newsletter, issue_date: date, at: datetime) -> Issue:
    """Fill the empty places of an issue, make the row where there is none, and tell the editors.

    Doing it again changes nothing. An issue that was approved, held or cancelled meanwhile is left as it is.
    """
    issue, _is_new = Issue.objects.get_or_create(
        newsletter=newsletter,
        issue_date=issue_date,
        defaults={"send_at": newsletter.send_at(issue_date), "created_at": at, **newsletter.issue_defaults},
    )
    if issue.state != Issue.State.DRAFT or issue.assembled_at is not None:
        return issue
    try:
        with step(issue, "assembled", sources=(Issue.State.DRAFT,), by=None, permission=APPROVE, at=at) as locked:
            if locked.assembled_at is not None:
                raise StepRefused
            fill(locked, at=at)
            locked.assembled_at = at
            _suggest_words(locked)
            alarm(locked, kind="assembled", reason="", at=at, context=_account_of(locked, at=at))
    except StepRefused:
        issue.refresh_from_db()
    return issue


def fill(issue: Issue, *, at: datetime) -> list[Pick]:
    """Put articles into the empty places, by section quota, then priority, then recency; return the new picks.

    With every quota served and still fewer articles than the newsletter's minimum, any kind may help out.
    """
    newsletter = issue.newsletter
    present = list(issue.picks.select_related("article__section"))
    used = Counter(pick.article.section.kind for pick in present)
    position = issue.picks.aggregate(last=Max("position"))["last"] or 0
    candidates = list(available(issue, at=at))
    chosen: list[tuple[Article, str]] = []
    for kind, count in places(newsletter).items():
        of_kind = [article for article in candidates if article.section.kind == kind]
        place = _("place for “%(kind)s”") % {"kind": kind.label}
        chosen += [(article, _reason(article, place)) for article in of_kind[: max(0, count - used[kind])]]
    missing = newsletter.minimum_picks - len(present) - len(chosen)
    if missing > 0:
        taken = {article.pk for article, _why in chosen}
        rest = [article for article in candidates if article.pk not in taken]
        chosen += [(article, _reason(article, _("to reach the fewest articles"))) for article in rest[:missing]]
    return Pick.objects.bulk_create(
        Pick(
            issue=issue,
            article=article,
            position=position + number,
            origin=Pick.Origin.FILLED,
            reason=reason[:200],
            picked_at=at,
        )
        for number, (article, reason) in enumerate(chosen, start=1)
    )


def available(issue: Issue, *, at: datetime) -> ArticleQuerySet:
    """Return the articles that may fill this issue, the best first: published, recent, in its language, never sent."""
    newsletter = issue.newsletter
    articles = this_weeks(issue, at=at)
    if newsletter.skips_sensitive:
        articles = articles.filter(is_sensitive=False)
    return articles


def this_weeks(issue: Issue, *, at: datetime) -> ArticleQuerySet:
    """Return what an editor can pick from: like `available`, with the sensitive."""
    newsletter = issue.newsletter
    elsewhere = Pick.objects.filter(issue__newsletter=newsletter).exclude(
        issue__state__in=[Issue.State.SKIPPED, Issue.State.CANCELLED]
    )
    return (
        Article.objects.published(at)
        .filter(language=newsletter.language, published_at__gte=_since(issue))
        .exclude(pk__in=elsewhere.values("article_id"))
        .for_cards()
        .order_by("-newsletter_priority", "-published_at", "-pk")
    )


def _since(issue: Issue) -> datetime:
    """Return from when on articles are new to the readers of an issue: a week back, or since the last issue left."""
    before = Issue.objects.filter(
        newsletter_id=issue.newsletter_id, issue_date__lt=issue.issue_date, started_at__isnull=False
    )
    last = before.aggregate(at=Max("started_at"))["at"]
    week = issue.send_at - WEEK
    return max(min(last or week, week), issue.send_at - LONGEST_LOOK_BACK)


def _reason(article: Article, place: str) -> str:
    day = formats.date_format(timezone.localtime(article.published_at).date(), "DATE_FORMAT")
    if article.newsletter_priority:
        return _("%(place)s; priority %(priority)s, published on %(day)s") % {
            "place": place,
            "priority": article.newsletter_priority,
            "day": day,
        }
    return _("%(place)s; published on %(day)s") % {"place": place, "day": day}


def _suggest_words(issue: Issue) -> None:
    """Give an issue without a subject the words of its first articles, which an editor may better."""
    picks = list(issue.picks.in_order().select_related("article")[:3])
    if not issue.subject.strip() and picks:
        issue.subject = picks[0].shown_headline[:200]
    if not issue.preheader.strip() and len(picks) > 1:
        issue.preheader = " · ".join(pick.shown_headline for pick in picks[1:])[:200]
    if not issue.letter.strip():
        issue.letter = issue.newsletter.intro


def _account_of(issue: Issue, *, at: datetime) -> dict[str, Any]:
    """Return what the editors' mail shows: the issue as it stands, why each article is in it, and what is missing."""
    picks = issue.picks.in_order().select_related("article__section").prefetch_related("article__bylines__author")
    return {
        "subject": issue.subject,
        "preheader": issue.preheader,
        "picks": [
            {
                "headline": pick.shown_headline,
                "section": pick.article.section.name,
                "names": ", ".join(byline.author.name for byline in pick.article.bylines.all()),
                "blurb": pick.shown_blurb,
                "why": pick.reason or str(pick.get_origin_display()),
            }
            for pick in picks
        ],
        "findings": [finding.text for finding in checklist(issue, at=at)],
    }
