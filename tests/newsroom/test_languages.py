"""The outlet in several languages: its own words in each, and editions in languages that were added."""

import os
import subprocess
import sys

import pytest
from django.contrib.auth.models import User
from django.test import Client

from newsroom.mail import render_parts
from newsroom.models import Outlet, OutletWords
from newsroom.outlet import current_outlet
from tests.newsroom.factories import make_article, make_section

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


def test_staff_write_the_words_beside_the_outlets_own(client: Client, outlet: Outlet) -> None:
    client.force_login(User.objects.create_superuser("root"))
    words = outlet.words.get()
    response = client.post(
        "/admin/newsroom/outlet/1/change/",
        {
            "name": outlet.name,
            "tagline": outlet.tagline,
            "contact_email": outlet.contact_email,
            "language": "en",
            "time_zone": "UTC",
            "words-TOTAL_FORMS": 1,
            "words-INITIAL_FORMS": 1,
            "words-0-id": words.pk,
            "words-0-outlet": 1,
            "words-0-language": "ru",
            "words-0-name": "Полдень",
            "words-0-tagline": "",
        },
    )
    assert response.status_code == 302
    assert current_outlet("ru").name == "Полдень"


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
