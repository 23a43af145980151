"""The article screen through the front door: forms, buttons, permissions."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_prose_editor.config import allowlist_from_extensions
from PIL import Image as Pixels

from newsroom import sanitising
from newsroom.admin.prose import EXTENSIONS, PASTING, PICTURES
from newsroom.models import Article, HistoryEntry, Image, Outlet, Page
from tests.newsroom.factories import NOW, make_article, make_author, make_image, make_section, make_tag, picture_bytes

pytestmark = pytest.mark.django_db

REPORTER = ["add_article", "change_article", "view_article", "submit_article"]
EDITOR = [*REPORTER, "edit_submitted_article", "publish_article", "correct_article", "withdraw_article"]


def _client(*permissions: str) -> Client:
    user = User.objects.create_user(f"user-{User.objects.count()}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions, content_type__app_label="newsroom"))
    client = Client()
    client.force_login(user)
    return client


def _form(article: Article | None = None, **kwargs: Any) -> dict[str, Any]:
    """What the article form sends."""
    values = {
        "headline": "Written in the admin",
        "slug": "written",
        "standfirst": "In two lines.",
        "body": "<p>Text</p>",
        "section": make_section().pk if article is None else article.section_id,
        "language": "en",
        "front_page_priority": "0",
        "newsletter_priority": "0",
    }
    for prefix in ("bylines", "corrections"):
        values |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
    return {**values, **kwargs}


def test_article_is_written_with_everything_around_it_and_published(staff_client: Client) -> None:
    author, tag, image = make_author(), make_tag(), make_image()
    response = staff_client.post(
        "/admin/newsroom/article/add/",
        _form(
            body="<p>Fine</p><script>alert(1)</script>",
            credit_line="AFP contributed reporting.",
            tags=[tag.pk],
            lead_image=image.pk,
            **{"bylines-TOTAL_FORMS": "1", "bylines-0-author": author.pk, "bylines-0-position": "0"},
            _continue="1",
        ),
    )
    article = Article.objects.get(slug="written")
    assert response.status_code == 302
    assert article.body == "<p>Fine</p>"
    assert article.status == "draft"
    assert Client().get("/articles/written/").status_code == 404
    staff_client.post(
        f"/admin/newsroom/article/{article.pk}/change/", _form(article, body="<p>Finer</p>", _step="published")
    )
    article.refresh_from_db()
    assert article.status == "published"
    assert "Finer" in Client().get("/articles/written/").content.decode()
    assert HistoryEntry.objects.get(action="article.published").actor is not None


def test_publishing_an_unfinished_article_saves_it_and_names_what_is_missing(staff_client: Client) -> None:
    article = make_article(status="draft", authors=[])
    response = staff_client.post(
        f"/admin/newsroom/article/{article.pk}/change/",
        _form(article, standfirst="", headline="Saved all the same", _step="published"),
        follow=True,
    )
    page = response.content.decode()
    assert "The standfirst is empty." in page
    assert "There is neither a byline nor a credit line." in page
    article.refresh_from_db()
    assert article.status == "draft"
    assert article.headline == "Saved all the same"


def test_scheduling_asks_for_a_time_in_the_outlets_zone(staff_client: Client) -> None:
    Outlet.objects.create(pk=1, name="Meridian", contact_email="a@b.example", time_zone="Europe/Vilnius")
    article = make_article(status="draft")
    response = staff_client.post(
        f"/admin/newsroom/article/{article.pk}/change/", _form(article, _step="scheduled"), follow=True
    )
    assert "In the time of Europe/Vilnius." in response.content.decode()
    staff_client.post(f"/admin/newsroom/article/{article.pk}/step/scheduled/", {"publish_at": "2036-07-01T10:00"})
    article.refresh_from_db()
    assert article.status == "scheduled"
    assert article.published_at == datetime(2036, 7, 1, 7, 0, tzinfo=UTC)


def test_time_in_the_past_is_refused_with_the_form_still_filled_in(staff_client: Client) -> None:
    article = make_article(status="draft")
    response = staff_client.post(
        f"/admin/newsroom/article/{article.pk}/step/scheduled/", {"publish_at": "2020-07-01T10:00"}
    )
    page = response.content.decode()
    assert response.status_code == 200
    assert "The time of publication has passed." in page
    assert "2020-07-01T10:00" in page


def test_withdrawal_needs_a_reason_and_takes_the_page_from_readers(staff_client: Client) -> None:
    article = make_article(slug="wrong")
    address = f"/admin/newsroom/article/{article.pk}/step/withdrawn/"
    assert "This field is required." in staff_client.post(address, {"reason": " "}).content.decode()
    assert Client().get("/articles/wrong/").status_code == 200
    staff_client.post(address, {"reason": "Legal advice", "note": "Under review."})
    response = Client().get("/articles/wrong/")
    assert response.status_code == 410
    assert "Under review." in response.content.decode()
    assert "Legal advice" not in response.content.decode()


def test_correction_is_added_and_can_never_be_edited(staff_client: Client) -> None:
    article = make_article(slug="mended")
    staff_client.post(f"/admin/newsroom/article/{article.pk}/step/corrected/", {"text": "It was Tuesday."})
    assert "It was Tuesday." in Client().get("/articles/mended/").content.decode()
    form = staff_client.get(f"/admin/newsroom/article/{article.pk}/change/").content.decode()
    assert "It was Tuesday." in form
    assert 'name="corrections-0-text"' not in form


def test_a_get_takes_no_step(staff_client: Client) -> None:
    article = make_article(status="draft")
    staff_client.get(f"/admin/newsroom/article/{article.pk}/step/published/")
    article.refresh_from_db()
    assert article.status == "draft"


def test_reporter_writes_and_submits_and_then_no_longer_changes(client: Client) -> None:
    reporter, article = _client(*REPORTER), make_article(status="draft")
    address = f"/admin/newsroom/article/{article.pk}/change/"
    page = reporter.get(address).content.decode()
    assert 'value="submitted"' in page
    assert 'value="published"' not in page
    reporter.post(address, _form(article, headline="By a reporter", _step="submitted"))
    article.refresh_from_db()
    assert (article.headline, article.status) == ("By a reporter", "in review")
    response = reporter.post(address, _form(article, headline="Too late"))
    article.refresh_from_db()
    assert response.status_code == 403
    assert article.headline == "By a reporter"


@pytest.mark.parametrize("action", ["published", "scheduled", "returned"])
def test_step_without_its_permission_is_refused(action: str) -> None:
    article = make_article(status="in review")
    response = _client(*REPORTER).post(
        f"/admin/newsroom/article/{article.pk}/step/{action}/", {"publish_at": "2036-07-01T10:00", "reason": "x"}
    )
    article.refresh_from_db()
    assert response.status_code == 403
    assert article.status == "in review"


def test_button_pressed_without_permission_saves_but_takes_no_step() -> None:
    article = make_article(status="draft")
    response = _client(*REPORTER).post(
        f"/admin/newsroom/article/{article.pk}/change/", _form(article, _step="published")
    )
    article.refresh_from_db()
    assert response.status_code == 403
    assert article.status == "draft"


def test_only_a_draft_can_be_deleted(staff_client: Client) -> None:
    draft, published = make_article(status="draft"), make_article()
    assert staff_client.post(f"/admin/newsroom/article/{draft.pk}/delete/", {"post": "yes"}).status_code == 302
    assert staff_client.post(f"/admin/newsroom/article/{published.pk}/delete/", {"post": "yes"}).status_code == 403
    assert set(Article.objects.all()) == {published}


def test_editor_page_allows_the_import_map_by_nonce_and_no_other_page_does(staff_client: Client) -> None:
    article = make_article()
    response = staff_client.get(f"/admin/newsroom/article/{article.pk}/change/")
    policy = response.headers["Content-Security-Policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce
    assert f'<script type="importmap" nonce="{nonce[1]}"' in response.content.decode()
    assert "'unsafe-inline'" not in re.search(r"script-src[^;]*", policy)[0]  # type: ignore[index]
    for path in ("/admin/newsroom/article/", "/admin/", "/admin/newsroom/tag/add/"):
        other = staff_client.get(path).headers["Content-Security-Policy"]
        assert "nonce" not in other
        assert "unsafe-inline" not in other


def test_editor_offers_nothing_the_sanitiser_would_take_away() -> None:
    allowed = allowlist_from_extensions({**EXTENSIONS, **PICTURES, **PASTING})
    assert allowed["tags"] <= sanitising.TAGS
    assert set(allowed["url_schemes"]) == sanitising.URL_SCHEMES


def test_list_has_constant_queries(staff_client: Client) -> None:
    counts = []
    for _ in range(2):
        for _ in range(4):
            make_article(authors=[make_author(), make_author()], lead_image=make_image())
        with CaptureQueriesContext(connection) as queries:
            assert staff_client.get("/admin/newsroom/article/?q=Headline").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_account_behind_a_pseudonym_is_hidden_from_those_who_may_not_know(staff_user: User) -> None:
    author = make_author(name="M. Vale", is_pseudonymous=True, staff_user=staff_user)
    address = f"/admin/newsroom/author/{author.pk}/change/"
    curious = _client("change_author", "view_author")
    page = curious.get(address).content.decode()
    assert "M. Vale" in page
    assert staff_user.username not in page.replace("/static/staff", "")
    assert 'name="staff_user"' not in page
    curious.post(address, {"name": "M. Vale", "slug": author.slug, "is_pseudonymous": "", "staff_user": ""})
    author.refresh_from_db()
    assert author.is_pseudonymous
    assert author.staff_user == staff_user
    trusted = _client("change_author", "view_author", "view_pseudonyms")
    assert 'name="staff_user"' in trusted.get(address).content.decode()


def _upload(data: bytes, name: str = "photo.jpg", **kwargs: Any) -> dict[str, Any]:
    file = SimpleUploadedFile(name, data, content_type="image/jpeg")
    return {"upload": file, "alt": "A bridge", "caption": "", "credit": "", "focal_x": "20", "focal_y": "50", **kwargs}


def test_uploaded_picture_is_stripped_stored_once_and_rendered_by_the_queue(
    staff_client: Client, run_queue: Any, django_capture_on_commit_callbacks: Any
) -> None:
    exif = Pixels.Exif()
    exif[0x010F] = "Camera of Ana"
    data = picture_bytes(width=500, height=300, exif=exif)
    with django_capture_on_commit_callbacks(execute=True):
        assert staff_client.post("/admin/newsroom/image/add/", _upload(data)).status_code == 302
    image = Image.objects.get()
    assert (image.alt, image.focal_x, image.width) == ("A bridge", 20, 500)
    with image.file.open("rb") as file:
        assert b"Camera of Ana" not in file.read()
    assert run_queue() == 1
    image.refresh_from_db()
    assert image.renditions
    staff_client.post("/admin/newsroom/image/add/", _upload(data, alt="Other words"))
    assert Image.objects.get().alt == "A bridge"


@pytest.mark.parametrize("data", [b"<svg onload=alert(1)>", picture_bytes(width=200, height=200)[:300], b""])
def test_upload_that_is_no_picture_is_refused_and_the_words_stay(staff_client: Client, data: bytes) -> None:
    response = staff_client.post("/admin/newsroom/image/add/", _upload(data))
    assert response.status_code == 200
    assert "errorlist" in response.content.decode()
    assert 'value="A bridge"' in response.content.decode()
    assert not Image.objects.exists()


def test_standing_page_cannot_take_an_address_of_the_site(staff_client: Client) -> None:
    values = {"title": "Admin", "slug": "admin", "language": "en", "body": "<p>x</p>", "position": "0"}
    response = staff_client.post("/admin/newsroom/page/add/", values)
    assert "This address belongs to another part of the site." in response.content.decode()
    staff_client.post("/admin/newsroom/page/add/", {**values, "slug": "imprint", "is_published": "on"})
    assert Page.objects.get().slug == "imprint"
    assert Client().get("/imprint/").status_code == 200


def test_scheduled_article_whose_minute_has_come_offers_the_steps_of_a_published_one(staff_client: Client) -> None:
    article = make_article(status="scheduled", published_at=NOW + timedelta(days=400))
    address = f"/admin/newsroom/article/{article.pk}/change/"
    assert 'value="unscheduled"' in staff_client.get(address).content.decode()
    with time_machine.travel(NOW + timedelta(days=400), tick=False):
        client = Client()
        client.force_login(User.objects.get(username="staff"))
        page = client.get(address).content.decode()
    assert 'value="withdrawn"' in page
    assert 'value="unscheduled"' not in page
