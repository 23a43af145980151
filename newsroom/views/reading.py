"""The pages of the paper."""

from datetime import datetime

from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_safe

from newsroom.models import Article, Author, Byline, Correction, Page, Section, Tag
from newsroom.models.articles import ArticleQuerySet
from newsroom.outlet import current_outlet
from newsroom.page_cache import cached
from newsroom.pages import public, render_page
from newsroom.previews import read_preview
from newsroom.publishing import ListPage, front_page, latest, list_page, related
from newsroom.tokens import BadToken


@require_safe
@cached
def front(request: HttpRequest) -> HttpResponse:
    return _front(request, current_outlet().language)


@require_safe
@cached
def edition(request: HttpRequest, language: str) -> HttpResponse:
    """Show the front page in another language than the outlet's own, which stands at the root alone."""
    if language == current_outlet().language:
        return redirect("front", permanent=True)
    return _front(request, language)


def _front(request: HttpRequest, language: str) -> HttpResponse:
    paper = front_page(language=language, at=timezone.now())
    return render_page(request, "newsroom/front.html", {"paper": paper, "language": language}, language=language)


def find_list_page(articles: ArticleQuerySet, number: str) -> ListPage:
    """Return the page of that number. Only the first may be empty."""
    found = list_page(articles, at=timezone.now(), number=int(number))
    if found.number > 1 and not found.articles:
        raise Http404
    return found


@require_safe
@cached
def section(request: HttpRequest, slug: str, number: str = "1") -> HttpResponse:
    section = get_object_or_404(Section, slug=slug)
    shown = find_list_page(Article.objects.filter(section=section), number)
    return render_page(
        request, "newsroom/section.html", {"section": section, "list_page": shown}, language=section.language
    )


@require_safe
@cached
def author(request: HttpRequest, slug: str, number: str = "1") -> HttpResponse:
    author = get_object_or_404(Author.objects.select_related("portrait"), slug=slug)
    shown = find_list_page(Article.objects.filter(bylines__author=author), number)
    return render_page(request, "newsroom/author.html", {"author": author, "list_page": shown})


@require_safe
@cached
def tag(request: HttpRequest, slug: str, number: str = "1") -> HttpResponse:
    tag = get_object_or_404(Tag, slug=slug)
    own = Article.objects.filter(tags=tag)
    shown = find_list_page(own, number)
    # A subject of one edition is shown in its language, and every page of the list in that of the first.
    newest = shown.articles if shown.number == 1 else list_page(own, at=timezone.now(), number=1).articles
    languages = {article.language for article in newest}
    language = languages.pop() if len(languages) == 1 else None
    return render_page(request, "newsroom/tag.html", {"tag": tag, "list_page": shown}, language=language)


@require_safe
@cached
def article(request: HttpRequest, slug: str) -> HttpResponse:
    at = timezone.now()
    article = _with_surroundings().filter(slug=slug).first()
    if article is not None and article.status == Article.Status.WITHDRAWN:
        return _gone(request, article, at=at)
    if article is None or not article.is_public(at):
        raise Http404
    return article_page(request, article, at=at)


def _with_surroundings() -> QuerySet[Article]:
    return Article.objects.select_related("section", "lead_image").prefetch_related(
        Prefetch("bylines", Byline.objects.select_related("author").order_by("position", "pk")),
        Prefetch("corrections", Correction.objects.order_by("noted_at", "pk")),
        "tags",
    )


def article_page(request: HttpRequest, article: Article, *, at: datetime) -> HttpResponse:
    return render_page(
        request,
        "newsroom/article.html",
        {
            "article": article,
            "translations": _translations(article, at=at),
            "related": related(article, at=at),
        },
        language=article.language,
    )


@require_safe
@public
def preview(request: HttpRequest, token: str) -> HttpResponse:
    """Show an article as it stands to whoever holds a fresh link. No cache and no search engine keeps the page."""
    try:
        article = get_object_or_404(_with_surroundings(), pk=read_preview(token))
    except BadToken:
        return render_page(request, "newsroom/preview_over.html", status=410)
    response = render_page(
        request, "newsroom/article.html", {"article": article, "is_preview": True}, language=article.language
    )
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    # The address is the key, so it must not travel to the pages that the article links to.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _translations(article: Article, *, at: datetime) -> list[Article]:
    """Return the public versions of the article in other languages, whichever of them is the original."""
    original_pk = article.translation_of_id or article.pk
    others = Article.objects.published(at).exclude(pk=article.pk).defer("body")
    return list((others.filter(pk=original_pk) | others.filter(translation_of=original_pk)).order_by("language", "pk"))


def _gone(request: HttpRequest, article: Article, *, at: datetime) -> HttpResponse:
    return render_page(
        request,
        "newsroom/gone.html",
        {"article": article, "articles": latest(Article.objects.filter(language=article.language), at=at, limit=5)},
        language=article.language,
        status=410,
    )


@require_safe
@cached
def page(request: HttpRequest, slug: str) -> HttpResponse:
    page = get_object_or_404(Page.objects.published(), slug=slug)
    return render_page(request, "newsroom/page.html", {"page": page}, language=page.language)
