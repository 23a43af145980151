"""What stands on the paper's pages: top stories, lists, and what to read next."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from newsroom.models import Article, Image
from newsroom.models.articles import ArticleQuerySet

TOP_STORIES = 5
LATEST_ON_FRONT = 24
LATEST_IN_LIST = 30
READ_MORE = 4
# Read more weighs the newest of the section and of the tags, so its cost does not grow with the archive.
READ_MORE_CANDIDATES = 60


@dataclass(frozen=True)
class FrontPage:
    top: list[Article]
    latest: list[Article]


def front_page(*, language: str, at: datetime) -> FrontPage:
    """Return what staff put on top, highest first, and everything else by time.

    Where staff chose fewer than there are places on top, the newest articles take the rest.
    """
    shown = Article.objects.published(at).filter(language=language).for_cards()
    chosen = list(
        shown.filter(front_page_priority__gt=0).order_by("-front_page_priority", "-published_at", "-pk")[:TOP_STORIES]
    )
    others = shown.exclude(pk__in=[article.pk for article in chosen]).newest_first()
    by_time = list(others[:LATEST_ON_FRONT])
    free = TOP_STORIES - len(chosen)
    return FrontPage(top=chosen + by_time[:free], latest=by_time[free:])


@dataclass(frozen=True)
class ListPage:
    """One page of a long list, the newest article first. `number` counts from 1."""

    number: int
    articles: list[Article]
    has_older: bool


def list_page(articles: ArticleQuerySet, *, at: datetime, number: int) -> ListPage:
    """Return one page of those of `articles` that readers may see."""
    start = (number - 1) * LATEST_IN_LIST
    # First which, and then what a teaser shows of them: a walk to the end of a long list reads nothing but keys.
    keys = articles.published(at).newest_first().values("pk")[start : start + LATEST_IN_LIST + 1]
    found = list(Article.objects.filter(pk__in=keys).for_cards().newest_first())
    return ListPage(number=number, articles=found[:LATEST_IN_LIST], has_older=len(found) > LATEST_IN_LIST)


def latest(articles: ArticleQuerySet, *, at: datetime, limit: int) -> list[Article]:
    """Return the newest of `articles` that readers may see, ready for teasers."""
    return list(articles.published(at).for_cards().newest_first()[:limit])


def related(article: Article, *, at: datetime, limit: int = READ_MORE) -> list[Article]:
    """Return what to read after `article`: most tags in common first, then the same section, the newest first."""
    tag_ids = [tag.pk for tag in article.tags.all()]
    others = Article.objects.published(at).filter(language=article.language).exclude(pk=article.pk)
    candidates = _newest_ids(others.filter(section_id=article.section_id))
    common_tags: Subquery | Value = Value(0)
    if tag_ids:
        shared = Article.tags.through.objects.filter(article=OuterRef("pk"), tag__in=tag_ids)
        # A union and no OR: with an OR, PostgreSQL reads the whole archive and looks each article up in both lists.
        candidates = candidates.union(_newest_ids(others.filter(Exists(shared))))
        counted = shared.order_by().values("article").annotate(common=Count("pk"))
        common_tags = Subquery(counted.values("common"))  # type: ignore[misc]
    return list(
        Article.objects.filter(pk__in=candidates)
        .for_cards()
        .annotate(common_tags=Coalesce(common_tags, 0))
        .order_by("-common_tags", "-published_at", "-pk")[:limit]
    )


def _newest_ids(articles: ArticleQuerySet) -> QuerySet[Article, int]:
    return articles.newest_first().values_list("pk", flat=True)[:READ_MORE_CANDIDATES]


def settle_due(*, at: datetime) -> int:
    """Write down every scheduled article whose minute has come, and return how many there were."""
    due = list(Article.objects.due(at).order_by("published_at", "pk"))
    for article in due:
        article.settle(at=at)
    return len(due)


def unrendered_images() -> list[int]:
    """Name the images that still wait for their renditions, oldest first."""
    return list(Image.objects.unrendered().order_by("uploaded_at", "pk").values_list("pk", flat=True)[:20])
