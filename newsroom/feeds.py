"""Feeds carry the whole text: where the site is blocked, a feed reader may be the only paper left."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.utils import feedgenerator
from django.utils.xmlutils import SimplerXMLGenerator

from newsroom.models import Article
from newsroom.models.articles import ArticleQuerySet
from newsroom.prose import for_feeds


@dataclass(frozen=True)
class Channel:
    """What a feed is a feed of. `path` is the page it belongs to, `feed_path` its own address."""

    title: str
    description: str
    language: str
    path: str
    feed_path: str


class FullTextRss(feedgenerator.Rss201rev2Feed):
    """RSS 2.0 with the text in `content:encoded` (RSS content module) and the names in `dc:creator`."""

    def rss_attributes(self) -> dict[str, str]:
        return {
            **super().rss_attributes(),
            "xmlns:content": "http://purl.org/rss/1.0/modules/content/",
            "xmlns:dc": "http://purl.org/dc/elements/1.1/",
        }

    def add_item_elements(self, handler: SimplerXMLGenerator, item: dict[str, str]) -> None:
        super().add_item_elements(handler, item)
        handler.addQuickElement("content:encoded", item["content"])
        if item["names"]:
            handler.addQuickElement("dc:creator", item["names"])


def feed_articles(articles: ArticleQuerySet) -> ArticleQuerySet:
    """Load what a feed shows, the text included, in two queries."""
    return articles.for_cards().defer(None).defer("search_vector")


class FullTextAtom(feedgenerator.Atom1Feed):
    """Atom (RFC 4287) with the text in `content`."""

    def add_item_elements(self, handler: SimplerXMLGenerator, item: dict[str, str]) -> None:
        super().add_item_elements(handler, item)
        handler.addQuickElement("content", item["content"], {"type": "html"})


def rss(channel: Channel, articles: list[Article]) -> str:
    return _syndicated(FullTextRss, channel, articles)


def atom(channel: Channel, articles: list[Article]) -> str:
    return _syndicated(FullTextAtom, channel, articles)


def json_feed(channel: Channel, articles: list[Article]) -> str:
    """Write JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/)."""
    texts = for_feeds(articles)
    items = [
        {
            "id": _identity(article),
            "url": f"{settings.SITE_URL}{article.get_absolute_url()}",
            "title": article.headline,
            "summary": article.standfirst,
            "content_html": texts[article.pk],
            "date_published": article.published_at.isoformat() if article.published_at else None,
            "language": article.language,
            "tags": [article.section.name],
            "authors": [{"name": byline.author.name} for byline in article.bylines.all()],
        }
        for article in articles
    ]
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": channel.title,
        "description": channel.description,
        "language": channel.language,
        "home_page_url": f"{settings.SITE_URL}{channel.path}",
        "feed_url": f"{settings.SITE_URL}{channel.feed_path}",
        "items": items,
    }
    return json.dumps(feed, ensure_ascii=False)


def _syndicated(kind: type[feedgenerator.SyndicationFeed], channel: Channel, articles: list[Article]) -> str:
    feed = kind(
        title=channel.title,
        link=f"{settings.SITE_URL}{channel.path}",
        description=channel.description,
        language=channel.language,
        feed_url=f"{settings.SITE_URL}{channel.feed_path}",
    )
    texts = for_feeds(articles)
    for article in articles:
        names = ", ".join(byline.author.name for byline in article.bylines.all())
        feed.add_item(
            title=article.headline,
            link=f"{settings.SITE_URL}{article.get_absolute_url()}",
            description=article.standfirst,
            content=texts[article.pk],
            unique_id=_identity(article),
            unique_id_is_permalink=False,
            pubdate=article.published_at,
            updateddate=article.corrected_at or article.published_at,
            categories=[article.section.name],
            names=names,
            author_name=names if kind is FullTextAtom else None,
        )
    return feed.writeString("utf-8")


def _identity(article: Article) -> str:
    """Name the row and not the address, so that a changed slug shows nobody the article anew."""
    return f"{settings.SITE_URL}/articles/#{article.pk}"


@dataclass(frozen=True)
class Format:
    content_type: str
    write: Callable[[Channel, list[Article]], str]


FORMATS = {
    "xml": Format("application/rss+xml; charset=utf-8", rss),
    "atom": Format("application/atom+xml; charset=utf-8", atom),
    "json": Format("application/feed+json; charset=utf-8", json_feed),
}
