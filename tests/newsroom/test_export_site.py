"""`manage.py export_site`: the public site as files whose links hold anywhere."""

import json
import re
from datetime import timedelta
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree import ElementTree

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from donations.models import Appeal
from newsroom import images
from newsroom.models import Article, FormerAddress, Outlet
from tests.browser.paper import make_friday_letter, make_giving
from tests.newsroom.factories import make_article, make_author, make_image, make_page, make_section, make_tag

pytestmark = pytest.mark.django_db

LIVE = django_settings.SITE_URL
# `data` and `mailto` need nobody; a form of the copy is sent to the live site.
NO_FILE = ("mailto:", "data:", "#")


class Links(HTMLParser):
    """The links of a page as (tag, attribute, address)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []
        self.original: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "link" and given.get("rel") in ("canonical", "alternate") and given["href"].startswith("http"):
            self.original.append(given["href"])
            return
        for name in ("href", "src", "action"):
            if name in given:
                self.found.append((tag, name, given[name]))
        for part in given.get("srcset", "").split(","):
            if part.strip():
                self.found.append((tag, "srcset", part.split()[0]))


@pytest.fixture
def site(settings: Any, tmp_path: Path) -> Path:
    """A site with one of everything, and the folder that its copy goes to."""
    settings.MEDIA_ROOT = tmp_path / "media"
    Outlet.objects.update_or_create(pk=1, defaults={"name": "The Meridian", "contact_email": "post@meridian.example"})
    author, tag, section = make_author(slug="ana"), make_tag(slug="courts"), make_section(slug="news")
    russian = make_section(slug="novosti", language="ru")
    picture = make_image(width=800, height=600, credit='A "B" & C')
    images.render(picture.pk, at=timezone.now())
    common = {"authors": [author], "tags": [tag], "section": section}
    first = make_article(
        slug="first",
        lead_image=picture,
        body='<p>As <a href="/articles/second/?from=first#corrections">we wrote</a>, '
        f'<a href="/search/?q=a&amp;b=c">search</a>, <a href="{LIVE}/sections/news/">here</a>, '
        '<a href="/articles/withdrawn/">gone</a>, '
        '<a href="https://elsewhere.example/articles/first/">there</a>. Write href="/articles/x/" in HTML.</p>',
        **common,
    )
    make_article(slug="second", published_at=timezone.now() - timedelta(days=400), **common)
    make_article(slug="withdrawn", headline="Taken back", status="withdrawn", **common)
    make_article(slug="draft", status="draft", **common)
    make_article(slug="perviy", language="ru", section=russian, translation_of=first, authors=[author])
    make_page(slug="about")
    FormerAddress.objects.create(path="/2019/05/old-title/", article=first)
    make_friday_letter()
    make_giving()
    Appeal.objects.update(short_line="Readers pay for this.")
    return tmp_path / "copy"


def _export(folder: Path, **options: Any) -> str:
    said = StringIO()
    call_command("export_site", str(folder), stdout=said, **options)
    return said.getvalue()


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    """Return each file's inode and time of change, which a rewrite alters."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): (file.stat().st_ino, file.stat().st_mtime_ns) for file in files}


def test_every_link_of_the_copy_leads_to_a_file_or_to_the_live_site(site: Path) -> None:
    assert re.search(r"\b0 removed", _export(site))
    files = _files(site)
    pages = {name: (site / name).read_text() for name in files if name.endswith(".html")}
    to_live, originals = set(), set()
    for name, text in pages.items():
        links = Links(text)
        originals |= {(name, address) for address in links.original}
        for tag, attribute, address in links.found:
            if address.startswith(LIVE):
                to_live.add((attribute, urlsplit(address).path))
            elif not address.startswith(("https://", *NO_FILE)):
                assert not address.startswith("/"), (name, tag, address)
                target = unquote(urljoin(f"/{name}", urlsplit(address).path)).lstrip("/")
                assert target in files, (name, tag, attribute, address)
    assert {path for attribute, path in to_live if attribute == "action"} == {
        "/search/", "/ru/search/", "/support/", "/newsletter/the-friday-letter/sign-up/", "/remind/",
    }  # fmt: skip
    assert not {path for attribute, path in to_live if path.startswith(("/static/", "/media/", "/sections/"))}
    for name in (
        *("index.html", "ru/index.html", "articles/first/index.html", "articles/second/index.html"),
        *("sections/news/index.html", "authors/ana/index.html", "tags/courts/index.html", "about/index.html"),
        *("archive/index.html", "newsletter/the-friday-letter/index.html", "privacy/2026-09/en/index.html"),
        *("feed.xml", "sections/news/feed.json", "authors/ana/feed.atom", "sitemap.xml", "robots.txt", "humans.txt"),
    ):
        assert name in files, name
    assert "articles/draft/index.html" not in files
    assert "articles/withdrawn/index.html" not in files
    assert any(name.startswith("media/images/") and name.endswith(".avif") for name in files)
    story = pages["articles/first/index.html"]
    assert "../second/index.html#corrections" in story
    assert f'"{LIVE}/search/?q=a&amp;b=c"' in story
    assert f'"{LIVE}/articles/withdrawn/"' in story
    assert '"https://elsewhere.example/articles/first/"' in story
    assert 'Write href="/articles/x/" in HTML' in story
    assert ("articles/first/index.html", f"{LIVE}/articles/first/") in originals
    assert '<script type="application/ld+json">' in story
    # A stick brings no headers along, so the page carries the policy; the forms may still be sent.
    assert f"form-action {' '.join([LIVE, *django_settings.STRIPE_PAGE_ORIGINS])}" in story
    assert "default-src &#x27;none&#x27;" in story
    assert "url=../../../articles/first/index.html" in pages["2019/05/old-title/index.html"]
    assert "url=the-friday-letter/index.html" in pages["newsletter/index.html"]


