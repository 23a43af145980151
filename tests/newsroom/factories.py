"""Rows of publishing with valid defaults. Nothing in them is random."""

import io
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from PIL import Image as Pixels

from newsroom import images
from newsroom.models import Article, Author, Byline, Image, Page, Section, Tag

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
_number = count(1)


def make_section(**kwargs: Any) -> Section:
    number = next(_number)
    return Section.objects.create(**{"name": f"Section {number}", "slug": f"section-{number}", **kwargs})


def make_author(**kwargs: Any) -> Author:
    number = next(_number)
    return Author.objects.create(**{"name": f"Author {number}", "slug": f"author-{number}", **kwargs})


def make_tag(**kwargs: Any) -> Tag:
    number = next(_number)
    return Tag.objects.create(**{"name": f"Tag {number}", "slug": f"tag-{number}", **kwargs})


def make_page(**kwargs: Any) -> Page:
    number = next(_number)
    return Page.objects.create(
        **{"title": f"Page {number}", "slug": f"page-{number}", "body": "<p>Text.</p>", "is_published": True, **kwargs}
    )


def make_article(*, authors: list[Author] | None = None, tags: list[Tag] | None = None, **kwargs: Any) -> Article:
    """Make a published article with one byline. `status` and the times it needs can be given."""
    number = next(_number)
    status = kwargs.setdefault("status", Article.Status.PUBLISHED)
    if status in (Article.Status.SCHEDULED, Article.Status.PUBLISHED, Article.Status.WITHDRAWN):
        kwargs.setdefault("published_at", NOW - timedelta(hours=1))
    if status == Article.Status.IN_REVIEW:
        kwargs.setdefault("submitted_at", NOW - timedelta(hours=2))
    if status == Article.Status.WITHDRAWN:
        kwargs.setdefault("withdrawn_at", NOW)
    if "section" not in kwargs:
        kwargs["section"] = Section.objects.order_by("pk").first() or make_section()
    article = Article.objects.create(
        **{
            "headline": f"Headline {number}",
            "slug": f"headline-{number}",
            "standfirst": f"Standfirst {number}.",
            "body": f"<p>Text {number}.</p>",
            **kwargs,
        }
    )
    for position, author in enumerate([make_author()] if authors is None else authors):
        Byline.objects.create(article=article, author=author, position=position)
    article.tags.set(tags or [])
    return article


def picture_bytes(
    *, width: int = 60, height: int = 40, colour: tuple[int, ...] = (120, 30, 30), kind: str = "JPEG", **options: Any
) -> bytes:
    buffer = io.BytesIO()
    Pixels.new("RGBA" if len(colour) == 4 else "RGB", (width, height), colour).save(buffer, kind, **options)
    return buffer.getvalue()


def make_image(
    *, width: int = 60, height: int = 40, alt: str = "A red field", caption: str = "", credit: str = ""
) -> Image:
    number = next(_number)
    colour = (number % 256, number // 256 % 256, 90)
    upload = images.clean_upload(io.BytesIO(picture_bytes(width=width, height=height, colour=colour)))
    return images.store(upload, alt=alt, caption=caption, credit=credit)
