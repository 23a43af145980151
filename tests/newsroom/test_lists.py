"""The front page and the pages of sections, authors, tags and the outlet itself."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.newsroom.factories import NOW, make_article, make_author, make_image, make_page, make_section, make_tag

pytestmark = pytest.mark.django_db


def test_front_page_puts_staff_choice_first_and_the_rest_by_time(client: Client) -> None:
    make_article(headline="Newest", published_at=NOW)
    make_article(headline="Old but on top", published_at=NOW - timedelta(days=3), front_page_priority=9)
    make_article(headline="Second on top", published_at=NOW - timedelta(days=2), front_page_priority=3)
    make_article(headline="Older", published_at=NOW - timedelta(days=4))
    page = client.get("/").content.decode()
    places = [page.index(headline) for headline in ("Old but on top", "Second on top", "Newest", "Older")]
    assert places == sorted(places)
    assert page.count(">Old but on top<") == 1


def test_front_page_of_an_empty_paper_says_so(client: Client) -> None:
    assert "Nothing has been published here yet." in client.get("/").content.decode()


def test_each_language_has_an_edition(client: Client) -> None:
    make_section(name="News", slug="news", language="en")
    russian = make_section(name="Новости", slug="novosti", language="ru")
    make_article(headline="In English")
    make_article(headline="По-русски", language="ru", section=russian)
    english, other = client.get("/").content.decode(), client.get("/ru/").content.decode()
    assert "In English" in english
    assert "По-русски" not in english
    assert "Новости" not in english
    assert "По-русски" in other
    assert "In English" not in other
    assert '<html lang="ru"' in other


@pytest.mark.parametrize("path", ["/sections/news/", "/authors/ana/", "/tags/ports/"])
def test_list_shows_its_own_published_articles_newest_first(client: Client, path: str) -> None:
    news, ana, ports = make_section(slug="news"), make_author(slug="ana"), make_tag(slug="ports")
    mine = {"section": news, "authors": [ana], "tags": [ports]}
    make_article(headline="Yesterday", published_at=NOW - timedelta(days=1), **mine)
    make_article(headline="Today", published_at=NOW, **mine)
    make_article(headline="Draft", status="draft", **mine)
    make_article(headline="Withdrawn", status="withdrawn", **mine)
    make_article(headline="Tomorrow", status="scheduled", published_at=NOW + timedelta(days=900), **mine)
    make_article(headline="Foreign", section=make_section(), authors=[make_author()])
    page = client.get(path).content.decode()
    assert page.index("Today") < page.index("Yesterday")
    for headline in (">Draft<", ">Withdrawn<", ">Tomorrow<", ">Foreign<"):
        assert headline not in page


@pytest.mark.parametrize("path", ["/", "/sections/news/", "/authors/ana/", "/tags/ports/", "/feed.xml"])
def test_queries_do_not_grow_with_the_number_of_articles(client: Client, path: str) -> None:
    news, ana, ports = make_section(slug="news"), make_author(slug="ana"), make_tag(slug="ports")
    counts = []
    for _ in range(2):
        for _ in range(3):
            make_article(section=news, authors=[ana, make_author()], tags=[ports], lead_image=make_image())
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[1] <= 9


def test_author_page_says_that_a_name_is_a_pseudonym(client: Client) -> None:
    make_author(name="M. Vale", slug="vale", is_pseudonymous=True)
    assert "The name is a pseudonym." in client.get("/authors/vale/").content.decode()


def test_standing_page_has_its_address_and_its_place_at_the_foot(client: Client) -> None:
    make_page(title="About us", slug="about", body="<p>Who we are.</p><script>x</script>")
    make_page(title="Not yet", slug="later", is_published=False)
    page = client.get("/about/").content.decode()
    assert "<p>Who we are.</p>" in page
    assert "<script>x" not in page
    assert client.get("/later/").status_code == 404
    front = client.get("/").content.decode()
    assert '<a href="/about/">About us</a>' in front
    assert "Not yet" not in front


def test_unknown_address_helps_on(client: Client) -> None:
    make_article(headline="Read this instead")
    response = client.get("/no/such/page/")
    page = response.content.decode()
    assert response.status_code == 404
    assert "There is no page at this address" in page
    assert "Read this instead" in page
    assert not response.cookies


def test_address_of_an_imported_article_leads_to_its_new_place(client: Client) -> None:
    article = make_article(slug="imported")
    article.former_addresses.create(path="/2019/05/old-story.html")
    response = client.get("/2019/05/old-story.html")
    assert response.status_code == 301
    assert response.headers["Location"] == "/articles/imported/"
