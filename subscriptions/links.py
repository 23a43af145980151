"""Which links of an issue lead nowhere: the site's own are looked up, those of others are read for their form."""

import re
from datetime import datetime
from html import unescape
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator
from django.db.models import QuerySet
from django.urls import Resolver404, resolve

from newsroom.models import Article, Author, FormerAddress, Page, Section, Tag
from subscriptions.messages import TOKEN_MARKER

_HREF = re.compile(r'\bhref="([^"]*)"')
# What somebody meant as an address, also where a typing mistake keeps it from becoming a link.
_MEANT = re.compile(r"\bhttps?:\S*", re.IGNORECASE)
_is_web_address = URLValidator(schemes=["http", "https"])
_is_mail_address = EmailValidator()


def broken_links(*, html: str, typed: str, at: datetime) -> list[str]:
    """Return the addresses in a mail's HTML, and in words as they were typed, that lead nowhere; each once."""
    addresses = [unescape(address) for address in _HREF.findall(html)]
    addresses += [address.rstrip(".,;:!?)]}»”\"'") for address in _MEANT.findall(typed)]
    found = dict.fromkeys(address for address in addresses if TOKEN_MARKER not in address)
    paths = {address: path for address in found if (path := own_path(address)) is not None}
    lost = _lost_paths(set(paths.values()), at=at)
    return [
        address for address in found if (paths[address] in lost if address in paths else not _has_good_form(address))
    ]


def own_path(address: str) -> str | None:
    """Return the path of an address of this site, or None for one of another."""
    parts = urlsplit(address)
    site = urlsplit(settings.SITE_URL)
    is_own = parts.scheme in ("http", "https") and parts.netloc == site.netloc
    return unquote(parts.path) or "/" if is_own else None


def _has_good_form(address: str) -> bool:
    scheme, _colon, rest = address.partition(":")
    try:
        if scheme.lower() == "mailto":
            _is_mail_address(rest.partition("?")[0])
        elif scheme.lower() != "tel":
            _is_web_address(address)
    except ValidationError:
        return False
    return True


def _lost_paths(paths: set[str], *, at: datetime) -> set[str]:
    """Return the paths that no page answers, in one query for each kind of page."""
    by_slug: dict[str, QuerySet] = {
        "article": Article.objects.published(at),
        "page": Page.objects.published(),
        "section": Section.objects.all(),
        "author": Author.objects.all(),
        "tag": Tag.objects.all(),
    }
    wanted: dict[str, dict[str, str]] = {}
    lost = set()
    for path in paths:
        try:
            match = resolve(path)
        except Resolver404:
            lost.add(path)
            continue
        name = str(match.url_name)
        if not match.namespace and name in by_slug:
            wanted.setdefault(name, {})[str(match.kwargs["slug"])] = path
    for name, slugs in wanted.items():
        there = set(by_slug[name].filter(slug__in=list(slugs)).values_list("slug", flat=True))
        lost |= {path for slug, path in slugs.items() if slug not in there}
    if lost:
        lost -= set(FormerAddress.objects.filter(path__in=lost).values_list("path", flat=True))
    return lost
