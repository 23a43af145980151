"""The outlet in several languages: its own words in each, and editions in languages that were added."""

import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from newsroom.mail import render_parts
from newsroom.models import Article, Outlet, OutletWords, Section
from newsroom.outlet import current_outlet
from newsroom.publishing import LATEST_IN_LIST
from subscriptions import unsubscribing
from tests.browser.paper import make_giving
from tests.newsroom.factories import make_article, make_section, make_tag
from tests.subscriptions.factories import make_newsletter, make_subscription

pytestmark = pytest.mark.django_db


@pytest.fixture
def outlet() -> Outlet:
    outlet = Outlet.objects.create(
        pk=1, name="The Meridian", tagline="Written in exile", contact_email="post@example.org", language="en"
    )
    OutletWords.objects.create(outlet=outlet, language="ru", name="Меридиан", tagline="Пресса в изгнании")
    make_article(language="ru", section=make_section(language="ru", slug="novosti"))
    return outlet


def test_each_edition_calls_the_outlet_in_its_language(client: Client, outlet: Outlet) -> None:
    home, russian = client.get("/").content.decode(), client.get("/ru/").content.decode()
    assert ("The Meridian" in home, "Written in exile" in home) == (True, True)
    assert ("Меридиан" in home, "Пресса в изгнании" in home) == (False, False)
    assert ("Меридиан" in russian, "Пресса в изгнании" in russian) == (True, True)
    assert ("The Meridian" in russian, "Written in exile" in russian) == (False, False)
    assert "Меридиан" in client.get("/sections/novosti/").content.decode()
    assert "<title>Меридиан</title>" in client.get("/ru/feed.xml").content.decode()


def test_what_is_not_said_in_a_language_is_left_out_or_the_same_everywhere(outlet: Outlet, client: Client) -> None:
    OutletWords.objects.update(name="", tagline="")
    russian = client.get("/ru/").content.decode()
    assert ("The Meridian" in russian, "Written in exile" in russian) == (True, False)
    OutletWords.objects.all().delete()
    assert (current_outlet("ru").name, current_outlet("ru").tagline) == ("The Meridian", "")


def test_mails_call_the_outlet_in_the_readers_language(outlet: Outlet) -> None:
    context = {"body": "", "url": "https://news.example/", "items": []}
    assert "Меридиан" in "".join(render_parts("notice", context, "ru"))
    assert "The Meridian" in "".join(render_parts("notice", context, "en"))


def test_pages_of_giving_and_the_news_sitemap_call_it_so_too(client: Client, outlet: Outlet) -> None:
    make_giving()
    make_article(language="ru", section=Section.objects.get(), published_at=timezone.now() - timedelta(hours=1))
    page = client.get("/support/", {"language": "ru"}).content.decode()
    assert ("Меридиан" in page, "Пресса в изгнании" in page) == (True, True)
    assert ("The Meridian" in page, "Written in exile" in page) == (False, False)
    assert "<news:name>Меридиан</news:name>" in client.get("/sitemap-news.xml").content.decode()


def _save_outlet(client: Client, **changed: Any) -> HttpResponse:
    values = {
        "name": "The Meridian",
        "tagline": "Written in exile",
        "contact_email": "post@example.org",
        "language": "en",
        "time_zone": "UTC",
        "words-TOTAL_FORMS": 1,
        "words-INITIAL_FORMS": 1,
        "words-0-id": OutletWords.objects.get().pk,
        "words-0-outlet": 1,
        "words-0-language": "ru",
        "words-0-name": "Полдень",
        "words-0-tagline": "",
    }
    return client.post("/admin/newsroom/outlet/1/change/", values | changed)


def test_an_engineer_writes_the_words_beside_the_outlets_own(client: Client, outlet: Outlet) -> None:
    engineer = User.objects.create_user("engineer", is_staff=True)
    engineer.groups.add(Group.objects.get(name="Engineer"))
    client.force_login(engineer)
    assert "Меридиан" in client.get("/admin/newsroom/outlet/1/change/").content.decode()
    assert _save_outlet(client).status_code == 302
    assert current_outlet("ru").name == "Полдень"

    refused = _save_outlet(client, **{"words-0-language": "en"})
    assert "This is the outlet&#x27;s own language." in refused.content.decode()
    assert OutletWords.objects.get().language == "ru"


def test_what_is_in_a_language_that_was_taken_away_stays(client: Client, outlet: Outlet, settings: Any) -> None:
    subscription = make_subscription(newsletter=make_newsletter(language="ru"))
    article = Article.objects.get()
    settings.LANGUAGES = [("en", "English")]
    assert client.get(article.get_absolute_url()).status_code == 200
    assert client.get("/sections/novosti/").status_code == 200
    page = reverse("subscriptions:unsubscribe", args=[unsubscribing.token(subscription.link_id)])
    assert client.get(page).status_code == 200
    assert client.post(page).status_code == 200
    subscription.refresh_from_db()
    assert subscription.state == "unsubscribed"

    client.force_login(User.objects.create_superuser("root"))
    form = client.get(f"/admin/newsroom/article/{article.pk}/change/").context["adminform"].form
    assert form["language"].value() == "ru"
    assert [code for code, _name in form.fields["language"].choices] == ["en", "ru"]


def test_every_page_of_a_list_speaks_as_its_first_does(client: Client, outlet: Outlet) -> None:
    tag, section = make_tag(slug="bridges"), Section.objects.get()
    at = timezone.now() - timedelta(days=2)
    make_article(tags=[tag], published_at=at + timedelta(days=1))
    for number in range(LATEST_IN_LIST):
        make_article(tags=[tag], language="ru", section=section, published_at=at + timedelta(minutes=number))
    for page in ("/tags/bridges/", "/tags/bridges/page/2/"):
        assert '<html lang="en"' in client.get(page).content.decode()


def test_a_language_that_is_added_has_its_edition_in_its_own_dates() -> None:
    """In a process of its own: addresses are made from `LANGUAGES` when the site starts."""
    code = (
        "import django; django.setup()\n"
        "from datetime import date\n"
        "from django.urls import resolve, reverse\n"
        "from django.utils import formats, translation\n"
        "translation.activate('uk')\n"
        "print(reverse('edition', args=['uk']), resolve('/uk/archive/2026/11/').url_name,"
        " formats.date_format(date(2026, 11, 23), 'F'), reverse('subscriptions:edition-current_policy', args=['uk']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "LANGUAGES": "en ru uk", "DJANGO_SETTINGS_MODULE": "newsroom.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["/uk/", "edition-archive-month", "Листопад", "/uk/privacy/"]
