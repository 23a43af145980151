"""Ways into the archive: search, months, and the files that machines ask for."""

from datetime import date, timedelta
from urllib.parse import quote

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from newsroom import archive, limits, sitemaps
from newsroom.outlet import current_outlet
from newsroom.page_cache import cached
from newsroom.pages import public, render_page
from newsroom.search import MAX_QUERY, SEARCHES, search
from newsroom.views.reading import find_list_page

XML = "application/xml; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
# RFC 9116 advises less than a year.
SECURITY_TEXT_COUNTS = timedelta(days=200)


@require_safe
@public
def find(request: HttpRequest, language: str | None = None) -> HttpResponse:
    words = request.GET.get("q", "").strip()[:MAX_QUERY]
    is_too_much = bool(words) and not limits.allow("search", limits.network_of(request), rate=SEARCHES)
    hits = [] if is_too_much else search(words, at=timezone.now())
    context = {"words": words, "hits": hits, "is_too_much": is_too_much, "encoded": quote(words, safe="")}
    status = 429 if is_too_much else 200
    return render_page(request, "newsroom/search.html", context, language=language, status=status)


@require_safe
@cached
def months(request: HttpRequest, language: str | None = None) -> HttpResponse:
    months = archive.months(at=timezone.now())
    return render_page(request, "newsroom/archive.html", {"months": months}, language=language)


@require_safe
@cached
def month(request: HttpRequest, year: str, month: str, language: str | None = None, number: str = "1") -> HttpResponse:
    first_day = _first_day(int(year), int(month))
    shown = find_list_page(archive.of_month(first_day.year, first_day.month), number)
    if not shown.articles:
        raise Http404
    context = {"first_day": first_day, "list_page": shown}
    return render_page(request, "newsroom/month.html", context, language=language)


@require_safe
@cached
def sitemap(request: HttpRequest) -> HttpResponse:
    return HttpResponse(sitemaps.index(at=timezone.now()), content_type=XML)


@require_safe
@cached
def sitemap_month(request: HttpRequest, year: int, month: int) -> HttpResponse:
    _first_day(year, month)
    return HttpResponse(sitemaps.of_month(year, month, at=timezone.now()), content_type=XML)


@require_safe
@cached
def sitemap_places(request: HttpRequest) -> HttpResponse:
    return HttpResponse(sitemaps.of_places(), content_type=XML)


@require_safe
@cached
def sitemap_news(request: HttpRequest) -> HttpResponse:
    return HttpResponse(sitemaps.of_news(at=timezone.now()), content_type=XML)


@require_safe
@cached
def robots(request: HttpRequest) -> HttpResponse:
    maps = "".join(f"Sitemap: {settings.SITE_URL}{reverse(name)}\n" for name in ("sitemap", "sitemap-news"))
    return HttpResponse(f"User-agent: *\nDisallow: /admin/\nDisallow: /search/\n\n{maps}", content_type=TEXT)


@require_safe
@cached
def humans(request: HttpRequest) -> HttpResponse:
    return render(request, "newsroom/humans.txt", {"outlet": current_outlet()}, content_type=TEXT)


@require_safe
@cached
def security(request: HttpRequest) -> HttpResponse:
    """Say whom to tell of a weakness (RFC 9116). The date is the first of a month, so that the bytes stay the same."""
    ahead = (timezone.now() + SECURITY_TEXT_COUNTS).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    languages = ", ".join(code for code, _name in settings.LANGUAGES)
    lines = [
        f"Contact: mailto:{current_outlet().contact_email}",
        f"Expires: {ahead:%Y-%m-%dT%H:%M:%SZ}",
        f"Canonical: {settings.SITE_URL}{reverse('security')}",
        f"Preferred-Languages: {languages}",
    ]
    return HttpResponse("\n".join([*lines, ""]), content_type=TEXT)


def _first_day(year: int, month: int) -> date:
    if not (1900 <= year <= 2200 and 1 <= month <= 12):
        raise Http404
    return date(year, month, 1)
