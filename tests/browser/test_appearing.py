"""What appears and what goes, at every process of the running product, at its second."""

import http.client
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from newsroom import site_version
from newsroom.models import Article
from newsroom.site_version import TRUST_SECONDS
from tests.browser.house import House
from tests.newsroom.factories import make_article

# As many connections as reach each of the two processes many times over, and fewer searches than one network may ask.
READERS = 16
PLACES = ("/", "/sections/news/", "/feed.xml", "/sitemap-news.xml", "/search/?q=zeppelin", "/articles/zeppelin/")


def _everywhere(house: House, path: str) -> list[tuple[int, str]]:
    """Ask for a page over connections of its own, which the processes share among them."""
    site = urlsplit(house.url)
    answers = []
    for _number in range(READERS):
        asking = http.client.HTTPConnection(str(site.hostname), site.port, timeout=30)
        asking.request("GET", path, headers={"Connection": "close"})
        answer = asking.getresponse()
        answers.append((answer.status, answer.read().decode()))
        asking.close()
    return answers


@pytest.fixture
def heard(house: House, settings: Any) -> Iterator[House]:
    """Let what this process changes be heard by the running ones, as what a worker changes is."""
    settings.CACHE_URL = house.environment["CACHE_URL"]
    site_version.redis_client.cache_clear()
    site_version.forget()
    yield house
    site_version.redis_client.cache_clear()
    site_version.forget()


def test_article_appears_at_its_second_and_goes_at_once_in_every_process(heard: House) -> None:
    house = heard
    other = make_article(headline="Always here")
    minute = timezone.now().replace(microsecond=0) + timedelta(seconds=8)
    article = make_article(
        headline="A zeppelin over Ostrel",
        slug="zeppelin",
        section=other.section,
        status=Article.Status.SCHEDULED,
        published_at=minute,
    )
    places = [place.replace("/sections/news/", other.section.get_absolute_url()) for place in PLACES]
    for path in places:
        answers = _everywhere(house, path)
        if timezone.now() < minute:
            assert not [text for _status, text in answers if article.headline in text], path
    # A second after its own it is there for everyone, on pages that were kept until then.
    time.sleep(max(0.0, (minute + timedelta(seconds=1) - timezone.now()).total_seconds()))
    for path in places:
        answers = _everywhere(house, path)
        assert {status for status, _text in answers} == {200}, path
        assert all(article.headline in text for _status, text in answers), path

    article.refresh_from_db()
    article.settle(at=timezone.now())
    article.withdraw(by=None, at=timezone.now(), reason="A source was in danger.")
    time.sleep(TRUST_SECONDS)
    for path in places:
        answers = _everywhere(house, path)
        if path == article.get_absolute_url():
            assert {status for status, _text in answers} == {410}
        assert not [text for _status, text in answers if article.headline in text], path
