"""The other addresses of the site, at the foot of every page."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django import template
from django.conf import settings

from newsroom.furniture import furniture
from subscriptions.models import Mirror

register = template.Library()


@dataclass(frozen=True)
class OtherAddress:
    address: str
    name: str


@register.simple_tag(takes_context=True)
def mirrors(context: dict[str, Any]) -> list[OtherAddress]:
    """Return where this page stands at the mirrors, in their order, and at the onion service behind them.

    Only a page that is the same for everyone is linked itself: the address of any other may be a key.
    """
    request = context.get("request")
    match = getattr(request, "resolver_match", None)
    path = request.path if request is not None and getattr(getattr(match, "func", None), "is_cached", False) else "/"
    addresses = [mirror.address for mirror in _in_use()]
    if settings.ONION_URL and settings.ONION_URL not in addresses:
        addresses.append(settings.ONION_URL)
    return [OtherAddress(f"{address}{path}", urlsplit(address).netloc) for address in addresses]


@furniture
def _in_use() -> list[Mirror]:
    return list(Mirror.objects.in_use())
