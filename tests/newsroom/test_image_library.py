"""The image library as the editor of articles asks it."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from newsroom.models import Image
from tests.newsroom.factories import make_article, make_image, picture_bytes
from tests.newsroom.test_article_admin import _client

pytestmark = pytest.mark.django_db
LIBRARY = "/admin/newsroom/image/library/"


def _file(data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("photo.jpg", data, content_type="image/jpeg")


def test_library_finds_the_newest_pictures_by_every_word_in_few_queries(staff_client: Client) -> None:
    make_image(alt="A red ferry", credit="P. Orrin")
    ferry = make_image(width=61, alt="A ferry", caption="Port Selen")
    make_image(width=62, alt="A lamp")
    with CaptureQueriesContext(connection) as queries:
        found = staff_client.get(LIBRARY, {"q": "FERRY selen"}).json()["images"]
    assert sum("newsroom_image" in one["sql"] for one in queries.captured_queries) == 1
    assert [one["id"] for one in found] == [ferry.pk]
    assert found[0]["caption"] == "Port Selen"
    assert staff_client.get(found[0]["small"]).headers["Location"] == ferry.file.url
    assert [one["alt"] for one in staff_client.get(LIBRARY).json()["images"]] == ["A lamp", "A ferry", "A red ferry"]


def test_upload_from_the_editor_keeps_the_picture_and_wakes_the_worker(
    run_queue: Any, django_capture_on_commit_callbacks: Any
) -> None:
    reporter = _client("view_image", "add_image")
    with django_capture_on_commit_callbacks(execute=True):
        answer = reporter.post(LIBRARY, {"upload": _file(picture_bytes()), "alt": "A field", "credit": "P. Orrin"})
    assert answer.status_code == 201
    image = Image.objects.get()
    assert answer.json()["image"]["id"] == image.pk
    assert (image.alt, image.credit, image.focal_x) == ("A field", "P. Orrin", 50)
    assert run_queue() == 1
    again = reporter.post(LIBRARY, {"upload": _file(picture_bytes()), "alt": "Other words"})
    assert (again.status_code, again.json()["image"]["alt"]) == (200, "A field")


def test_what_is_no_picture_is_refused_in_words_and_nothing_is_kept(staff_client: Client) -> None:
    answer = staff_client.post(LIBRARY, {"upload": _file(b"<svg onload=alert(1)>"), "alt": "x"})
    assert answer.status_code == 400
    assert answer.json()["errors"] == ["This is not a JPEG, PNG or WebP picture."]
    assert not Image.objects.exists()


def test_library_asks_for_its_permissions() -> None:
    image = make_image()
    nobody, looker = _client("view_article"), _client("view_image")
    assert nobody.get(LIBRARY).status_code == 403
    assert nobody.get(f"/admin/newsroom/image/{image.pk}/small/").status_code == 403
    assert looker.post(LIBRARY, {"upload": _file(picture_bytes())}).status_code == 403
    assert Client().get(LIBRARY).status_code == 302


def test_picture_in_a_text_cannot_be_deleted_by_a_click(staff_client: Client) -> None:
    image = make_image()
    make_article(body=f'<p>x</p><figure data-image="{image.pk}"></figure>')
    assert staff_client.post(f"/admin/newsroom/image/{image.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Image.objects.get() == image
