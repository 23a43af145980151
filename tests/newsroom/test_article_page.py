import json
import re
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from newsroom.models import Article
from tests.newsroom.factories import NOW, make_article, make_author, make_image, make_section, make_tag

pytestmark = pytest.mark.django_db


def test_page_shows_everything_that_belongs_to_the_article(client: Client) -> None:
    image = make_image(alt="Two cranes", caption="The harbour.", credit="Ana Brandt / Meridian")
    make_article(
        slug="harbour",
        headline="The harbour closes",
        standfirst="Nobody was told.",
        body="<p>It closed <strong>today</strong>.</p>",
        section=make_section(name="News", slug="news"),
        authors=[make_author(name="Ana Brandt", slug="ana"), make_author(name="Per Holt", slug="per")],
        tags=[make_tag(name="Ports", slug="ports")],
        lead_image=image,
        credit_line="AFP contributed reporting.",
    )
    response = client.get("/articles/harbour/")
    page = response.content.decode()
    assert response.status_code == 200
    for part in (
        "<h1>The harbour closes</h1>",
        "Nobody was told.",
        "<p>It closed <strong>today</strong>.</p>",
        '<a href="/sections/news/">News</a>',
        '<a rel="author" href="/authors/ana/">Ana Brandt</a> and <a rel="author" href="/authors/per/">Per Holt</a>',
        'alt="Two cranes"',
        "The harbour.",
        "Ana Brandt / Meridian",
        "AFP contributed reporting.",
        '<a rel="tag" href="/tags/ports/">Ports</a>',
        '<link rel="canonical" href="http://testserver/articles/harbour/">',
        '<meta property="og:title" content="The harbour closes">',
        'lang="en" dir="ltr"',
    ):
        assert part in page, part


def test_page_carries_no_script_cookie_or_foreign_address(client: Client) -> None:
    make_article(slug="quiet", lead_image=make_image())
    response = client.get("/articles/quiet/")
    page = response.content.decode()
    assert not response.cookies
    assert "Cookie" not in response.headers.get("Vary", "")
    assert re.findall(r"<script[^>]*>", page) == ['<script type="application/ld+json">']
    assert " style=" not in page
    loaded = re.findall(r'(?:src|srcset|<link rel="(?:stylesheet|icon)" href)="([^"]+)"', page)
    assert loaded
    assert all(address.startswith(("/static/", "/media/")) for address in loaded)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_data_block_describes_the_article_and_cannot_be_left(client: Client) -> None:
    hostile = "</script><script>alert(1)</script> & <!-- “quoted”"
    make_article(slug="data", headline=hostile, authors=[make_author(name="Ana", slug="ana")])
    page = client.get("/articles/data/").content.decode()
    block = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert block
    data = json.loads(block[1])
    assert data["headline"] == hostile
    assert data["@type"] == "NewsArticle"
    assert data["author"] == [{"@type": "Person", "name": "Ana", "url": "http://testserver/authors/ana/"}]
    assert data["datePublished"] == (NOW - timedelta(hours=1)).isoformat()
    assert "<script>alert" not in page


def test_account_behind_a_pseudonym_is_nowhere_on_the_page(client: Client, staff_user: object) -> None:
    author = make_author(name="M. Vale", slug="vale", is_pseudonymous=True, staff_user=staff_user)
    make_article(slug="secret", authors=[author])
    for path in ("/articles/secret/", "/authors/vale/", "/feed.xml", "/"):
        page = client.get(path).content.decode()
        assert "M. Vale" in page
        assert "staff@" not in page
        assert "staff_user" not in page


@pytest.mark.parametrize("status", ["draft", "in review"])
def test_article_that_is_not_published_is_not_found(client: Client, status: str) -> None:
    make_article(slug="hidden", status=status)
    assert client.get("/articles/hidden/").status_code == 404


