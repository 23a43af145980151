from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from newsroom.feeds import FORMATS, Channel, feed_articles
from newsroom.models import Article, Author, Section
from newsroom.models.articles import ArticleQuerySet
from newsroom.outlet import current_outlet
from newsroom.page_cache import cached
from newsroom.publishing import LATEST_IN_LIST


@require_safe
@cached
def feed(request: HttpRequest, kind: str) -> HttpResponse:
    outlet = current_outlet()
    channel = Channel(
        title=outlet.name,
        description=outlet.tagline or outlet.name,
        language=outlet.language,
        path="/",
        feed_path=request.path,
    )
    return _answer(kind, channel, Article.objects.filter(language=outlet.language))


@require_safe
@cached
def section_feed(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    section = get_object_or_404(Section, slug=slug)
    channel = Channel(
        title=f"{section.name} – {current_outlet().name}",
        description=section.description or section.name,
        language=section.language,
        path=section.get_absolute_url(),
        feed_path=request.path,
    )
    return _answer(kind, channel, Article.objects.filter(section=section))


@require_safe
@cached
def author_feed(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    author = get_object_or_404(Author, slug=slug)
    outlet = current_outlet()
    channel = Channel(
        title=f"{author.name} – {outlet.name}",
        description=author.description or author.name,
        language=outlet.language,
        path=author.get_absolute_url(),
        feed_path=request.path,
    )
    return _answer(kind, channel, Article.objects.filter(bylines__author=author))


def _answer(kind: str, channel: Channel, articles: ArticleQuerySet) -> HttpResponse:
    newest = feed_articles(articles.published(timezone.now())).newest_first()[:LATEST_IN_LIST]
    written = FORMATS[kind]
    return HttpResponse(written.write(channel, list(newest)), content_type=written.content_type)
