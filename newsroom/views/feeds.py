from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from newsroom import limits
from newsroom.feeds import FORMATS, Channel, feed_articles
from newsroom.models import Article, Author, Section, Tag
from newsroom.models.articles import ArticleQuerySet
from newsroom.outlet import current_outlet
from newsroom.page_cache import cached
from newsroom.pages import public
from newsroom.publishing import LATEST_IN_LIST
from newsroom.search import MAX_QUERY, SEARCHES, matching


@require_safe
@cached
def feed(request: HttpRequest, kind: str) -> HttpResponse:
    return _edition(request, kind, language=current_outlet().language, path=reverse("front"))


@require_safe
@cached
def edition_feed(request: HttpRequest, language: str, kind: str) -> HttpResponse:
    """Feed the paper in another language than the outlet's own, whose feed stands at the root alone."""
    if language == current_outlet().language:
        return redirect("feed", kind=kind, permanent=True)
    return _edition(request, kind, language=language, path=reverse("edition", args=[language]))


def _edition(request: HttpRequest, kind: str, *, language: str, path: str) -> HttpResponse:
    outlet = current_outlet(language)
    channel = Channel(
        title=outlet.name,
        description=outlet.tagline or outlet.name,
        language=language,
        path=path,
        feed_path=request.path,
    )
    return _answer(kind, channel, Article.objects.filter(language=language))


@require_safe
@cached
def section_feed(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    section = get_object_or_404(Section, slug=slug)
    channel = Channel(
        title=f"{section.name} – {current_outlet(section.language).name}",
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


@require_safe
@cached
def tag_feed(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    tag = get_object_or_404(Tag, slug=slug)
    outlet = current_outlet()
    channel = Channel(
        title=f"{tag.name} – {outlet.name}",
        description=tag.name,
        language=outlet.language,
        path=tag.get_absolute_url(),
        feed_path=request.path,
    )
    return _answer(kind, channel, Article.objects.filter(tags=tag))


@require_safe
@public
def search_feed(request: HttpRequest, kind: str) -> HttpResponse:
    """Feed what a search finds, the newest first, so that a reader hears of a name as soon as it is written about."""
    words = request.GET.get("q", "").strip()[:MAX_QUERY]
    if not limits.allow("search", limits.network_of(request), rate=SEARCHES):
        return HttpResponse(status=429, headers={"Retry-After": "60"})
    outlet = current_outlet()
    query = urlencode({"q": words})
    channel = Channel(
        title=f"{words} – {outlet.name}",
        description=words or outlet.name,
        language=outlet.language,
        path=f"{reverse('search')}?{query}",
        feed_path=f"{request.path}?{query}",
    )
    return _answer(kind, channel, matching(words))


def _answer(kind: str, channel: Channel, articles: ArticleQuerySet) -> HttpResponse:
    newest = feed_articles(articles.published(timezone.now())).newest_first()[:LATEST_IN_LIST]
    written = FORMATS[kind]
    return HttpResponse(written.write(channel, list(newest)), content_type=written.content_type)
