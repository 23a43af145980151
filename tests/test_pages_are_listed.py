"""Every address that readers may open is looked at by the tests of public pages, or says why it is not."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import URLResolver, get_resolver, resolve

from tests.browser.public_pages import NO_PAGES, PAGES, make_all_rows

pytestmark = pytest.mark.django_db


def test_every_address_for_readers_is_listed_or_excused(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    make_all_rows()
    listed = {resolve(urlsplit(page.address).path).view_name for page in PAGES}
    excused = {name for names in NO_PAGES for name in names.split()}
    known = set(_names(get_resolver().url_patterns))
    assert known - listed - excused == set()
    assert excused - known == set()
    assert excused & listed == set()


def _names(patterns: list[Any], space: str = "", path: str = "") -> Iterator[str]:
    """Name every view that is not behind the staff's door."""
    for pattern in patterns:
        whole = path + str(pattern.pattern).lstrip("^")
        if whole.startswith("admin/"):
            continue
        if isinstance(pattern, URLResolver):
            yield from _names(
                pattern.url_patterns, f"{space}{pattern.namespace}:" if pattern.namespace else space, whole
            )
        elif pattern.name:
            yield f"{space}{pattern.name}"
