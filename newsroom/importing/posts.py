"""What an export of another system says, before anything is written: posts, with HTML in the terms of our editor."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from html import escape, unescape

# GOST 7.79 without its signs for the hard and the soft sign, as addresses are spelt.
_CYRILLIC = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "yo", "ж": "zh", "з": "z", "и": "i", "й": "j",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
    "х": "kh", "ц": "c", "ч": "ch", "ш": "sh", "щ": "shh", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya",
    "і": "i", "ї": "yi", "є": "ye", "ґ": "g", "ў": "u",
}  # fmt: skip
_WORD = re.compile(r"[^a-z0-9]+")

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_CAPTION = re.compile(r"\[caption[^\]]*\](.*?)\[/caption\]", re.DOTALL)
_FIGURE = re.compile(r"<figure\b[^>]*>(.*?)</figure>", re.DOTALL | re.IGNORECASE)
_EMBED = re.compile(r"\[embed[^\]]*\]\s*(\S+?)\s*\[/embed\]")
# `[gallery ids="1,2"]`, `[/column]`, but not `[sic]` or `[he said]`.
_SHORTCODE = re.compile(r"\[/[a-z][\w-]*\]|\[[a-z][\w-]*(?:\s+[\w-]+=[^\]]*)\]|\[gallery\]")
_FRAME = re.compile(
    r"<(iframe|embed)\b[^>]*?\bsrc=[\"']([^\"']+)[\"'][^>]*>(?:.*?</iframe>)?", re.DOTALL | re.IGNORECASE
)
_TAG = re.compile(r"<[^>]*>")
_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"\b([a-z-]+)=(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_BLOCK = re.compile(
    r"^\s*</?(p|div|h[1-6]|ul|ol|li|blockquote|figure|figcaption|hr|pre|table|section|aside)\b", re.IGNORECASE
)
_RENAMED = {
    "h1": "h2", "h4": "h3", "h5": "h3", "h6": "h3", "b": "strong", "i": "em", "del": "s", "strike": "s",
}  # fmt: skip
_RENAMED_TAG = re.compile(rf"<(/?)({'|'.join(_RENAMED)})(?=[\s>])[^>]*>", re.IGNORECASE)


@dataclass(frozen=True)
class Named:
    """An author, a section or a tag."""

    slug: str
    name: str
    description: str = ""


@dataclass(frozen=True)
class Picture:
    address: str
    alt: str = ""
    caption: str = ""


@dataclass(frozen=True)
class Post:
    """One article of the old system.

    `key` names it there for ever; `path` is where it stood, empty for what nobody could read. Without `published_at`
    it becomes a draft.
    """

    key: str
    title: str
    slug: str
    html: str
    summary: str = ""
    path: str = ""
    published_at: datetime | None = None
    authors: list[Named] = field(default_factory=list)
    section: Named | None = None
    tags: list[Named] = field(default_factory=list)
    picture: Picture | None = None


@dataclass
class Export:
    """A file that was looked through once. `posts` reads it again; `left_out` counts by reason what is no article."""

    site: str
    count: int
    posts: Callable[[], Iterator[Post]]
    language: str = ""
    left_out: Counter[str] = field(default_factory=Counter)


class ExportRefused(Exception):
    """The file is no export that is known here; the first argument says why."""


def slug_of(text: str) -> str:
    """Return an address's last part in ASCII letters; Cyrillic is spelt out."""
    spelt = "".join(_CYRILLIC.get(letter, letter) for letter in text.lower())
    return _WORD.sub("-", spelt).strip("-")[:100].strip("-")


def slug_of_name(*names: str) -> str:
    """Return the first of these as an address's last part; a name in letters that nobody spelt out gets a hash."""
    spelt = (slug_of(name) for name in names)
    return next(filter(None, spelt), None) or hashlib.sha256(names[-1].encode()).hexdigest()[:12]


def first_picture(html: str) -> Picture | None:
    """Return the first picture in the text, for an article that names none of its own."""
    found = _IMAGE.search(html)
    return _picture(found[0]) if found else None


def _picture(tag: str) -> Picture | None:
    attributes = {name.lower(): unescape(double or single) for name, double, single in _ATTRIBUTE.findall(tag)}
    address = attributes.get("src", "")
    return Picture(address=address, alt=attributes.get("alt", "")) if address else None


def tidy(html: str, *, show: Callable[[Picture], int | None]) -> str:
    """Return HTML in the terms of the editor: its headings and pictures, no shortcodes, frames as plain links.

    `show` returns the key of a picture in the library, or None for one that shall not stand in the text. The allow-list
    does the rest when the article is saved.
    """
    is_in_paragraphs = "<!-- wp:" in html or re.search(r"<p[\s>]", html, re.IGNORECASE) is not None
    html = _COMMENT.sub("", html)
    html = _CAPTION.sub(r"<figure>\1</figure>", html)
    html = _EMBED.sub(lambda match: _plain_link(unescape(match[1])), html)
    html = _SHORTCODE.sub("", html)
    html = _FRAME.sub(lambda match: _plain_link(unescape(match[2])), html)
    html = _RENAMED_TAG.sub(lambda match: f"<{match[1]}{_RENAMED[match[2].lower()]}>", html)
    html = _FIGURE.sub(lambda match: _figure(match[1], show), html)
    html = _IMAGE.sub(lambda match: _placed(match[0], "", show), html)
    return html if is_in_paragraphs else _in_paragraphs(html)


def _figure(inside: str, show: Callable[[Picture], int | None]) -> str:
    """Return a figure of the editor's for each picture in one of the old system's, and what stood under the first."""
    tags = _IMAGE.findall(inside)
    if not tags:
        return inside
    words = _TAG.sub("", inside).strip()
    return "".join(_placed(tag, words if place == 0 else "", show) for place, tag in enumerate(tags))


def _placed(tag: str, caption: str, show: Callable[[Picture], int | None]) -> str:
    picture = _picture(tag)
    key = show(picture) if picture else None
    if key is None:
        return ""
    under = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f'<figure data-image="{key}">{under}</figure>'


def _plain_link(address: str) -> str:
    if address.startswith("//"):
        address = f"https:{address}"
    return f'<p><a href="{escape(address)}">{escape(address)}</a></p>'


def _in_paragraphs(text: str) -> str:
    """Make paragraphs of lines with an empty one between them, as WordPress's classic editor shows them."""
    parts = []
    for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip()):
        if not part.strip():
            continue
        parts.append(part if _BLOCK.match(part) else f"<p>{part.strip().replace(chr(10), '<br>')}</p>")
    return "\n".join(parts)
