"""Links in a copy of the site: from page to page they are relative, and what needs the live site leads there.

A copy is opened from a USB stick, from any folder of any host, or under a mirror's own name, so no link between its
pages may begin with a slash or name the file's folder only.
"""

import json
import posixpath
import re
from collections.abc import Callable
from html import escape, unescape
from urllib.parse import unquote, urljoin, urlsplit

from django.conf import settings

# A start tag of our own pages, whose attributes are all quoted. Text cannot look like one: its `<` is always escaped.
_TAG = re.compile(r"<([a-z][a-z0-9]*)\s(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>")
_ATTRIBUTE = re.compile(r'(\s(href|src|srcset|action)=")([^"]*)(?=")')
_XML_ADDRESS = re.compile(r'(<loc>|<link>|<comments>|<link [^<>]*?href="|<atom:link [^<>]*?href=")([^<"]+)')
# The addresses that a map of the site names.
LOC = re.compile(r"<loc>([^<]+)</loc>")
_CHARSET = '<meta charset="utf-8">\n'
# Addresses that name the original, wherever the page is read.
_ABOUT_THE_ORIGINAL = ("canonical", "alternate")


def file_of(path: str) -> str:
    """Return the file that stands for a path of the site."""
    return f"{unquote(path).lstrip('/')}{'index.html' if path.endswith('/') else ''}"


class Rewriter:
    """Turns the links of one copied page.

    `is_copied` tells whether a path is a file of the copy. With `base` the links are absolute under it, for a page that
    is shown at any address.
    """

    def __init__(self, path: str, *, is_copied: Callable[[str, bool], bool], base: str = "") -> None:
        self.path = path
        self.is_copied = is_copied
        self.base = base
        self.found: list[str] = []

    def html(self, text: str) -> str:
        """Return the page with its links turned, and with the policy that no header brings along."""
        turned = _TAG.sub(self._tag, text)
        return turned.replace(_CHARSET, f"{_CHARSET}{policy()}\n", 1)

    def _tag(self, match: re.Match[str]) -> str:
        tag, name = match[0], match[1]
        if name == "link" and any(f'rel="{word}"' in tag for word in _ABOUT_THE_ORIGINAL) and settings.SITE_URL in tag:
            return tag

        def turn(attribute: re.Match[str]) -> str:
            value = unescape(attribute[3])
            if attribute[2] == "srcset":
                turned = ", ".join(self._source(part) for part in value.split(","))
            else:
                turned = self.link(value, is_form=attribute[2] == "action")
            return f"{attribute[1]}{escape(turned)}"

        return _ATTRIBUTE.sub(turn, tag)

    def _source(self, part: str) -> str:
        address, _, width = part.strip().partition(" ")
        return f"{self.link(address)} {width}".strip()

    def link(self, address: str, *, is_form: bool = False) -> str:
        """Return where a link of this page leads in the copy. A form always leads to the live site."""
        if address.startswith(f"{settings.SITE_URL}/"):
            address = address.removeprefix(settings.SITE_URL)
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or (not parts.path and not parts.query and not is_form):
            return address
        path = urljoin(self.path, parts.path) if parts.path else self.path
        if is_form or not self.is_copied(path, bool(parts.query)):
            query = f"?{parts.query}" if parts.query else ""
            fragment = f"#{parts.fragment}" if parts.fragment else ""
            return f"{settings.SITE_URL}{path}{query}{fragment}"
        self.found.append(path)
        fragment = f"#{parts.fragment}" if parts.fragment else ""
        if self.base:
            return f"{self.base}{path}{fragment}"
        here = posixpath.dirname(file_of(self.path)) or "."
        return f"{posixpath.relpath(file_of(path), here)}{fragment}"


def policy() -> str:
    """Return the site's policy as a `meta` element, whose forms may also be sent from here to the live site.

    A file on a stick has no origin that `'self'` could name, so `file:` stands beside it. `frame-ancestors` works in a
    header only.
    """
    directives = {
        name: list(sources)
        for name, sources in settings.CONTENT_SECURITY_POLICY["DIRECTIVES"].items()
        if name != "frame-ancestors"
    }
    for sources in directives.values():
        if "'self'" in sources:
            sources.append("file:")
    directives["form-action"] = [settings.SITE_URL, *settings.STRIPE_PAGE_ORIGINS]
    words = "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())
    return f'<meta http-equiv="Content-Security-Policy" content="{escape(words)}">'


def under_mirror(text: str, *, content_type: str, mirror: str, is_copied: Callable[[str, bool], bool]) -> str:
    """Return a feed, a map of the site or `robots.txt` whose addresses are the mirror's. What names a row stays."""

    def turn(address: str) -> str:
        if not address.startswith(f"{settings.SITE_URL}/"):
            return address
        path = address.removeprefix(settings.SITE_URL)
        return f"{mirror}{path}" if is_copied(urlsplit(path).path, bool(urlsplit(path).query)) else address

    if "json" in content_type:
        feed = json.loads(text)
        for one, names in [(feed, ("home_page_url", "feed_url")), *((item, ("url",)) for item in feed["items"])]:
            one.update({name: turn(one[name]) for name in names if name in one})
        return json.dumps(feed, ensure_ascii=False)
    if "xml" in content_type:
        return _XML_ADDRESS.sub(lambda match: f"{match[1]}{escape(turn(unescape(match[2])))}", text)
    return re.sub(r"(?m)^(Sitemap: )(\S+)$", lambda match: f"{match[1]}{turn(match[2])}", text)
