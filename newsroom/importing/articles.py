"""Writing the posts of an export as articles, each in one transaction with the note that it was imported.

A run that is killed leaves whole articles only, and the next run goes on where it stopped.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import DatabaseError, transaction
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from newsroom import sanitising
from newsroom.history import record
from newsroom.importing.pictures import Pictures
from newsroom.importing.posts import Export, Named, Picture, Post, tidy
from newsroom.models import Article, Author, Byline, FormerAddress, Image, ImportedArticle, Section, Tag

LONGEST_PATH = 300


@dataclass
class Report:
    imported: int = 0
    drafts: int = 0
    known: int = 0
    redirects: int = 0
    failed: list[str] = field(default_factory=list)


def import_posts(
    export: Export,
    *,
    language: str,
    section: Section,
    pictures: Pictures | None,
    at: datetime,
    dry_run: bool = False,
    progress: Callable[[], object] = lambda: None,
) -> Report:
    """Make an article of every post that was not imported before.

    `section` takes those that name none. Without `pictures` the texts come alone. A dry run counts and writes nothing.
    """
    report = Report()
    for post in export.posts():
        if ImportedArticle.objects.filter(origin=export.site, key=post.key).exists():
            report.known += 1
        else:
            try:
                article = None if dry_run else _import(post, export, language, section, pictures, at)
            except DatabaseError:
                report.failed.append(post.key)
            else:
                report.imported += 1
                report.drafts += post.published_at is None
                stands = f"/articles/{post.slug}/" if article is None else article.get_absolute_url()
                report.redirects += _former_path(post, stands) is not None
        progress()
    return report


def _import(
    post: Post, export: Export, language: str, section: Section, pictures: Pictures | None, at: datetime
) -> Article:
    # The network comes before the transaction.
    lead = pictures.image(post.picture) if pictures and post.picture else None
    body = tidy(post.html, show=lambda picture: _key_in_text(picture, post, lead, pictures))
    with transaction.atomic():
        note = ImportedArticle.objects.create(origin=export.site, key=post.key, imported_at=at)
        article = _article(post, body, lead, language, section)
        for position, author in enumerate(dict.fromkeys(_author(one) for one in post.authors)):
            Byline.objects.create(article=article, author=author, position=position)
        article.tags.set(_tag(one) for one in post.tags)
        path = _former_path(post, article.get_absolute_url())
        if path is not None:
            FormerAddress.objects.get_or_create(path=path, defaults={"article": article, "created_at": at})
        note.article = article
        note.save(update_fields=["article"])
        record(
            article, action="article.imported", reason=f"{export.site} {post.key}"[:200], after=article.status, at=at
        )
    return article


def _key_in_text(picture: Picture, post: Post, lead: Image | None, pictures: Pictures | None) -> int | None:
    """Return the key of a picture that stands in the text, where the one that leads the article does not again."""
    image = pictures.image(picture) if pictures else None
    return None if image is None or image == lead else image.pk


def _article(post: Post, body: str, lead: Image | None, language: str, section: Section) -> Article:
    words = sanitising.plain(sanitising.clean(body))
    summary = sanitising.plain(sanitising.clean(post.summary)) or Truncator(words).words(30)
    headline = sanitising.plain(sanitising.clean(post.title)) or Truncator(words).words(8) or _("Without a headline")
    return Article.objects.create(
        headline=Truncator(headline).chars(200),
        slug=_free_slug(post.slug or "article"),
        language=language,
        standfirst=Truncator(summary).chars(500),
        body=body,
        section=_section(post.section, language) if post.section else section,
        lead_image=lead,
        status=Article.Status.PUBLISHED if post.published_at else Article.Status.DRAFT,
        published_at=post.published_at,
    )


def _free_slug(wanted: str) -> str:
    taken = set(Article.objects.filter(slug__startswith=wanted).values_list("slug", flat=True))
    number, slug = 1, wanted
    while slug in taken:
        number += 1
        slug = f"{wanted}-{number}"
    return slug


def _section(named: Named, language: str) -> Section:
    """Return the section of this slug, or one that staff may put into the menu."""
    values = {
        "name": named.name[:80],
        "language": language,
        "is_in_menu": False,
        "description": named.description[:300],
    }
    return Section.objects.get_or_create(slug=named.slug[:80], defaults=values)[0]


def _author(named: Named) -> Author:
    values = {"name": named.name[:120], "description": sanitising.plain(named.description)[:400]}
    return Author.objects.get_or_create(slug=named.slug[:120], defaults=values)[0]


def _tag(named: Named) -> Tag:
    found = Tag.objects.filter(slug=named.slug[:80]).first() or Tag.objects.filter(name=named.name[:80]).first()
    return found or Tag.objects.create(slug=named.slug[:80], name=named.name[:80])


def _former_path(post: Post, stands: str) -> str | None:
    """Return the old path that has to lead to the article, where it is another than its new one."""
    is_other = post.path.startswith("/") and post.path not in ("/", stands) and len(post.path) <= LONGEST_PATH
    return post.path if is_other else None
