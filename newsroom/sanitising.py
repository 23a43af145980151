"""The one allow-list for HTML that staff write or paste. What it lets through is what is stored."""

import re

import nh3

# What the editor in the admin offers. Its own list and this one are compared by a test.
TAGS = {
    "a", "blockquote", "br", "code", "em", "h2", "h3", "hr", "li", "ol", "p", "s", "strong", "sub", "sup", "ul",
}  # fmt: skip
ATTRIBUTES = {"a": {"href", "title", "hreflang"}, "ol": {"start"}, "*": {"lang", "dir"}}
URL_SCHEMES = {"http", "https", "mailto", "tel"}

_cleaner = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    url_schemes=URL_SCHEMES,
    # Links open in the same window and the site's Referrer-Policy speaks for all of them.
    link_rel=None,
    strip_comments=True,
)
_EMPTY_BLOCKS = re.compile(r"<(p|h2|h3|blockquote|li|ul|ol)>(?:\s|&nbsp;|<br>)*</\1>")
_TAG = re.compile(r"<[^>]*>")


def clean(html: str) -> str:
    """Return the part of `html` that the allow-list lets through, without blocks that hold nothing."""
    # PostgreSQL cannot store NUL, and no text needs it.
    cleaned = _cleaner.clean(html.replace("\x00", ""))
    previous = ""
    while cleaned != previous:
        previous, cleaned = cleaned, _EMPTY_BLOCKS.sub("", cleaned)
    return cleaned.strip()


def plain(html: str) -> str:
    """Return the words of sanitised HTML on one line, for descriptions, word counts and search."""
    words = _TAG.sub(" ", html)
    for entity, character in (("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        words = words.replace(entity, character)
    return " ".join(words.split())
