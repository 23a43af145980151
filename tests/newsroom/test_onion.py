"""The site as an onion service, its mirrors, and the pages that staff link to."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from newsroom.models import Page
from newsroom.onion import OnionLocationMiddleware, is_onion_address
from subscriptions.models import Mirror
from tests.newsroom.factories import make_article, make_page

pytestmark = pytest.mark.django_db

# The Tor Project's own site.
ONION = "http://2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"
HOST = ONION.removeprefix("http://")


@pytest.fixture
def onion(settings: Any) -> Any:
    settings.ONION_URL, settings.ONION_HOST = ONION, HOST
    settings.ALLOWED_HOSTS = ["testserver", HOST]
    settings.SECURE_SSL_REDIRECT = settings.USES_HTTPS = True
    return settings


def test_onion_address_is_known_by_its_checksum() -> None:
    assert is_onion_address(ONION)
    for wrong in (ONION[:-7] + "e.onion", f"{ONION}/front/", "http://meridian.onion", "ftp" + ONION[4:], HOST, ""):
        assert not is_onion_address(wrong), wrong


def test_pages_offer_the_onion_service_and_it_needs_no_https(onion: Any, client: Client) -> None:
    make_article(slug="kept")
    page = client.get("/articles/kept/?utm_source=x", secure=True)
    assert page.headers["Onion-Location"] == f"{ONION}/articles/kept/"
    assert f'href="{ONION}/articles/kept/"' in page.content.decode()
    assert "Onion-Location" not in client.get("/feed.xml", secure=True).headers
    assert "Onion-Location" not in client.get("/admin/login/", secure=True).headers
    assert client.get("/articles/kept/").status_code == 301

    through_tor = client.get("/articles/kept/", headers={"Host": HOST})
    assert through_tor.status_code == 200
    assert "Onion-Location" not in through_tor.headers
    assert "Strict-Transport-Security" not in through_tor.headers


def test_cookies_of_an_onion_request_are_not_for_https_only(onion: Any) -> None:
    def page(request: Any) -> HttpResponse:
        assert request.scheme == "http"
        response = HttpResponse("x")
        response.set_cookie("visit", "1", secure=True, httponly=True)
        return response

    answer = OnionLocationMiddleware(page)
    factory = RequestFactory()
    through_tor = answer(factory.get("/newsletter/mine/", headers={"Host": HOST})).cookies["visit"]
    assert (through_tor["secure"], through_tor["httponly"]) == ("", True)
    assert answer(factory.get("/newsletter/mine/")).cookies["visit"]["secure"] is True


@pytest.mark.django_db(transaction=True)
def test_page_kept_for_an_onion_reader_serves_all_others(onion: Any) -> None:
    onion.MIDDLEWARE = ["newsroom.page_cache.PageCacheMiddleware", *onion.MIDDLEWARE]
    onion.SITE_URL, onion.SECURE_HSTS_SECONDS = "https://testserver", 60
    make_article(slug="kept")
    client = Client()
    first = client.get("/articles/kept/", headers={"Host": HOST})
    second = client.get("/articles/kept/", secure=True)
    assert first.content == second.content
    assert second.headers["Onion-Location"] == f"{ONION}/articles/kept/"
    assert second.headers["Strict-Transport-Security"].startswith("max-age=60")


def test_mirrors_in_use_stand_at_the_foot_with_the_page_that_is_read(client: Client) -> None:
    make_article(slug="kept")
    assert "Where this site is blocked" not in client.get("/").content.decode()
    Mirror.objects.create(address="https://second.example.net", position=2)
    Mirror.objects.create(address="https://first.example.net", position=1)
    Mirror.objects.create(address="https://lost.example.net", is_active=False)
    page = client.get("/articles/kept/").content.decode()
    assert page.index("https://first.example.net/articles/kept/") < page.index("https://second.example.net/articles/")
    assert "lost.example.net" not in page


def test_staff_choose_which_pages_stand_at_the_top_and_the_foot_and_in_which_order(
    client: Client, staff_client: Client
) -> None:
    about = make_page(title="About us", slug="about", is_in_footer=False)
    safe = make_page(title="Reach us safely", slug="safely", is_in_footer=True)
    make_page(title="Hidden", slug="hidden", is_in_footer=False)
    make_page(title="О нас", slug="o-nas", language="ru")
    listed = {"form-TOTAL_FORMS": "4", "form-INITIAL_FORMS": "4"}
    for number, page in enumerate(Page.objects.order_by("language", "position", "pk")):
        place = {about.pk: ("2", "on", ""), safe.pk: ("1", "on", "on")}.get(page.pk, ("0", "", ""))
        listed |= {f"form-{number}-id": str(page.pk), f"form-{number}-position": place[0]}
        listed |= {
            f"form-{number}-{name}": value
            for name, value in (("is_in_menu", place[1]), ("is_in_footer", place[2]))
            if value
        }
    assert staff_client.post("/admin/newsroom/page/", {**listed, "_save": "Save"}).status_code == 302

    text = client.get("/about/").content.decode()
    top, _, foot = text.partition("<nav")[2].partition("<main")
    assert top.index("Reach us safely") < top.index("About us")
    assert '<a href="/about/" aria-current="page">About us</a>' in top
    assert "Reach us safely" in foot.partition("</main>")[2]
    assert "About us" not in foot.partition("</main>")[2]
    assert "Hidden" not in text
    assert "О нас" not in text
