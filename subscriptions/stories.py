"""The articles of an issue as its templates show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from newsroom.models import Article, Image
from newsroom.prose import Pictures, for_mail, for_plain_text, jpeg, pictures_in
from subscriptions.messages import absolute
from subscriptions.models import Issue, Mirror
from subscriptions.models.issues import PickQuerySet
from subscriptions.plain_text import plain_text

# The mail's text column, and twice that for screens with small pixels.
PICTURE_WIDTH = 552
SHARP_WIDTH = 2 * PICTURE_WIDTH

TypedPicks = Mapping[int, tuple[str, str]]


@dataclass(frozen=True)
class Picture:
    """An image in the mail, with the size in which it is shown."""

    url: str
    alt: str
    width: int
    height: int
    credit: str


@dataclass(frozen=True)
class Story:
    """One pick as a template shows it. `mark` is the place in a preview that the form beside it can lead to."""

    mark: str
    headline: str
    blurb: str
    kicker: str
    names: str
    url: str
    path: str
    mirror_url: str
    picture: Picture | None
    body: str
    body_text: str
    is_sensitive: bool


def stories(issue: Issue, *, typed: TypedPicks | None = None) -> list[Story]:
    """Return the picks in order and in the issue's words, in five queries at most for any number.

    What was withdrawn meanwhile is left out whoever picked it: its link would lead to nothing, and its words may not go
    out. `typed` holds headlines and blurbs by pick that an editor has not saved yet.
    """
    made = []
    mirror = _first_mirror(issue)
    picks = _picks(issue)
    pictures = _pictures(issue, picks)
    for pick in picks:
        if pick.article.status == Article.Status.WITHDRAWN:
            continue
        if typed and pick.pk in typed:
            pick.headline, pick.blurb = typed[pick.pk]
        story = _story(
            issue,
            pick.article,
            mark=f"pick-{pick.pk}",
            headline=pick.shown_headline,
            blurb=pick.shown_blurb,
            mirror=mirror,
            pictures=pictures,
        )
        made.append(story)
    return made


def public_stories(issue: Issue, *, at: datetime) -> list[Story]:
    """Return those picks that readers may see at `at`, in the words that the articles themselves show."""
    mirror = _first_mirror(issue)
    picks = _picks(issue)
    pictures = _pictures(issue, picks)
    return [
        _story(
            issue,
            pick.article,
            mark=f"pick-{pick.pk}",
            headline=pick.article.headline,
            blurb=pick.article.standfirst,
            mirror=mirror,
            pictures=pictures,
        )
        for pick in picks
        if pick.article.is_public(at)
    ]


def _picks(issue: Issue) -> PickQuerySet:
    return (
        issue.picks.in_order()
        .select_related("article__section", "article__lead_image")
        .defer("article__search_vector")
        .prefetch_related("article__bylines__author")
    )


def _pictures(issue: Issue, picks: PickQuerySet) -> Pictures:
    """Load the pictures in the texts, where the issue carries whole texts with pictures."""
    newsletter = issue.newsletter
    if not newsletter.shows_full_text or not newsletter.shows_images:
        return {}
    return pictures_in(pick.article.body for pick in picks)


def _first_mirror(issue: Issue) -> Mirror | None:
    return Mirror.objects.in_use().first() if issue.newsletter.names_mirrors else None


def _story(
    issue: Issue,
    article: Article,
    *,
    mark: str,
    headline: str,
    blurb: str,
    mirror: Mirror | None,
    pictures: Pictures,
) -> Story:
    newsletter = issue.newsletter
    body = body_text = ""
    if newsletter.shows_full_text:
        body = for_mail(article, pictures=pictures, width=PICTURE_WIDTH)
        body_text = plain_text(for_plain_text(article, pictures=pictures), base=settings.SITE_URL)
    bylines = sorted(article.bylines.all(), key=lambda byline: (byline.position, byline.pk))
    path = article.get_absolute_url()
    return Story(
        mark=mark,
        headline=headline,
        blurb=blurb,
        kicker=article.section.name,
        names=", ".join(byline.author.name for byline in bylines) or article.credit_line,
        url=absolute(path),
        path=path,
        mirror_url=mirror.page(path) if mirror else "",
        picture=_picture(article.lead_image) if newsletter.shows_images and article.lead_image else None,
        body=body,
        body_text=body_text,
        is_sensitive=article.is_sensitive,
    )


def _picture(image: Image) -> Picture:
    """Choose the smallest JPEG that is sharp in the mail: mail programs do not read AVIF, and some not WebP."""
    width = min(PICTURE_WIDTH, image.width)
    return Picture(
        url=jpeg(image, wide=SHARP_WIDTH)["url"],
        alt=image.alt,
        width=width,
        height=max(1, round(image.height * width / image.width)),
        credit=image.credit,
    )
