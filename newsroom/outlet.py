"""The outlet's own facts, for pages and mails."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from newsroom.furniture import furniture
from newsroom.models import Outlet


@furniture
def current_outlet() -> Outlet:
    """Return the outlet's row, or an unsaved one with workable defaults before staff have filled it in."""
    return Outlet.objects.filter(pk=1).first() or Outlet(
        pk=1, name="Newsroom", contact_email=f"contact@{settings.SITE_HOST or 'localhost'}"
    )


def outlet_context(request: HttpRequest) -> dict[str, Any]:
    """Give templates `outlet` (read from the database when it is first used) and `site_url`."""
    return {"outlet": SimpleLazyObject(current_outlet), "site_url": settings.SITE_URL}
