"""Answers to addresses that lead nowhere."""

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponsePermanentRedirect
from django.utils import timezone

from newsroom.models import Article, FormerAddress
from newsroom.outlet import current_outlet
from newsroom.pages import public, render_page
from newsroom.publishing import latest


@public
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """Lead an old address of an imported or renamed article to the new one, and anyone else on to the news."""
    path = request.path[:300]
    # Most systems answer an address with and without the slash at its end.
    paths = [path, f"{path}/"]
    address = FormerAddress.objects.filter(path__in=paths).select_related("article").order_by("path").first()
    if address is not None:
        return HttpResponsePermanentRedirect(address.article.get_absolute_url())
    first, _slash, _rest = path.lstrip("/").partition("/")
    language = first if first in dict(settings.LANGUAGES) else current_outlet().language
    articles = latest(Article.objects.filter(language=language), at=timezone.now(), limit=5)
    return render_page(request, "404.html", {"articles": articles}, language=language, status=404)
