"""Search, the archive, and the files that machines ask for."""

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
import time_machine
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsroom.models import Outlet
from newsroom.publishing import LATEST_IN_LIST
from newsroom.search import search
from tests.newsroom.factories import NOW, make_article, make_author, make_page, make_section, make_tag

pytestmark = pytest.mark.django_db


def _found(words: str) -> list[str]:
    return [hit.article.headline for hit in search(words, at=NOW)]


def test_search_stems_in_english_and_russian() -> None:
    make_article(headline="Elections in spring", body="<p>Voters queued.</p>")
    make_article(headline="Выборы весной", body="<p>Избиратели стояли в очередях.</p>", language="ru")
    assert _found("election") == ["Elections in spring"]
    assert _found("voter") == ["Elections in spring"]
    assert _found("избирателей") == ["Выборы весной"]
    assert _found("очередь") == ["Выборы весной"]


def test_search_is_deaf_to_accents_and_case_on_both_sides() -> None:
    make_article(headline="Café Ångström in Łódź")
    make_article(headline="Ёлка", language="ru")
    assert _found("cafe angstrom LODZ") == ["Café Ångström in Łódź"]
    assert _found("Łódź") == ["Café Ångström in Łódź"]
    assert _found("елки") == ["Ёлка"]


def test_search_ranks_the_headline_above_the_text() -> None:
    make_article(headline="Another story", body="<p>It mentions the harbour once.</p>", published_at=NOW)
    make_article(headline="The harbour", published_at=NOW - timedelta(days=40))
    assert _found("harbour") == ["The harbour", "Another story"]


def test_search_understands_quotes_minus_and_or() -> None:
    make_article(headline="Red bridge")
    make_article(headline="Bridge of red stone and salt")
    assert _found('"red bridge"') == ["Red bridge"]
    assert _found("bridge -salt") == ["Red bridge"]
    assert sorted(_found("salt OR red")) == ["Bridge of red stone and salt", "Red bridge"]


def test_search_finds_only_what_readers_may_see() -> None:
    for status in ("draft", "in review", "withdrawn"):
        make_article(headline=f"Secret {status}", status=status)
    make_article(headline="Secret tomorrow", status="scheduled", published_at=NOW + timedelta(days=1))
    assert _found("secret") == []


def test_snippet_marks_the_words_and_escapes_the_text(client: Client) -> None:
    make_article(slug="a", body="<p>He said that the harbour &lt;script&gt; &amp; the <em>bridge</em> would close.</p>")
    page = client.get("/search/?q=harbour").content.decode()
    assert "the <mark>harbour</mark> &lt;script&gt; &amp; the" in page
    assert "<script>" not in page


@pytest.mark.parametrize("words", ["", "  ", "'", '"', "a:*&!(", "-", "ё" * 500, "<b>", "%_\\"])
def test_search_answers_whatever_is_typed(client: Client, words: str) -> None:
    response = client.get("/search/", {"q": words})
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert '<meta name="robots" content="noindex">' in response.content.decode()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=80))
def test_search_survives_any_text(db: None, words: str) -> None:
    assert search(words, at=NOW) == []


def test_too_many_searches_are_asked_to_wait(client: Client) -> None:
    for _ in range(60):
        assert client.get("/search/?q=x").status_code == 200
    response = client.get("/search/?q=x")
    assert response.status_code == 429
    assert "Please wait a minute" in response.content.decode()


def test_search_has_constant_queries(client: Client) -> None:
    counts = []
    for _ in range(2):
        for _ in range(4):
            make_article(headline="Harbour", authors=[make_author(), make_author()])
        with CaptureQueriesContext(connection) as queries:
            client.get("/search/?q=harbour")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_archive_counts_months_by_the_outlets_own_calendar(client: Client) -> None:
    Outlet.objects.create(pk=1, name="Meridian", contact_email="a@b.example", time_zone="Europe/Vilnius")
    make_article(headline="New Year's Eve in London", published_at=datetime(2025, 12, 31, 22, 30, tzinfo=UTC))
    make_article(headline="December", published_at=datetime(2025, 12, 30, 12, 0, tzinfo=UTC))
    page = client.get("/archive/").content.decode()
    assert page.index('href="/archive/2026/1/"') < page.index('href="/archive/2025/12/"')
    assert "New Year&#x27;s Eve" in client.get("/archive/2026/1/").content.decode()
    december = client.get("/archive/2025/12/").content.decode()
    assert "December" in december
    assert "New Year" not in december
    assert '<h1 class="' not in december
    assert "December 2025" in december


