"""Feeds carry the whole text: where the site is blocked, a feed reader may be the only paper left."""

from dataclasses import dataclass

from django.conf import settings
from django.utils import feedgenerator
from django.utils.xmlutils import SimplerXMLGenerator

from newsroom.models import Article
from newsroom.models.articles import ArticleQuerySet


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
    return articles.for_cards().defer(None)


def rss(channel: Channel, articles: list[Article]) -> str:
    feed = FullTextRss(
        title=channel.title,
        link=f"{settings.SITE_URL}{channel.path}",
        description=channel.description,
        language=channel.language,
        feed_url=f"{settings.SITE_URL}{channel.feed_path}",
    )
    for article in articles:
        url = f"{settings.SITE_URL}{article.get_absolute_url()}"
        feed.add_item(
            title=article.headline,
            link=url,
            description=article.standfirst,
            content=article.body,
            # The key of the row and not the address, so that a changed slug shows nobody the article anew.
            unique_id=f"{settings.SITE_URL}/articles/#{article.pk}",
            unique_id_is_permalink=False,
            pubdate=article.published_at,
            categories=[article.section.name],
            names=", ".join(byline.author.name for byline in article.bylines.all()),
        )
    return feed.writeString("utf-8")
