"""The stored text as readers get it: pictures and notes on the page, in feeds and in the mail."""

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db.models import ProtectedError
from django.test import Client

from newsroom import prose
from newsroom.models import Article, Image, PictureInText
from newsroom.models.articles import NotReady
from newsroom.revising import keep_revision, restore
from subscriptions.plain_text import plain_text
from tests.newsroom.factories import NOW, make_article, make_image

pytestmark = pytest.mark.django_db


class Seen(HTMLParser):
    """The elements of a page with their attributes, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        return [has for one, has in self.found if one == tag and wanted.items() <= has.items()]


def _pictured(*, drawn: tuple[str, ...] = ("jpeg",), **kwargs: Any) -> tuple[Article, Image]:
    image = make_image(width=1300, height=650, alt="A ferry & its quay", credit="P. Orrin")
    image.renditions = [
        {"path": f"images/{width}.{kind}", "format": kind, "width": width, "height": width // 2}
        for kind in drawn
        for width in (360, 720, 1080)
    ]
    image.rendered_at = NOW
    image.save()
    body = (
        f"<p>First<foot-note>The <em>log</em>, page 4.</foot-note> line.</p>"
        f'<figure data-image="{image.pk}"><figcaption>At <strong>six</strong></figcaption></figure>'
        '<p>Second<foot-note>See <a href="/about-us/">us</a>.</foot-note></p>'
    )
    return make_article(**{"slug": "pictured", "body": body, **kwargs}), image


def test_page_shows_pictures_in_every_size_and_notes_with_ways_there_and_back(client: Client) -> None:
    _pictured(drawn=("avif", "webp", "jpeg"))
    page = client.get("/articles/pictured/").content.decode()
    seen = Seen(page)
    (shown,) = seen.all("img", alt="A ferry & its quay")
    assert (shown["width"], shown["height"], shown["loading"]) == ("1300", "650", "lazy")
    assert "360w" in shown["srcset"]
    assert {one["type"] for one in seen.all("source")} == {"image/avif", "image/webp"}
    assert '<figcaption>At <strong>six</strong> <span class="credit">P. Orrin</span></figcaption></figure>' in page
    signs, backs = seen.all("a", role="doc-noteref"), seen.all("a", role="doc-backlink")
    notes = [has for has in seen.all("li") if has.get("id", "").startswith("note-")]
    assert [one["aria-label"] for one in signs] == ["Note 1", "Note 2"]
    assert [one["href"] for one in signs] == [f"#{one['id']}" for one in notes]
    assert [one["href"] for one in backs] == [f"#{one['id']}" for one in signs]
    assert 'role="doc-endnotes" aria-label="Notes"><ol>' in page
    assert "foot-note" not in page
    assert "data-image" not in page


def test_feeds_carry_pictures_and_notes_with_whole_addresses(client: Client) -> None:
    _pictured()
    make_article(body="<p>Without.</p>")
    (item,) = [one for one in json.loads(client.get("/feed.json").content)["items"] if "/pictured/" in one["url"]]
    seen = Seen(item["content_html"])
    (shown,) = seen.all("img")
    assert shown["src"] == "http://testserver/media/images/1080.jpeg"
    assert (shown["width"], shown["height"], shown["alt"]) == ("1080", "540", "A ferry & its quay")
    assert seen.all("a", href="http://testserver/about-us/")
    assert len(seen.all("a", role="doc-backlink")) == 2
    for name in ("feed.xml", "feed.atom"):
        assert "doc-endnotes" in client.get(f"/{name}").content.decode()


def test_mail_carries_one_jpeg_and_the_notes_in_html_and_in_words() -> None:
    article, _image = _pictured()
    pictures = prose.pictures_in([article.body])
    seen = Seen(prose.for_mail(article, pictures=pictures, width=552))
    (shown,) = seen.all("img")
    assert shown["src"] == "http://testserver/media/images/1080.jpeg"
    assert (shown["width"], shown["height"], shown["class"]) == ("552", "276", "picture")
    assert not Seen(prose.for_mail(article, pictures={}, width=552)).all("img")
    words = plain_text(prose.for_plain_text(article, pictures=pictures), base="https://a.example")
    assert words == (
        "First [1] line.\n\n[A ferry & its quay] At six P. Orrin\n\nSecond [2]\n\nNotes\n\n"
        "1. The log, page 4.\n\n2. See us (https://a.example/about-us/)."
    )


def test_page_without_pictures_costs_no_query_for_them(django_assert_num_queries: Any) -> None:
    plain, (pictured, _image) = make_article(), _pictured()
    with django_assert_num_queries(0):
        assert prose.for_page(plain) == plain.body
    with django_assert_num_queries(1):
        prose.for_feeds([plain, pictured, pictured])


def test_picture_in_a_text_stays_in_the_library_until_no_text_has_it() -> None:
    article, image = _pictured()
    with pytest.raises(ProtectedError):
        image.delete()
    article.body += f'<figure data-image="{image.pk + 1}"><figcaption>Of nothing</figcaption></figure>'
    article.save()
    assert "Of nothing" not in article.body
    before = keep_revision(article, by=None, at=NOW)
    article.body = "<p>Without.</p>"
    article.save()
    assert not PictureInText.objects.exists()
    assert before is not None
    restore(before, by=None, at=NOW)
    assert PictureInText.objects.get().image == image


def test_picture_in_the_text_needs_its_description_before_readers_see_it() -> None:
    article, image = _pictured(status="draft")
    image.alt = "  "
    image.save()
    with pytest.raises(NotReady, match="A picture in the text has no description"):
        article.publish(by=None, at=NOW)
    image.alt = "A ferry"
    image.save()
    article.publish(by=None, at=NOW)
    assert article.status == "published"
