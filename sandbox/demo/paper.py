"""Loads the paper: the outlet, its staff, sections, authors, pictures, articles and pages."""

import io
import os
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.urls import reverse

from newsroom import images
from newsroom.importing.posts import slug_of
from newsroom.models import Article, Author, Byline, Image, Outlet, OutletWords, Page, Section, Tag
from newsroom.waking import wake
from sandbox.demo import pictures
from sandbox.demo.reading import Article as Text
from sandbox.demo.reading import Content, with_addresses

STAFF = ("STAFF_LOGIN", "STAFF_PASSWORD")


def load_staff() -> User:
    """Make the account that the supervisor prints; it may do everything."""
    login, password = (os.environ[name] for name in STAFF)
    user = User.objects.filter(username=login).first()
    return user or User.objects.create_superuser(login, f"{login}@meridian.example", password)


def load_outlet(content: Content) -> None:
    outlet = content.outlet
    Outlet.objects.create(
        pk=1,
        name=outlet.name,
        tagline=outlet.tagline,
        discreet_name=outlet.discreet_name,
        contact_email=outlet.email,
        postal_address="\n".join(outlet.postal_address),
        language=outlet.languages[0].code,
        time_zone=outlet.timezone,
    )
    for spoken in outlet.languages[1:]:
        OutletWords.objects.create(outlet_id=1, language=spoken.code, name=spoken.outlet_name, tagline=spoken.tagline)


def load_paper(content: Content, *, by: User, now: datetime) -> None:
    """Write and publish everything, each article at its own time in the past."""
    for section in content.sections:
        Section.objects.create(
            name=section.name,
            slug=section.slug,
            kind=section.kind,
            language=section.language,
            description=section.description,
            position=section.order,
        )
    for author in content.authors:
        Author.objects.create(
            name=author.name,
            slug=author.slug,
            role=author.role,
            description=author.bio,
            portrait=_picture(author.portrait, alt=f"Portrait of {author.name}, drawn"),
            is_pseudonymous=author.is_pseudonymous,
        )
    for text in content.articles:
        _publish(text, by=by, at=min(text.published_at(now=now, zone=content.outlet.zone), now - timedelta(minutes=10)))
    for page in content.pages:
        Page.objects.create(
            title=page.title,
            slug=page.slug,
            language=page.language,
            body=with_addresses(page.body, _address),
            position=page.order,
            is_published=True,
        )


def _publish(text: Text, *, by: User, at: datetime) -> None:
    article = Article.objects.create(
        headline=text.headline,
        slug=text.slug,
        language=text.language,
        translation_of=Article.objects.filter(slug=text.translation_of).first() if text.translation_of else None,
        standfirst=text.standfirst,
        body=with_addresses(text.body, _address),
        section=Section.objects.get(slug=text.section),
        lead_image=_picture(
            text.lead_image.name,
            alt=text.lead_image.alt,
            caption=text.lead_image.caption,
            credit=text.lead_image.credit,
        ),
        credit_line=text.credit_line,
        is_sensitive=text.is_sensitive,
        front_page_priority=text.front_page_priority,
        newsletter_priority=text.newsletter_priority,
        created_at=at - timedelta(days=1),
    )
    for position, slug in enumerate(text.authors):
        Byline.objects.create(article=article, author=Author.objects.get(slug=slug), position=position)
    for name in text.tags:
        article.tags.add(_tag(name, language=text.language))
    article.submit(by=by, at=at - timedelta(hours=2))
    article.publish(by=by, at=at)


def _tag(name: str, *, language: str) -> Tag:
    """Return a tag, made if it is new. A town written in two alphabets is two tags, with an address each."""
    slug = slug_of(name)
    if Tag.objects.exclude(name=name).filter(slug=slug).exists():
        slug = f"{slug}-{language}"
    return Tag.objects.get_or_create(name=name, defaults={"slug": slug})[0]


def _picture(name: str, *, alt: str, caption: str = "", credit: str = "") -> Image:
    file = io.BytesIO()
    pictures.paint(name).save(file, "JPEG", quality=pictures.QUALITY)
    file.seek(0)
    image = images.store(images.clean_upload(file), alt=alt, caption=caption, credit=credit)
    wake("newsroom.tasks.render_image", image.pk)
    return image


def _address(kind: str, slug: str) -> str:
    return reverse(kind, args=[slug])
