from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.test import Client

from tests.newsroom.factories import NOW, make_article, make_author, make_section, make_tag

pytestmark = pytest.mark.django_db

CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
ATOM = "{http://www.w3.org/2005/Atom}"
CREATOR = "{http://purl.org/dc/elements/1.1/}creator"


def test_feed_carries_the_whole_text_of_the_newest_articles(client: Client) -> None:
    make_article(headline="Older", published_at=NOW - timedelta(days=2))
    make_article(
        headline="Newer & <better>",
        slug="newer",
        published_at=NOW,
        body="<p>All <em>of</em> it.</p>",
        authors=[make_author(name="Ana"), make_author(name="Per")],
    )
    make_article(headline="Draft", status="draft")
    response = client.get("/feed.xml")
    assert response.headers["Content-Type"] == "application/rss+xml; charset=utf-8"
    items = ElementTree.fromstring(response.content).findall("channel/item")
    assert [item.findtext("title") for item in items] == ["Newer & <better>", "Older"]
    assert items[0].findtext("link") == "http://testserver/articles/newer/"
    assert items[0].findtext(CONTENT) == "<p>All <em>of</em> it.</p>"
    assert items[0].findtext(CREATOR) == "Ana, Per"


def test_section_feed_holds_its_section_alone(client: Client) -> None:
    make_article(headline="Mine", section=make_section(slug="news"))
    make_article(headline="Other", section=make_section())
    items = ElementTree.fromstring(client.get("/sections/news/feed.xml").content).findall("channel/item")
    assert [item.findtext("title") for item in items] == ["Mine"]


def test_item_keeps_its_identity_when_the_address_changes(client: Client) -> None:
    article = make_article(slug="before")
    first = ElementTree.fromstring(client.get("/feed.xml").content).findtext("channel/item/guid")
    article.slug = "after"
    article.save()
    second = ElementTree.fromstring(client.get("/feed.xml").content).findtext("channel/item/guid")
    assert first == second


def test_atom_and_json_feeds_carry_the_same_articles(client: Client) -> None:
    make_article(headline="One & all", slug="one", body="<p>Text</p>", authors=[make_author(name="Ana")])
    atom = client.get("/feed.atom")
    assert atom.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    entry = ElementTree.fromstring(atom.content).find(f"{ATOM}entry")
    assert entry is not None
    assert entry.findtext(f"{ATOM}title") == "One & all"
    assert entry.findtext(f"{ATOM}content") == "<p>Text</p>"
    assert entry.findtext(f"{ATOM}author/{ATOM}name") == "Ana"
    response = client.get("/feed.json")
    assert response.headers["Content-Type"] == "application/feed+json; charset=utf-8"
    (item,) = response.json()["items"]
    assert item["title"] == "One & all"
    assert item["content_html"] == "<p>Text</p>"
    assert item["url"] == "http://testserver/articles/one/"


def test_author_feed_holds_what_the_author_signed(client: Client) -> None:
    make_article(headline="Mine", authors=[make_author(slug="ana")])
    make_article(headline="Other")
    items = client.get("/authors/ana/feed.json").json()["items"]
    assert [item["title"] for item in items] == ["Mine"]


def test_every_list_can_be_followed_in_three_formats(client: Client) -> None:
    tag, author = make_tag(slug="courts"), make_author(slug="ana")
    section, other = make_section(slug="news"), make_section(slug="novosti", language="ru")
    make_article(headline="The tram returns", slug="tram", section=section, authors=[author], tags=[tag])
    make_article(headline="A lamp", section=section)
    make_article(headline="Трамвай", section=other, language="ru")
    expected = {
        "/sections/news/": {"The tram returns", "A lamp"},
        "/authors/ana/": {"The tram returns"},
        "/tags/courts/": {"The tram returns"},
        "/search/": {"The tram returns"},
        "/ru/": {"Трамвай"},
        "/": {"The tram returns", "A lamp"},
    }
    for place, headlines in expected.items():
        query = "?q=tram" if place == "/search/" else ""
        page = client.get(f"{place}{query}").content.decode()
        for kind, words in (("xml", "rss+xml"), ("atom", "atom+xml"), ("json", "feed+json")):
            address = f"{place}feed.{kind}{query}"
            assert f'type="application/{words}"' in page, place
            assert f'href="{address}"' in page, address
            answer = client.get(address)
            assert answer.headers["Content-Type"].startswith(f"application/{words}")
            if kind == "json":
                assert {item["title"] for item in answer.json()["items"]} == headlines
                assert answer.json()["feed_url"] == f"http://testserver{address}"
    assert client.get("/en/feed.xml").headers["Location"] == "/feed.xml"
    assert client.get("/search/feed.json").json()["items"] == []
    front = client.get("/").content.decode()
    assert 'hreflang="ru" href="http://testserver/ru/"' in front
    assert "<loc>http://testserver/ru/</loc>" in client.get("/sitemap-places.xml").content.decode()


def test_feeds_of_searches_share_the_limit_of_searching(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newsroom.views.feeds.SEARCHES", "2/minute")
    answers = [client.get("/search/feed.xml?q=tram").status_code for _number in range(3)]
    assert answers == [200, 200, 429]
