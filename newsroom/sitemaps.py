"""The maps of the site for search engines: an index, a map per month, one of everything else, and one of the news."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape

from django.conf import settings
from django.urls import reverse

from newsroom import archive
from newsroom.models import Article, Author, Page, Section, Tag
from newsroom.outlet import current_outlet

NEWS_AGE = timedelta(hours=48)
# What Google reads of a news sitemap (https://developers.google.com/search/docs/crawling-indexing/sitemaps/news-sitemap).
NEWS_LIMIT = 1_000
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SITEMAP = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
_NEWS = 'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'


@dataclass(frozen=True)
class Place:
    path: str
    changed_at: datetime | None = None


def index(*, at: datetime) -> str:
    paths = [reverse("sitemap-places"), *(_month_path(month) for month in archive.months(at=at))]
    entries = "".join(f"<sitemap><loc>{_url(path)}</loc></sitemap>\n" for path in paths)
    return f"{_HEAD}<sitemapindex {_SITEMAP}>\n{entries}</sitemapindex>\n"


def of_month(year: int, month: int, *, at: datetime) -> str:
    articles = archive.of_month(year, month).published(at).newest_first().only("slug", "corrected_at", "published_at")
    return _urlset(Place(one.get_absolute_url(), one.corrected_at or one.published_at) for one in articles)


def of_places() -> str:
    """Map every page that is not an article."""
    listed: list[Section | Author | Tag | Page] = [
        *Section.objects.order_by("pk"),
        *Author.objects.order_by("pk"),
        *Tag.objects.order_by("pk"),
        *Page.objects.published().order_by("pk"),
    ]
    home = current_outlet().language
    others = sorted(
        {section.language for section in Section.objects.in_menu()} & set(dict(settings.LANGUAGES)) - {home}
    )
    fronts = [Place("/"), *(Place(reverse("edition", args=[language])) for language in others)]
    return _urlset([*fronts, Place(reverse("archive")), *(Place(one.get_absolute_url()) for one in listed)])


def of_news(*, at: datetime) -> str:
    """Map the articles of the last two days, as news aggregators ask for them."""
    names = {code: escape(current_outlet(code).name) for code, _name in settings.LANGUAGES}
    own = escape(current_outlet().name)
    newest = Article.objects.published(at).filter(published_at__gt=at - NEWS_AGE).newest_first()
    newest = newest.only("slug", "language", "headline", "published_at")
    entries = "".join(
        f"<url><loc>{_url(one.get_absolute_url())}</loc><news:news>"
        f"<news:publication><news:name>{names.get(one.language, own)}</news:name>"
        f"<news:language>{escape(one.language)}</news:language></news:publication>"
        f"<news:publication_date>{_time(one.published_at)}</news:publication_date>"
        f"<news:title>{escape(one.headline)}</news:title></news:news></url>\n"
        for one in newest[:NEWS_LIMIT]
    )
    return f"{_HEAD}<urlset {_SITEMAP} {_NEWS}>\n{entries}</urlset>\n"


def _urlset(places: Iterable[Place]) -> str:
    entries = "".join(
        f"<url><loc>{_url(place.path)}</loc>"
        + (f"<lastmod>{_time(place.changed_at)}</lastmod>" if place.changed_at else "")
        + "</url>\n"
        for place in places
    )
    return f"{_HEAD}<urlset {_SITEMAP}>\n{entries}</urlset>\n"


def _month_path(month: archive.Month) -> str:
    return reverse("sitemap-month", args=[month.first_day.year, month.first_day.month])


def _url(path: str) -> str:
    return escape(f"{settings.SITE_URL}{path}")


def _time(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""