def test_second_run_writes_nothing_and_a_later_one_what_changed(site: Path) -> None:
    _export(site)
    before = _files(site)
    assert _export(site).startswith("0 written, 0 removed")
    assert _files(site) == before

    first = Article.objects.get(slug="first")
    first.withdraw(by=None, at=timezone.now(), reason="A source was in danger.")
    _export(site)
    after = _files(site)
    assert set(before) - set(after) == {"articles/first/index.html", "2019/05/old-title/index.html"} | {
        name for name in before if name.startswith("media/")
    }
    assert not [name for name in after if first.headline in (site / name).read_text(errors="ignore")]
    # What had nothing to do with the article was left alone.
    assert all(after[name] == before[name] for name in ("about/index.html", "privacy/2026-09/en/index.html"))
    assert not (site / "articles/first").exists()


def test_copy_of_a_killed_run_is_finished_and_a_foreign_folder_is_refused(site: Path) -> None:
    _export(site)
    whole = set(_files(site))
    # The run was killed while it wrote: one file is half there, one of an article that is gone by now, one is missing.
    (site / "about/index.html.part").write_text("<html>")
    (site / "articles/gone").mkdir()
    (site / "articles/gone/index.html").write_text("gone")
    (site / "archive/index.html").unlink()
    with (site / ".newsroom-copy").open("a") as listed:
        listed.write("articles/gone/index.html\n")
    (site / "CNAME").write_text("mirror.example.net")
    _export(site)
    assert set(_files(site)) == whole | {"CNAME"}

    foreign = site.parent / "photos"
    foreign.mkdir()
    (foreign / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(CommandError, match="did not write"):
        _export(foreign)
    assert set(_files(foreign)) == {"holiday.jpg"}


def test_mirror_carries_its_own_address_in_feeds_maps_and_the_page_for_nothing(site: Path) -> None:
    mirror = "https://mirror.example.net/meridian"
    _export(site, mirror=mirror)
    entries = ElementTree.parse(site / "feed.xml").findall("channel/item")
    assert entries[0].findtext("link") == f"{mirror}/articles/first/"
    assert entries[0].findtext("guid", "").startswith(LIVE)
    feed = json.loads((site / "sections/news/feed.json").read_text())
    assert feed["items"][0]["url"] == f"{mirror}/articles/first/"
    assert f"<loc>{mirror}/sections/news/</loc>" in (site / "sitemap-places.xml").read_text()
    assert f"Sitemap: {mirror}/sitemap.xml" in (site / "robots.txt").read_text()
    assert f'href="{mirror}/archive/"' in (site / "404.html").read_text()
    # The original stays the original.
    assert f'rel="canonical" href="{LIVE}/articles/first/"' in (site / "articles/first/index.html").read_text()


def test_page_that_cannot_be_made_stays_as_it_was_and_what_was_withdrawn_goes(site: Path) -> None:
    _export(site)
    # Nobody can name this language, and the page of the original has to.
    Article.objects.filter(slug="perviy").update(language="xx")
    Article.objects.get(slug="second").withdraw(by=None, at=timezone.now(), reason="Why")
    with pytest.raises(CommandError, match=r"1 page could not be made.*: /articles/first/$"):
        _export(site)
    assert "As <a href" in (site / "articles/first/index.html").read_text()
    assert not (site / "articles/second/index.html").exists()