def test_scheduled_article_appears_at_its_minute_without_any_job(client: Client) -> None:
    minute = NOW + timedelta(hours=2)
    article = make_article(slug="later", headline="Later today", status="scheduled", published_at=minute)
    with time_machine.travel(minute - timedelta(seconds=1), tick=False):
        assert client.get("/articles/later/").status_code == 404
        assert "Later today" not in client.get("/").content.decode()
    with time_machine.travel(minute, tick=False):
        assert client.get("/articles/later/").status_code == 200
        assert "Later today" in client.get("/").content.decode()
    article.refresh_from_db()
    assert article.status == Article.Status.SCHEDULED


def test_withdrawn_article_answers_410_with_its_note(client: Client) -> None:
    make_article(slug="other", headline="Still here")
    make_article(
        slug="wrong",
        headline="All wrong",
        body="<p>Not true.</p>",
        status="withdrawn",
        withdrawal_note="A source lied.",
    )
    response = client.get("/articles/wrong/")
    page = response.content.decode()
    assert response.status_code == 410
    assert "A source lied." in page
    assert "Not true." not in page
    assert "All wrong" not in page
    assert "Still here" in page


def test_correction_stands_under_the_text_with_its_date(client: Client) -> None:
    article = make_article(slug="fixed")
    article.correct(by=None, at=NOW, text="The bridge is 40 m long, not 400.")
    page = client.get("/articles/fixed/").content.decode()
    assert "The bridge is 40 m long, not 400." in page
    assert "Corrected Nov. 20, 2026" in page


def test_read_more_prefers_common_tags_and_never_names_the_article_itself(client: Client) -> None:
    ports, law = make_tag(), make_tag()
    here, elsewhere = make_section(), make_section()
    article = make_article(slug="this", headline="This one", section=here, tags=[ports, law])
    make_article(headline="Same section", section=here)
    make_article(headline="Both tags", section=elsewhere, tags=[ports, law], published_at=NOW - timedelta(days=9))
    make_article(headline="One tag", section=elsewhere, tags=[law], published_at=NOW - timedelta(days=5))
    make_article(headline="Neither", section=elsewhere)
    make_article(headline="A draft", section=here, tags=[ports], status="draft")
    page = client.get(article.get_absolute_url()).content.decode()
    more = page[page.index('id="read-more"') :]
    assert re.findall(r"<h3><a [^>]*>([^<]+)</a></h3>", more) == ["Both tags", "One tag", "Same section"]


def test_translations_link_to_each_other(client: Client) -> None:
    english = make_article(slug="english")
    russian = make_article(slug="russian", language="ru", translation_of=english, section=make_section(language="ru"))
    make_article(slug="kazakh", language="kk", translation_of=english, status="draft")
    page = client.get("/articles/english/").content.decode()
    assert '<link rel="alternate" hreflang="ru" href="http://testserver/articles/russian/">' in page
    assert "kazakh" not in page
    page = client.get(russian.get_absolute_url()).content.decode()
    assert 'lang="ru"' in page
    assert '<link rel="alternate" hreflang="en" href="http://testserver/articles/english/">' in page


def test_old_address_leads_to_the_new_one(client: Client) -> None:
    article = make_article(slug="first")
    article.slug = "second"
    article.save()
    article.slug = "third"
    article.save()
    for old in ("first", "second"):
        response = client.get(f"/articles/{old}/")
        assert response.status_code == 301
        assert response.headers["Location"] == "/articles/third/"
    article.slug = "first"
    article.save()
    assert client.get("/articles/first/").status_code == 200
    assert client.get("/articles/third/").headers["Location"] == "/articles/first/"


def test_queries_do_not_grow_with_bylines_corrections_and_related(client: Client) -> None:
    section, tag = make_section(), make_tag()
    article = make_article(slug="small", section=section, tags=[tag])
    make_article(section=section)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            client.get("/articles/small/")
        counts.append(len(queries))
        for number in range(6):
            make_article(section=section, tags=[tag], authors=[make_author(), make_author()], lead_image=make_image())
            article.correct(by=None, at=NOW, text=f"Note {number}")
            article.bylines.create(author=make_author(), position=number + 1)
            article.tags.add(make_tag())
    assert counts[0] == counts[1]
