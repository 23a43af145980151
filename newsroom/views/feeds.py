from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from newsroom.feeds import Channel, feed_articles, rss
from newsroom.models import Article, Section
from newsroom.models.articles import ArticleQuerySet
from newsroom.outlet import current_outlet
from newsroom.page_cache import cached
from newsroom.publishing import LATEST_IN_LIST

RSS = "application/rss+xml; charset=utf-8"


@require_safe
@cached
def feed(request: HttpRequest) -> HttpResponse:
    outlet = current_outlet()
    channel = Channel(
        title=outlet.name,
        description=outlet.tagline or outlet.name,
        language=outlet.language,
        path="/",
        feed_path=request.path,
    )
    return _answer(channel, Article.objects.filter(language=outlet.language))


@require_safe
@cached
def section_feed(request: HttpRequest, slug: str) -> HttpResponse:
    section = get_object_or_404(Section, slug=slug)
    outlet = current_outlet()
    channel = Channel(
        title=f"{section.name} – {outlet.name}",
        description=section.description or section.name,
        language=section.language,
        path=section.get_absolute_url(),
        feed_path=request.path,
    )
    return _answer(channel, Article.objects.filter(section=section))


def _answer(channel: Channel, articles: ArticleQuerySet) -> HttpResponse:
    newest = feed_articles(articles.published(timezone.now())).newest_first()[:LATEST_IN_LIST]
    return HttpResponse(rss(channel, list(newest)), content_type=RSS)
