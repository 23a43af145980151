"""Public pages as kept bytes: what they cost, when they change, and what happens without Redis."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import brotli
import pytest
import time_machine
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from redis import Redis

from newsroom import registry, site_version
from newsroom.models import Article
from newsroom.page_cache import Kept, KeptPages, PageCacheMiddleware
from newsroom.site_version import Version
from subscriptions.models import Newsletter
from tests.browser.paper import make_friday_letter, make_giving
from tests.donations.factories import make_amount_rules, make_appeal
from tests.newsroom.factories import make_article, make_author, make_page, make_section, make_tag
from tests.subscriptions.factories import make_policy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def page_cache(settings: Any) -> Iterator[None]:
    """Keep pages in this test, with a process memory that knows nothing yet."""
    settings.MIDDLEWARE = ["newsroom.page_cache.PageCacheMiddleware", *settings.MIDDLEWARE]
    site_version.forget()
    yield
    site_version.redis_client.cache_clear()
    site_version.forget()


@pytest.fixture
def without_redis(settings: Any) -> None:
    settings.CACHE_URL = "unix:///nowhere/redis.sock?db=0"
    site_version.redis_client.cache_clear()
    site_version.forget()


def _text(client: Client, path: str) -> str:
    return client.get(path).content.decode()


@pytest.mark.parametrize("path", ["/", "/articles/kept/", "/sections/news/", "/authors/ana/", "/about/", "/feed.xml"])
def test_kept_page_costs_no_query_in_this_process_and_none_in_another(path: str) -> None:
    make_article(slug="kept", section=make_section(slug="news"), authors=[make_author(slug="ana")])
    make_page(slug="about")
    client, other_process = Client(), Client()
    first = client.get(path)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).content == first.content
        assert other_process.get(path).content == first.content
        site_version.forget()
        assert client.get(path).content == first.content
    assert len(queries) == 0


def test_standing_pages_of_other_packages_are_kept_and_follow_what_they_show() -> None:
    letter = make_friday_letter()
    client = Client()
    paths = ["/newsletter/the-friday-letter/", "/privacy/", "/privacy/2026-09/en/"]
    before = [_text(client, path) for path in paths]
    with CaptureQueriesContext(connection) as queries:
        assert [_text(client, path) for path in paths] == before
    assert len(queries) == 0
    response = client.get(paths[0], {"email": "reader@example.org"})
    assert "reader@example.org" not in response.content.decode()
    assert response.headers["Cache-Control"].startswith("public, max-age=")
    assert not response.cookies

    letter.description = "Three stories and a letter."
    letter.save()
    assert "Three stories and a letter." in _text(client, paths[0])
    make_policy(version="2026-10", in_force_from=timezone.now() - timedelta(minutes=1), texts={"en": "<p>Less.</p>"})
    assert "<p>Less.</p>" in _text(client, "/privacy/")
    assert "version 2026-10" in _text(client, paths[0])
    assert "A newer version has replaced this one." in _text(client, paths[2])


def test_kept_page_has_every_header_of_a_rendered_one() -> None:
    make_article(slug="kept")
    client = Client()
    first, second = client.get("/articles/kept/"), client.get("/articles/kept/")
    for name in ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Content-Type", "ETag"):
        assert first.headers[name] == second.headers[name]
    assert second.headers["Vary"] == "Accept-Encoding"
    assert second.headers["Cache-Control"].startswith("public, max-age=")
    assert not second.cookies


Answer = tuple[str, list[tuple[str, str]], bytes]


def _asked(site: KeptPages, path: str, method: str = "GET", **headers: str) -> Answer:
    """Ask as a server does that speaks WSGI."""
    said: list[Any] = []
    environ = RequestFactory(headers=headers).generic(method, path).environ
    body = site(environ, lambda status, headers, exc_info=None: said.extend((status, headers)))
    try:
        return said[0], said[1], b"".join(body)
    finally:
        getattr(body, "close", lambda: None)()


@pytest.fixture
def ways(page_cache: None, monkeypatch: pytest.MonkeyPatch) -> tuple[KeptPages, list[str]]:
    """The site under WSGI, and which paths reached Django. A slow machine does not let it forget what it knows."""
    monkeypatch.setattr(site_version, "TRUST_SECONDS", 3600.0)
    handler, reached = WSGIHandler(), list[str]()

    def django(environ: Any, start_response: Any) -> Any:
        reached.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        return handler(environ, start_response)

    return KeptPages(django), reached


def test_the_short_way_answers_as_the_long_one_and_asks_nobody(ways: tuple[KeptPages, list[str]]) -> None:
    site, reached = ways
    make_article(slug="kept")
    make_article(slug="gone", status=Article.Status.WITHDRAWN)
    with time_machine.travel(timezone.now(), tick=False):
        for path, status in (("/articles/kept/", "200 OK"), ("/articles/gone/", "410 Gone")):
            known = {"If-None-Match": dict(_asked(site, path)[1])["ETag"]}
            for headers, answer in (
                ({}, status),
                ({"Accept-Encoding": "gzip, deflate, br"}, status),
                ({"Accept-Encoding": "gzip;q=1, br;q=0"}, status),
                ({"Cookie": "sessionid=ours"}, status),
                (known, "304 Not Modified" if status == "200 OK" else status),
            ):
                long_way = _asked(site, path, "HEAD", **headers)
                reached.clear()
                with CaptureQueriesContext(connection) as queries:
                    short_way = _asked(site, path, **headers)
                assert short_way == long_way
                assert (short_way[0], reached, len(queries)) == (answer, [], 0)


def test_whatever_is_not_plain_goes_the_long_way(ways: tuple[KeptPages, list[str]], settings: Any) -> None:
    site, reached = ways
    article = make_article(slug="kept", headline="The first")
    path = "/articles/kept/"

    def arrives(**asked: Any) -> bool:
        reached.clear()
        _asked(site, path, **asked)
        return bool(reached)

    assert arrives()
    assert not arrives()
    assert arrives(method="POST")
    article.headline = "The second"
    article.save()
    assert arrives()
    assert b"The second" in _asked(site, path)[2]
    assert not arrives()
    site_version.forget()
    assert arrives()
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        assert arrives()

    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = None
    site = KeptPages(site.django)
    assert arrives()
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    site = KeptPages(site.django)
    assert arrives(**{"X-Forwarded-Proto": "http"})
    assert not arrives(**{"X-Forwarded-Proto": "https"})


def test_body_is_sent_in_the_smallest_coding_the_client_takes() -> None:
    make_article(slug="kept")
    client = Client()
    plain = client.get("/articles/kept/").content
    for accepted, coding, decode in (
        ("gzip, deflate, br", "br", brotli.decompress),
        ("gzip", "gzip", gzip.decompress),
        ("br;q=0, gzip;q=0.5", "gzip", gzip.decompress),
        ("identity", None, bytes),
    ):
        response = client.get("/articles/kept/", headers={"Accept-Encoding": accepted})
        assert response.headers.get("Content-Encoding") == coding
        assert decode(response.content) == plain
        assert int(response.headers["Content-Length"]) == len(response.content)


def test_client_that_has_the_bytes_gets_304() -> None:
    make_article(slug="kept")
    client = Client()
    first = client.get("/articles/kept/", headers={"Accept-Encoding": "br"})
    for headers in (
        {"If-None-Match": first.headers["ETag"]},
        {"If-None-Match": f'"other", W/{first.headers["ETag"]}'},
        {"If-Modified-Since": first.headers["Last-Modified"]},
    ):
        response = client.get("/articles/kept/", headers=headers)
        assert response.status_code == 304
        assert response.content == b""
    assert client.get("/articles/kept/", headers={"If-None-Match": '"other"'}).status_code == 200


def test_query_string_and_cookie_reach_neither_page_nor_cache() -> None:
    make_article(slug="kept")
    client = Client()
    first = client.get("/articles/kept/?utm_source=x&page=2", headers={"Cookie": "sessionid=abc"})
    kept = set(Redis.from_url(django_settings.CACHE_URL).keys("newsroom:page:*"))
    assert client.get("/articles/kept/?fbclid=1").content == first.content
    assert set(Redis.from_url(django_settings.CACHE_URL).keys("newsroom:page:*")) == kept
    assert len(kept) == 1


def test_unknown_addresses_and_staff_pages_are_never_kept(staff_user: User) -> None:
    client = Client()
    client.force_login(staff_user)
    for path in ("/nope/", "/articles/nope/", "/admin/", "/admin/login/"):
        client.get(path)
    assert not Redis.from_url(django_settings.CACHE_URL).keys("newsroom:page:*")


@pytest.mark.parametrize(
    "change",
    [
        lambda article: article.correct(by=None, at=timezone.now(), text="Mended."),
        lambda article: Article.objects.get(pk=article.pk).save(),
        lambda article: article.section.save(),
        lambda article: article.bylines.get().author.save(),
        lambda article: make_page(),
        lambda article: make_article(),
    ],
)
def test_every_change_readers_can_see_makes_pages_anew(change: Callable[[Article], object]) -> None:
    article = make_article(slug="kept")
    client = Client()
    client.get("/articles/kept/")
    before = site_version.present()
    change(article)
    assert site_version.present().number > before.number
    with CaptureQueriesContext(connection) as queries:
        client.get("/articles/kept/")
    assert len(queries) > 0


def test_saving_a_draft_leaves_the_pages_alone() -> None:
    draft = make_article(status="draft", section=make_section(), authors=[])
    before = site_version.present()
    draft.headline = "Another word"
    draft.save()
    site_version.forget()
    assert site_version.present() == before


def test_change_shows_in_every_process_within_the_time_of_trust() -> None:
    article = make_article(slug="kept", headline="Before")
    processes = [Client(), Client()]
    for client in processes:
        assert "Before" in _text(client, "/articles/kept/")
    article.headline = "After"
    article.save()
    time.sleep(site_version.TRUST_SECONDS)
    for client in processes:
        assert "After" in _text(client, "/articles/kept/")


def test_withdrawn_article_is_gone_at_once_even_while_another_worker_makes_the_page() -> None:
    article = make_article(slug="wrong", headline="Wrong")
    client = Client()
    assert "Wrong" in _text(client, "/")
    assert client.get("/articles/wrong/").status_code == 200
    article.withdraw(by=None, at=timezone.now(), reason="Why")
    # A worker that died while it held the claim on both pages.
    version = site_version.present()
    redis = Redis.from_url(django_settings.CACHE_URL)
    for key in redis.keys("newsroom:page:*"):
        build = key.decode().split(":")[2]
        for path in ("/", "/articles/wrong/"):
            redis.set(f"newsroom:page:{build}:{version.epoch}.{version.number}:{path}:lock", "1")
    assert client.get("/articles/wrong/").status_code == 410
    assert "Wrong" not in _text(client, "/")


def test_stale_page_is_served_while_another_worker_makes_its_successor() -> None:
    article = make_article(slug="kept", headline="Before")
    client = Client()
    client.get("/articles/kept/")
    article.headline = "After"
    article.save()
    version = site_version.present()
    redis = Redis.from_url(django_settings.CACHE_URL)
    build = redis.keys("newsroom:page:*")[0].decode().split(":")[2]
    lock = f"newsroom:page:{build}:{version.epoch}.{version.number}:/articles/kept/:lock"
    redis.set(lock, "1")
    stale = client.get("/articles/kept/")
    assert "Before" in stale.content.decode()
    redis.delete(lock)
    assert "After" in _text(client, "/articles/kept/")


def test_scheduled_article_appears_on_a_kept_front_page_at_its_minute() -> None:
    start = timezone.now()
    minute = start + timedelta(seconds=20)
    make_article(headline="Already here")
    make_article(headline="Later today", status="scheduled", published_at=minute)
    client = Client()
    with time_machine.travel(start, tick=True):
        page = client.get("/")
        assert "Later today" not in page.content.decode()
        assert int(page.headers["Cache-Control"].rpartition("=")[2]) <= 20
    with time_machine.travel(minute, tick=True):
        assert "Later today" in _text(client, "/")


def test_what_stands_around_every_page_is_read_once_for_each_state_of_the_site() -> None:
    make_friday_letter()
    appeal = make_giving()
    section = make_section(slug="news")
    make_page(slug="about", title="About us", is_in_menu=True)
    for slug in ("one", "two", "three", "four"):
        make_article(slug=slug, section=section, authors=[make_author()], tags=[make_tag()])
    client = Client()
    shown = _text(client, "/articles/one/")
    assert appeal.title in shown
    assert "The Friday Letter" in shown
    with CaptureQueriesContext(connection) as queries:
        assert appeal.title in _text(client, "/articles/two/")
    asked = " ".join(query["sql"] for query in queries)
    assert len(queries) == 7, asked
    for table in ("newsroom_outlet", "newsroom_page", "subscriptions_", "donations_"):
        assert f'FROM "{table}' not in asked

    # A change to any of it is on the next page that is made.
    appeal.title = "Other words"
    appeal.save()
    section.name = "Another name"
    section.save()
    Newsletter.objects.get().delete()
    changed = _text(client, "/articles/three/")
    assert "Other words" in changed
    assert "Another name" in changed
    assert "The Friday Letter" not in changed


def test_nothing_at_hand_outlives_the_moment_at_which_a_page_changes_by_the_clock() -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=True):
        make_amount_rules()
        make_appeal(title="Until noon", starts_at=start - timedelta(days=1), ends_at=start + timedelta(seconds=6))
        for slug in ("one", "two"):
            make_article(slug=slug, published_at=start - timedelta(days=1))
        client = Client()
        assert "Until noon" in _text(client, "/articles/one/")
    with time_machine.travel(start + timedelta(seconds=7), tick=True):
        assert "Until noon" not in _text(client, "/articles/two/")


def test_boundary_of_another_package_ends_the_freshness(monkeypatch: pytest.MonkeyPatch) -> None:
    end = timezone.now() + timedelta(seconds=7)
    monkeypatch.setattr(registry, "page_boundaries", [lambda at: end, lambda at: None])
    age = Client().get("/").headers["Cache-Control"].rpartition("=")[2]
    assert int(age) <= 7


def test_many_readers_of_a_cold_page_render_it_once() -> None:
    rendered = []

    def slow_page(request: Any) -> HttpResponse:
        rendered.append(1)
        time.sleep(0.2)
        return HttpResponse("The page")

    middleware = PageCacheMiddleware(slow_page)
    answers: list[bytes] = []

    def read() -> None:
        answers.append(middleware(RequestFactory().get("/")).content)
        connection.close()

    readers = [threading.Thread(target=read) for _ in range(12)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert answers == [b"The page"] * 12
    assert len(rendered) == 1


def test_page_that_cannot_be_made_is_served_as_it_was() -> None:
    answers = [HttpResponse("The page"), HttpResponse("Broken", status=500)]
    middleware = PageCacheMiddleware(lambda request: answers.pop(0))
    request = RequestFactory()
    assert middleware(request.get("/")).content == b"The page"
    site_version.pages_changed()
    assert middleware(request.get("/")).content == b"The page"
    assert not answers


def test_answer_that_sets_a_cookie_is_never_kept() -> None:
    def page(request: Any) -> HttpResponse:
        response = HttpResponse("For one")
        response.set_cookie("who", "me")
        return response

    middleware = PageCacheMiddleware(page)
    middleware(RequestFactory().get("/"))
    assert not middleware.kept
    assert not Redis.from_url(django_settings.CACHE_URL).keys("newsroom:page:*")


@pytest.mark.usefixtures("without_redis")
def test_without_redis_pages_are_served_and_changes_show() -> None:
    article = make_article(slug="kept", headline="Before")
    client = Client()
    assert "Before" in _text(client, "/articles/kept/")
    assert "Before" in _text(client, "/articles/kept/")
    article.headline = "After"
    article.save()
    assert "After" in _text(client, "/articles/kept/")
    article.withdraw(by=None, at=timezone.now(), reason="Why")
    assert client.get("/articles/kept/").status_code == 410


def test_version_lost_from_redis_is_read_from_the_database() -> None:
    make_article()
    version = site_version.present()
    Redis.from_url(django_settings.CACHE_URL).flushdb()
    site_version.forget()
    assert site_version.present() == version


def test_reports_in_the_wrong_order_leave_the_higher_version() -> None:
    site_version._report(Version(1, 9))
    site_version._report(Version(1, 8))
    site_version.forget()
    assert site_version.present() == Version(1, 9)


def test_packing_keeps_every_byte() -> None:
    kept = Kept(
        version=Version(2, 7),
        fresh_until=12.5,
        status=200,
        headers=[("Content-Type", "text/html; charset=utf-8")],
        fingerprint="ab",
        made_at=3,
        bodies={"": b"line\nline\n\x00", "br": b"\n\n"},
    )
    assert asdict(Kept.unpack(kept.pack())) == asdict(kept)
