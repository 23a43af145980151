"""Template tags of the paper itself: menus, pictures, bylines, addresses."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.conf import settings
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import translation
from django.utils.html import format_html
from django.utils.safestring import SafeString

from newsroom.furniture import furniture
from newsroom.models import Article, Image, Page, Section
from newsroom.structured_data import news_article

register = template.Library()

MIME_TYPES = {"avif": "image/avif", "webp": "image/webp", "jpeg": "image/jpeg"}


@dataclass(frozen=True)
class Edition:
    """The paper in one language: its front page and what its menu leads to."""

    language: str
    path: str
    sections: list[Section]


@register.simple_tag(takes_context=True)
def editions(context: template.Context) -> dict[str, Any]:
    """Return the edition in the page's language as `current`, and the `others` that have sections."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    groups: dict[str, list[Section]] = {language: []}
    for section in _menu():
        groups.setdefault(section.language, []).append(section)
    home = context["outlet"].language
    every = [
        Edition(code, reverse("front") if code == home else reverse("edition", args=[code]), sections)
        for code, sections in groups.items()
        if code in dict(settings.LANGUAGES)
    ]
    # What is in a language that was taken away since stays at its address, and belongs to no edition.
    left = Edition(language, reverse("front"), groups[language])
    return {
        "current": next((one for one in every if one.language == language), left),
        "others": [one for one in every if one.language != language],
    }


@register.simple_tag(takes_context=True)
def place(context: template.Context, name: str, *args: Any) -> str:
    """Return the address of a page that stands in every edition, such as the search, in the page's language."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    if language == context["outlet"].language or language not in dict(settings.LANGUAGES):
        return reverse(name, args=args)
    space, colon, view = name.rpartition(":")
    return reverse(f"{space}{colon}edition-{view}", args=[language, *args])


@register.simple_tag(takes_context=True)
def list_page_url(context: template.Context, number: int) -> str:
    """Return the address of another page of the list that is shown."""
    first = context["request"].path.removesuffix(f"page/{context['list_page'].number}/")
    return first if number == 1 else f"{first}page/{number}/"


@furniture
def _menu() -> list[Section]:
    return list(Section.objects.in_menu())


@furniture
def _linked_pages(language: str) -> list[Page]:
    return list(Page.objects.linked(language))


@register.simple_tag
def standing_pages() -> dict[str, list[Page]]:
    """Return the pages that staff put into the `menu` and at the `foot`, in the order they chose."""
    pages = _linked_pages(translation.get_language() or settings.LANGUAGE_CODE)
    return {
        "menu": [page for page in pages if page.is_in_menu],
        "foot": [page for page in pages if page.is_in_footer],
    }


@register.filter
def absolute(path: str) -> str:
    """Turn a path of this site into the address under which anyone reaches it."""
    return f"{settings.SITE_URL}{path}"


@register.filter
def direction(language: str) -> str:
    """Return `rtl` or `ltr` for the `dir` attribute."""
    try:
        return "rtl" if translation.get_language_info(language)["bidi"] else "ltr"
    except KeyError:
        return "ltr"


@register.filter
def focus(image: Image) -> str:
    """Return the classes that keep the focal point in a cropped picture; the policy allows no inline style."""
    return f"fx{round(image.focal_x / 10)} fy{round(image.focal_y / 10)}"


@register.inclusion_tag("newsroom/_picture.html")
def picture(image: Image, sizes: str, eager: bool = False) -> dict[str, Any]:
    """Show an image in the size the reader's screen needs, or the stripped original until there are renditions."""
    groups = image.sources()
    jpegs = groups.pop("jpeg", [])
    fallback = jpegs[len(jpegs) // 2] if jpegs else None
    return {
        "image": image,
        "sizes": sizes,
        "eager": eager,
        "sources": [{"type": MIME_TYPES[name], "srcset": _srcset(renditions)} for name, renditions in groups.items()],
        "srcset": _srcset(jpegs),
        "src": default_storage.url(fallback["path"]) if fallback else image.file.url,
    }


def _srcset(renditions: list[Any]) -> str:
    return ", ".join(f"{default_storage.url(one['path'])} {one['width']}w" for one in renditions)


@register.simple_tag
def share_image(article: Article) -> dict[str, Any] | None:
    """Return the address and size of the picture that link previews show: the widest JPEG up to 1200 pixels."""
    image = article.lead_image
    if image is None:
        return None
    jpegs = [one for one in image.sources().get("jpeg", []) if one["width"] <= 1200]
    if jpegs:
        widest = jpegs[-1]
        return {
            "url": absolute(default_storage.url(widest["path"])),
            "width": widest["width"],
            "height": widest["height"],
        }
    return {"url": absolute(image.file.url), "width": image.width, "height": image.height}


@register.simple_tag(takes_context=True)
def structured_data(context: template.Context, article: Article) -> SafeString:
    """Write the article's JSON-LD block. It is data and not a script, so the policy lets it be."""
    share = share_image(article)
    block = news_article(article, outlet=context["outlet"], image_url=share["url"] if share else "")
    return format_html('<script type="application/ld+json">{}</script>', block)
