"""The paper for old machines and slow lines: how much a page weighs, and what a browser without pictures shows."""

import gzip
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brotli
import pytest
from django.conf import settings as django_settings
from django.test import Client

from newsroom.models import Article
from tests.browser.paper import make_paper

pytestmark = pytest.mark.django_db

MOST_BYTES = 15 * 1024
# The demo's longest, of some thousand words.
LONG_STORY = "the-women-who-saved-the-court-files"
LYNX = shutil.which("lynx")


@pytest.fixture
def paper(settings: Any, tmp_path: Path) -> Iterator[Article]:
    settings.MEDIA_ROOT = tmp_path
    yield make_paper(articles=40)


def test_pages_weigh_little_as_they_are_sent(paper: Article, settings: Any) -> None:
    """The pages that readers meet first, each with the stylesheet, fit into fifteen kilobytes."""
    settings.MIDDLEWARE = ["newsroom.page_cache.PageCacheMiddleware", *settings.MIDDLEWARE]
    style = brotli.compress((django_settings.BASE_DIR / "static" / "newsroom.css").read_bytes(), quality=11)
    client = Client()
    weights = {}
    for path in ("/", f"/articles/{LONG_STORY}/", "/sections/veresia/", "/support/", "/newsletter/the-friday-letter/"):
        response = client.get(path, headers={"Accept-Encoding": "br, gzip"})
        assert response.status_code == 200, path
        # What is no kept page is compressed by the server in front.
        is_kept = response.headers.get("Content-Encoding") == "br"
        body = response.content if is_kept else gzip.compress(response.content, 6)
        weights[path] = len(body) + len(style)
    assert not {path: weight for path, weight in weights.items() if weight > MOST_BYTES}, weights


@pytest.mark.where(LYNX is not None)
def test_article_is_read_in_order_in_a_text_browser(paper: Article, client: Client, tmp_path: Path) -> None:
    assert LYNX is not None
    file = tmp_path / "article.html"
    file.write_bytes(client.get(paper.get_absolute_url()).content)
    words = [LYNX, "-dump", "-nolist", "-width=100", "-assume_charset=utf-8", "-display_charset=utf-8", str(file)]
    shown = subprocess.run(words, capture_output=True, text=True, check=True, env={"HOME": str(tmp_path)}).stdout
    text = " ".join(shown.split())
    first = re.sub(r"<[^>]*>", "", paper.body.partition("</p>")[0])[:60]
    in_order = [
        *("Skip to the content", "The Meridian", "Search", paper.headline, paper.standfirst[:50], "By ", first),
        *("Friday Letter", "Once", "Monthly", "Annual", "Read more", "Privacy Policy", "This site sets no cookies"),
    ]
    read_to = 0
    for expected in in_order:
        place = text.find(expected, read_to)
        assert place >= 0, f"“{expected}” does not stand after “{text[:read_to][-80:]}”"
        read_to = place + len(expected)
