"""How a page that anyone may read is answered: no cookie, no session, the reader's language and the outlet's clock."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone, translation
from django.views.decorators.csrf import csrf_exempt

from newsroom.outlet import current_outlet

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def public(view: View[P]) -> View[P]:
    """Mark a view that anyone may call: it reads no cookie, and takes forms from any origin.

    What such a form may do is bounded by what it sends, never by who sends it, so a CSRF token would protect nothing
    and would need a cookie. The answer is not kept by any cache unless the view says otherwise.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return csrf_exempt(answer)


def render_page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    language: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render a public page in `language` (the outlet's own where none is given), with times in the outlet's zone."""
    outlet = current_outlet()
    language = language or outlet.language
    with translation.override(language), timezone.override(ZoneInfo(outlet.time_zone)):
        words = {**(context or {}), "outlet": current_outlet(language)}
        return render(request, template, words, status=status)
