"""The outlet's own facts, for pages and mails."""

from copy import copy
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.functional import SimpleLazyObject

from newsroom.furniture import furniture
from newsroom.models import Outlet, OutletWords


def current_outlet(language: str | None = None) -> Outlet:
    """Return the outlet as it calls itself in a language, by default its own."""
    outlet = _outlet()
    if language is None or language == outlet.language:
        return outlet
    named, words = copy(outlet), _words(language)
    # A tagline that nobody has translated would speak another language than the page.
    named.name, named.tagline = (words.name or outlet.name, words.tagline) if words else (outlet.name, "")
    return named


@furniture
def _words(language: str) -> OutletWords | None:
    return OutletWords.objects.filter(outlet=1, language=language).first()


@furniture
def _outlet() -> Outlet:
    """Return the outlet's row, or an unsaved one with workable defaults before staff have filled it in."""
    return Outlet.objects.filter(pk=1).first() or Outlet(
        pk=1, name="Newsroom", contact_email=f"contact@{settings.SITE_HOST or 'localhost'}"
    )


def outlet_context(request: HttpRequest) -> dict[str, Any]:
    """Give templates `site_url` and `outlet`, as the language calls it in which it is first used."""
    outlet = SimpleLazyObject(lambda: current_outlet(translation.get_language()))
    return {"outlet": outlet, "site_url": settings.SITE_URL}
