"""`manage.py import_articles`: what WordPress and Ghost write, taken over once."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from newsroom.importing.pictures import Missing, Pictures, _is_public
from newsroom.importing.posts import Picture, slug_of, slug_of_name, tidy
from newsroom.models import Article, Author, FormerAddress, HistoryEntry, Image, ImportedArticle, Tag
from tests.newsroom.factories import make_article, make_section, picture_bytes

pytestmark = pytest.mark.django_db

EXPORTS = Path(__file__).parent / "exports"
WORDPRESS, GHOST = EXPORTS / "wordpress.xml", EXPORTS / "ghost.json"
OLD = "https://old.meridian.example"


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    """Pictures as they lie in a backup of the old site."""
    settings.MEDIA_ROOT = tmp_path / "media"
    make_section(slug="news")
    uploads = tmp_path / "uploads"
    for place, colour in (
        ("2019/05/bridge.png", (1, 2, 3)),
        ("2019/05/span.png", (4, 5, 6)),
        ("content/images/2021/04/market.png", (7, 8, 9)),
        ("content/images/2021/04/slate.png", (9, 8, 7)),
    ):
        (uploads / place).parent.mkdir(parents=True, exist_ok=True)
        (uploads / place).write_bytes(picture_bytes(colour=colour, kind="PNG"))
    return uploads


def _import(file: Path, **options: Any) -> str:
    said = StringIO()
    call_command("import_articles", str(file), stdout=said, **options)
    return said.getvalue()


def test_wordpress_export_becomes_articles_once(folder: Path, client: Client) -> None:
    said = _import(WORDPRESS, dry_run=True, images=folder)
    assert said.startswith("3 would be imported, 1 of them as drafts; 0 were here before; 2 old addresses")
    assert not Article.objects.exists()
    assert not ImportedArticle.objects.exists()

    said = _import(WORDPRESS, images=folder)
    assert said.startswith("3 imported, 1 of them as drafts")
    assert "left out: 1 (page)" in said
    assert "left out: 1 (post, trash)" in said
    assert "https://cdn.elsewhere.example/tracker.gif: the folder does not hold it" in said
    bridge = Article.objects.get(slug="the-bridge")
    assert bridge.headline == "The bridge & the engineers"
    assert bridge.standfirst == "They warned for years."
    assert bridge.published_at == datetime(2019, 5, 4, 10, 0, tzinfo=UTC)
    assert (bridge.status, bridge.language) == (Article.Status.PUBLISHED, "en")
    assert bridge.section.slug == "courts"
    assert not bridge.section.is_in_menu
    assert sorted(tag.slug for tag in bridge.tags.all()) == ["bridges", "investigations"]
    assert [(author.name, author.slug) for author in bridge.authors.all()] == [("Мира Волк", "mira")]
    lead, placed = bridge.lead_image, Image.objects.get(alt="The span")
    assert lead is not None
    assert (lead.alt, lead.caption) == ("A steel bridge", "The bridge in April")
    assert "<p>First paragraph,<br>on two lines.</p>" in bridge.body
    assert "<h3>A heading</h3>" in bridge.body
    assert f'<figure data-image="{placed.pk}"><figcaption>The span in spring</figcaption></figure>' in bridge.body
    assert "Second paragraph [sic] with <strong>weight</strong>." in bridge.body
    assert '<a href="https://video.example/watch?v=1&amp;t=2">' in bridge.body
    assert '<a href="https://maps.example/embed?x=1">' in bridge.body
    for word in ("<img", "<iframe", "<script", "alert(1)", "onerror", "[gallery", "[caption", "tracker"):
        assert word not in bridge.body, word
    russian = Article.objects.get(slug="most")
    assert russian.published_at == datetime(2020, 1, 1, 9, 0, tzinfo=UTC)
    assert russian.standfirst == "Текст."
    assert russian.section.slug == "news"
    assert russian.lead_image == placed
    draft = Article.objects.get(slug="half-a-thought")
    assert (draft.status, draft.published_at) == (Article.Status.DRAFT, None)
    assert HistoryEntry.objects.filter(action="article.imported").count() == 3
    # An address of a person on the old site's staff is nobody's business here.
    assert "mira@" not in "".join(author.description for author in Author.objects.all())

    for old, slug in (
        ("/2019/05/the-bridge/", "the-bridge"),
        ("/2019/05/the-bridge", "the-bridge"),
        ("/2020/01/мост/", "most"),
    ):
        answer = client.get(old)
        assert (answer.status_code, answer.headers["Location"]) == (301, f"/articles/{slug}/"), old
    assert client.get("/articles/the-bridge/").status_code == 200

    draft.delete()
    counted = (Article.objects.count(), Tag.objects.count(), Image.objects.count(), FormerAddress.objects.count())
    assert _import(WORDPRESS, images=folder).startswith("0 imported, 0 of them as drafts; 3 were here before")
    assert counted == (
        *(Article.objects.count(), Tag.objects.count()),
        *(Image.objects.count(), FormerAddress.objects.count()),
    )


def test_ghost_export_becomes_articles(folder: Path, client: Client) -> None:
    with pytest.raises(CommandError, match="--site"):
        _import(GHOST)
    # Another article stands at the slug already.
    make_article(slug="onions-at-41")
    said = _import(GHOST, site="https://ghost.meridian.example/", images=folder)
    assert said.startswith("2 imported, 1 of them as drafts; 0 were here before; 1 old addresses")
    assert "left out: 1 (page)" in said
    onions = Article.objects.get(slug="onions-at-41-2")
    assert onions.published_at == datetime(2021, 4, 2, 7, 30, tzinfo=UTC)
    assert (onions.section.slug, [tag.slug for tag in onions.tags.all()]) == ("economy", ["markets"])
    assert onions.lead_image is not None
    assert onions.lead_image.alt == "A market"
    slate = Image.objects.get(alt="A slate")
    assert f'<figure data-image="{slate.pk}"><figcaption>The slate</figcaption></figure>' in onions.body
    assert '<a href="https://ghost.meridian.example/older/">' in onions.body
    assert '<a href="https://video.example/embed/1">' in onions.body
    assert Author.objects.get(slug="vesna").description == "Keeps the slate."
    assert Article.objects.get(slug="for-members").status == Article.Status.DRAFT
    assert client.get("/onions-at-41/").headers["Location"] == "/articles/onions-at-41-2/"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss><channel>&a;</channel></rss>',
            "entities",
        ),
        ("<rss><channel></channel></rss>", "names no site"),
        ("<rss><channel>", "line 1"),
    ],
)
def test_file_that_is_no_export_is_refused(content: str, said: str, tmp_path: Path) -> None:
    make_section()
    file = tmp_path / "export.xml"
    file.write_text(content)
    with pytest.raises(CommandError, match=said):
        _import(file)
    (tmp_path / "export.json").write_text("[]")
    with pytest.raises(CommandError, match="no Ghost export"):
        _import(tmp_path / "export.json", site=OLD)


def test_import_that_was_killed_goes_on_where_it_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    real = HistoryEntry.objects.create

    def die_at_the_second(**values: Any) -> HistoryEntry:
        taken.append(values["action"])
        if len(taken) == 2:
            raise KeyboardInterrupt
        return real(**values)

    monkeypatch.setattr(HistoryEntry.objects, "create", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        _import(WORDPRESS, images=folder)
    # What was being written when the end came is not there by half.
    assert (Article.objects.count(), ImportedArticle.objects.count()) == (1, 1)
    assert _import(WORDPRESS, images=folder).startswith("2 imported, 1 of them as drafts; 1 were here before")
    assert Article.objects.count() == 3


class OldSite(BaseHTTPRequestHandler):
    """A site whose pictures are there, move to another host, or never end."""

    def do_GET(self) -> None:
        if self.path == "/away.png":
            self.send_response(302)
            self.send_header("Location", "http://localhost:1/secret.png")
            self.end_headers()
            return
        self.send_response(200 if self.path in ("/there.png", "/large.png") else 404)
        self.end_headers()
        self.wfile.write(picture_bytes(kind="PNG") if self.path == "/there.png" else b"\0" * 5000)

    def log_message(self, *args: Any) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def old_site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), OldSite)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_pictures_are_fetched_from_the_old_host_alone_and_within_limits(
    old_site: str, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr("newsroom.images.MAX_BYTES", 4000)
    pictures = Pictures(site=old_site, is_trusted=True)
    assert pictures._from_site(f"{old_site}/there.png") == picture_bytes(kind="PNG")
    for address, reason in (
        (f"{old_site}/large.png", "too large"),
        (f"{old_site}/nothing.png", "404"),
        (f"{old_site}/away.png", "another host"),
        ("http://localhost:1/other.png", "another host"),
        (f"file://{tmp_path}/secret", "another host"),
    ):
        with pytest.raises(Missing, match=reason):
            pictures._from_site(address)
    # The file alone cannot make this machine ask its neighbours.
    with pytest.raises(Missing, match="public network"):
        Pictures(site=old_site)._from_site(f"{old_site}/there.png")
    assert not _is_public("169.254.169.254", 80)
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"x")
    (tmp_path / "uploads").mkdir()
    inside = Pictures(site=OLD, folder=tmp_path / "uploads")
    assert inside.image(Picture(address=f"{OLD}/../../secret.png")) is None


def test_slugs_and_texts_in_other_shapes() -> None:
    assert slug_of("Ёлка, щука & «Объезд»") == "yolka-shhuka-obezd"
    assert slug_of("!!!") == ""
    assert slug_of_name("", "Ёлка") == "yolka"
    in_persian = Tag(name="دادگاه", slug=slug_of_name("دادگاه", "دادگاه"))
    assert in_persian.get_absolute_url() == f"/tags/{in_persian.slug}/"
    assert tidy("<p>a [link](x) [b]</p>", show=lambda picture: None) == "<p>a [link](x) [b]</p>"
    assert (
        tidy("one\n\n<blockquote>two</blockquote>", show=lambda picture: None)
        == "<p>one</p>\n<blockquote>two</blockquote>"
    )
