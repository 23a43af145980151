"""The other addresses of the site, at the foot of every page."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from django import template
from django.conf import settings

from subscriptions.models import Mirror

register = template.Library()


@dataclass(frozen=True)
class OtherAddress:
    address: str
    name: str


@register.simple_tag
def mirrors() -> list[OtherAddress]:
    """Return the mirrors in their order, and the onion service behind them, each with the host as its name."""
    addresses = [mirror.address for mirror in Mirror.objects.in_use()]
    if settings.ONION_URL and settings.ONION_URL not in addresses:
        addresses.append(settings.ONION_URL)
    return [OtherAddress(address, urlsplit(address).netloc) for address in addresses]
