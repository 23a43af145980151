"""The stored text as readers get it: pictures of the library in their places, and notes under the text.

`newsroom.sanitising` promises the form: a picture is `<figure data-image="7">` with at most a caption in it, and a note
is `<foot-note>` with no other note in it. So both can be found without reading the text as a tree.
"""

import re
from collections.abc import Callable, Iterable
from typing import TypedDict

from django.conf import settings
from django.core.files.storage import default_storage
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from newsroom.models import Article, Image
from newsroom.sanitising import image_numbers
from newsroom.templatetags.paper import picture

FIGURE = re.compile(r'<figure data-image="(\d+)">(?:<figcaption>(.*?)</figcaption>)?</figure>', re.DOTALL)
NOTE = re.compile(r"<foot-note>(.*?)</foot-note>", re.DOTALL)
# The widest a picture stands in the text, and what a feed reader is given.
SIZES = "(min-width: 44em) 42rem, 100vw"
FEED_WIDTH = 1080
_OWN_LINK = re.compile(r'(<a\b[^>]*\bhref=")(?=/(?!/))')
# Text and not a coloured sign, whatever fonts the reader has.
_BACK = "↩\ufe0e"

Pictures = dict[int, Image]
Draw = Callable[[Image], str]


class DrawnSize(TypedDict):
    url: str
    width: int
    height: int


def pictures_in(bodies: Iterable[str]) -> Pictures:
    """Load every picture that stands in the texts, in one query, or in none where there is no picture."""
    numbers = {number for body in bodies for number in image_numbers(body)}
    return Image.objects.in_bulk(numbers) if numbers else {}


def for_page(article: Article) -> SafeString:
    """Return the text for the article's own page, with pictures in the size that the reader's screen needs."""

    def draw(image: Image) -> str:
        return render_to_string("newsroom/_picture.html", picture(image, SIZES)).strip()

    return _whole(article, pictures_in([article.body]), draw)


def for_feeds(articles: Iterable[Article]) -> dict[int, str]:
    """Return the texts by article, with whole addresses, and pictures that every feed reader can show."""
    listed = list(articles)
    pictures = pictures_in(article.body for article in listed)

    def draw(image: Image) -> str:
        return _plain_picture(image, jpeg(image, wide=FEED_WIDTH))

    return {article.pk: with_whole_links(_whole(article, pictures, draw)) for article in listed}


def for_mail(article: Article, *, pictures: Pictures, width: int) -> str:
    """Return the text for a mail. Pictures that are not in `pictures` are left out with their captions."""

    def draw(image: Image) -> str:
        drawn = jpeg(image, wide=2 * width)
        shown = min(width, image.width)
        size = DrawnSize(url=drawn["url"], width=shown, height=max(1, round(image.height * shown / image.width)))
        return _plain_picture(image, size, css_class="picture")

    return with_whole_links(_whole(article, pictures, draw))


def for_plain_text(article: Article, *, pictures: Pictures) -> str:
    """Return the text as HTML that can be written down without pictures: descriptions, and numbers for notes."""

    def describe(match: re.Match[str]) -> str:
        image = pictures.get(int(match[1]))
        if image is None:
            return ""
        words = [f"[{escape(image.alt or _('Picture'))}]", match[2] or "", escape(_credit(image))]
        return f"<p>{' '.join(word for word in words if word)}</p>"

    notes: list[str] = []

    def sign(match: re.Match[str]) -> str:
        notes.append(match[1])
        return f" [{len(notes)}]"

    with _language_of(article):
        body = NOTE.sub(sign, FIGURE.sub(describe, article.body))
        listed = "".join(f"<li>{note}</li>" for note in notes)
        return f"{body}<p>{_('Notes')}</p><ol>{listed}</ol>" if notes else body


def jpeg(image: Image, *, wide: int) -> DrawnSize:
    """Return the smallest JPEG of at least `wide` pixels, else the widest, else the original while none is drawn."""
    jpegs = image.sources().get("jpeg", [])
    enough = [one for one in jpegs if one["width"] >= wide]
    for one in (enough or jpegs[-1:])[:1]:
        return DrawnSize(url=_whole_address(default_storage.url(one["path"])), width=one["width"], height=one["height"])
    return DrawnSize(url=_whole_address(image.file.url), width=image.width, height=image.height)


def with_whole_links(html: str) -> str:
    """Put the site's address before links that are paths: outside the site they would lead nowhere."""
    return _OWN_LINK.sub(lambda match: f"{match[1]}{settings.SITE_URL}", html)


def _whole_address(address: str) -> str:
    return f"{settings.SITE_URL}{address}" if address.startswith("/") else address


def _whole(article: Article, pictures: Pictures, draw: Draw) -> SafeString:
    if "<f" not in article.body:
        return mark_safe(article.body)  # noqa: S308 - sanitised when it was stored.

    def figure(match: re.Match[str]) -> str:
        image = pictures.get(int(match[1]))
        return "" if image is None else _figure(draw(image), match[2] or "", _credit(image))

    with _language_of(article):
        drawn = FIGURE.sub(figure, article.body)
        return mark_safe(_with_notes(drawn, key=f"{article.pk}"))  # noqa: S308 - as above.


def _language_of(article: Article) -> translation.override:
    return translation.override(article.language if article.language in dict(settings.LANGUAGES) else None)


def _credit(image: Image) -> str:
    return image.credit.strip()


def _figure(drawn: str, caption: str, credit: str) -> str:
    named = f'<span class="credit">{escape(credit)}</span>' if credit else ""
    words = " ".join(part for part in (caption, named) if part)
    return f"<figure>{drawn}{f'<figcaption>{words}</figcaption>' if words else ''}</figure>"


def _plain_picture(image: Image, size: DrawnSize, *, css_class: str = "") -> str:
    named = format_html(' class="{}"', css_class) if css_class else ""
    return format_html(
        '<img{} src="{}" alt="{}" width="{}" height="{}">', named, size["url"], image.alt, size["width"], size["height"]
    )


def _with_notes(html: str, *, key: str) -> str:
    """Write a sign where each note stood and the notes under the text, each with a way there and back.

    `key` keeps the places apart where several articles stand in one document. The roles are those of
    https://www.w3.org/TR/dpub-aria-1.1/.
    """
    notes: list[str] = []

    def sign(match: re.Match[str]) -> str:
        notes.append(match[1])
        number = len(notes)
        return (
            f'<sup><a id="sign-{key}-{number}" href="#note-{key}-{number}" role="doc-noteref"'
            f' aria-label="{escape(_("Note %(number)s") % {"number": number})}">{number}</a></sup>'
        )

    text = NOTE.sub(sign, html)
    if not notes:
        return text
    lines = (
        f'<li id="note-{key}-{number}">{note}\N{NO-BREAK SPACE}<a href="#sign-{key}-{number}" role="doc-backlink"'
        f' aria-label="{escape(_("Back to note %(number)s in the text") % {"number": number})}">{_BACK}</a></li>'
        for number, note in enumerate(notes, start=1)
    )
    label = escape(_("Notes"))
    return f'{text}<section class="notes" role="doc-endnotes" aria-label="{label}"><ol>{"".join(lines)}</ol></section>'