@pytest.mark.parametrize("path", ["/archive/2024/13/", "/archive/0/1/", "/archive/99999/1/", "/archive/2024/1/"])
def test_month_without_articles_is_not_found(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def _locations(client: Client, path: str) -> list[str]:
    response = client.get(path)
    assert response.headers["Content-Type"] == "application/xml; charset=utf-8"
    root = ElementTree.fromstring(response.content)
    return [one.text or "" for one in root.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]


@time_machine.travel(NOW)
@pytest.mark.parametrize(
    "place", ["/sections/news/", "/authors/ana/", "/tags/bridges/", "/archive/2026/11/", "/ru/archive/2026/11/"]
)
def test_a_long_list_goes_on_page_after_page(client: Client, place: str) -> None:
    section, author, tag = make_section(slug="news"), make_author(slug="ana"), make_tag(slug="bridges")
    count = 2 * LATEST_IN_LIST + 1
    hour = datetime(2026, 11, 1, 12, tzinfo=UTC)
    for number in range(count):
        at = hour + timedelta(minutes=number)
        make_article(headline=f"Story {number:03}", section=section, authors=[author], tags=[tag], published_at=at)
    pages = [place, f"{place}page/2/", f"{place}page/3/"]
    texts = [client.get(path).content.decode() for path in pages]
    told = [number for text in texts for number in re.findall(r">Story (\d{3})</a>", text)]
    assert told == [f"{number:03}" for number in reversed(range(count))]
    for text, older, newer in zip(texts, [*pages[1:], None], [None, *pages[:-1]], strict=True):
        assert re.findall(r'rel="next" href="([^"]+)"', text) == [older] * bool(older)
        assert re.findall(r'rel="prev" href="([^"]+)"', text) == [newer] * bool(newer)
    assert f'rel="canonical" href="{django_settings.SITE_URL}{pages[1]}"' in texts[1]
    for number in ("0", "1", "02", "4", "99999", "123456", "x"):
        assert client.get(f"{place}page/{number}/").status_code == 404


def test_sitemaps_lead_to_every_public_page_and_to_no_other(client: Client) -> None:
    make_article(
        slug="public",
        published_at=datetime(2026, 3, 2, tzinfo=UTC),
        section=make_section(slug="news"),
        authors=[make_author(slug="ana")],
        tags=[make_tag(slug="ports")],
    )
    make_article(slug="hidden", status="draft", authors=[])
    make_article(slug="gone", status="withdrawn", authors=[])
    make_page(slug="about")
    maps = _locations(client, "/sitemap.xml")
    assert maps == ["http://testserver/sitemap-places.xml", "http://testserver/sitemap-2026-3.xml"]
    pages = [address for one in maps for address in _locations(client, one.removeprefix("http://testserver"))]
    assert pages == [
        f"http://testserver{path}"
        for path in (
            "/",
            "/archive/",
            "/sections/news/",
            "/authors/ana/",
            "/tags/ports/",
            "/about/",
            "/articles/public/",
        )
    ]
    for address in pages:
        assert client.get(address.removeprefix("http://testserver")).status_code == 200


def test_news_sitemap_holds_two_days(client: Client) -> None:
    make_article(slug="fresh", headline="Fresh & new", published_at=NOW - timedelta(hours=47))
    make_article(slug="old", published_at=NOW - timedelta(hours=49))
    with time_machine.travel(NOW, tick=False):
        assert _locations(client, "/sitemap-news.xml") == ["http://testserver/articles/fresh/"]


def test_robots_and_humans(client: Client) -> None:
    robots = client.get("/robots.txt").content.decode()
    assert "Disallow: /admin/" in robots
    assert "Sitemap: http://testserver/sitemap.xml" in robots
    assert client.get("/humans.txt").headers["Content-Type"] == "text/plain; charset=utf-8"
