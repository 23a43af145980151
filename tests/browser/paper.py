"""A small newspaper for the stories: the demo's words, and plain pictures that take no time to paint."""

import io
from collections.abc import Iterable
from datetime import timedelta
from functools import cache

from django.urls import reverse
from django.utils import timezone
from PIL import Image as Pixels

from donations.models import Appeal
from newsroom import images
from newsroom.importing.posts import slug_of
from newsroom.models import Article, Author, Byline, Image, Section, Tag
from sandbox.demo.paper import load_outlet
from sandbox.demo.reading import Article as Text
from sandbox.demo.reading import Content, read_content, with_addresses
from subscriptions.models import Newsletter
from tests.donations.factories import make_amount_rules, make_appeal
from tests.newsroom.factories import make_page
from tests.subscriptions.factories import make_newsletter, make_policy

STORY = "engineers-warned-about-irva-bridge"


def make_paper(*, articles: int = 100) -> Article:
    """Make the outlet with its sections, authors and English articles, a newsletter and an appeal.

    Return the article that the stories are told on.
    """
    content = read_content()
    load_outlet(content)
    for section in content.sections:
        Section.objects.create(
            name=section.name,
            slug=section.slug,
            kind=section.kind,
            language=section.language,
            description=section.description,
            position=section.order,
        )
    texts = [text for text in content.articles if text.language == "en" and text.slug != STORY]
    told = next(text for text in content.articles if text.slug == STORY)
    for place, text in enumerate([told, *texts[: articles - 1]]):
        _publish(text, content, place=place)
    make_page(title="About us", slug="about-us", body="<p>Who we are.</p>")
    make_friday_letter()
    make_giving()
    return Article.objects.get(slug=STORY)


def make_friday_letter() -> Newsletter:
    make_policy(version="2026-09", texts={"en": "<h2>What is kept</h2><p>Your address, and nothing else.</p>"})
    return make_newsletter(name="The Friday Letter", slug="the-friday-letter")


def make_giving() -> Appeal:
    make_amount_rules()
    return make_appeal(starts_at=timezone.now() - timedelta(days=1))


def _publish(text: Text, content: Content, *, place: int) -> None:
    article = Article.objects.create(
        headline=text.headline,
        slug=text.slug,
        standfirst=text.standfirst,
        body=with_addresses(text.body, lambda kind, slug: reverse(kind, args=[slug])),
        section=Section.objects.get(slug=text.section),
        lead_image=_picture(text.lead_image.alt, text.lead_image.caption, text.lead_image.credit, shade=place),
        credit_line=text.credit_line,
        front_page_priority=text.front_page_priority,
        newsletter_priority=text.newsletter_priority,
        status=Article.Status.PUBLISHED,
        published_at=timezone.now() - timedelta(hours=1 + 12 * place),
    )
    for position, author in enumerate(_authors(text.authors, content)):
        Byline.objects.create(article=article, author=author, position=position)
    for name in text.tags:
        article.tags.add(Tag.objects.get_or_create(name=name, defaults={"slug": slug_of(name)})[0])


def _authors(slugs: Iterable[str], content: Content) -> list[Author]:
    described = {author.slug: author for author in content.authors}
    return [
        Author.objects.get_or_create(
            slug=slug,
            defaults={"name": described[slug].name, "role": described[slug].role, "description": described[slug].bio},
        )[0]
        for slug in slugs
    ]


def _picture(alt: str, caption: str, credit: str, *, shade: int) -> Image:
    return images.store(_pixels(shade), alt=alt, caption=caption, credit=credit)


@cache
def _pixels(shade: int) -> images.CleanImage:
    colour = (40 + 9 * shade % 180, 70 + 5 * shade % 120, 110)
    file = io.BytesIO()
    Pixels.new("RGB", (600, 400), colour).save(file, "JPEG")
    file.seek(0)
    return images.clean_upload(file)
