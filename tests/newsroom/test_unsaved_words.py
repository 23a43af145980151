"""Words that are typed and not saved: kept for one person, offered back, and lost by no refusal."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from newsroom import unsaved
from newsroom.models import Article, ArticleRevision, UnsavedWords
from tests.newsroom.factories import NOW, make_article
from tests.newsroom.test_article_admin import REPORTER, _client, _form

pytestmark = pytest.mark.django_db


def _keep(client: Client, article: Article | None, **typed: str) -> int:
    place = f"{article.pk}/" if article else ""
    values = {"headline": "", "standfirst": "", "body": "", "credit_line": "", "based_on": "0", **typed}
    return client.post(f"/admin/newsroom/article/{place}unsaved/keep/", values).status_code


def _screen(client: Client, article: Article | None, query: str = "") -> str:
    place = f"{article.pk}/change" if article else "add"
    return client.get(f"/admin/newsroom/article/{place}/{query}").content.decode()


def test_typed_words_are_kept_once_sanitised_and_offered_to_their_writer_alone(staff_client: Client) -> None:
    article = make_article(status="draft", headline="Stored")
    other = _client(*REPORTER)
    assert _keep(staff_client, article, headline="Half a") == 200
    assert _keep(staff_client, article, headline="Half a line" * 40, body="<p>Typed</p><script>1</script>") == 200
    page = _screen(staff_client, article)
    row = UnsavedWords.objects.get()
    assert row.body == "<p>Typed</p>"
    assert row.headline == "Half a line" * 40
    assert "You have unsaved words of" in page
    assert "Half a line" not in page
    assert "Half a line" in _screen(staff_client, article, "?unsaved=1")
    assert "&lt;p&gt;Typed&lt;/p&gt;" in _screen(staff_client, article, "?unsaved=1")
    assert "<ins>Half a line" in staff_client.get(f"/admin/newsroom/article/{article.pk}/unsaved/").content.decode()
    for query in ("", "?unsaved=1"):
        assert "Half a line" not in _screen(other, article, query)
        assert "unsaved words of" not in _screen(other, article, query)
    article.refresh_from_db()
    assert article.headline == "Stored"
    assert not ArticleRevision.objects.exists()


def test_saving_or_discarding_ends_them(staff_client: Client) -> None:
    article = make_article(status="draft")
    for address, values in (
        (f"/admin/newsroom/article/{article.pk}/change/", _form(article, based_on="0")),
        (f"/admin/newsroom/article/{article.pk}/unsaved/discard/", {}),
    ):
        _keep(staff_client, article, headline="Typed")
        assert staff_client.get(f"/admin/newsroom/article/{article.pk}/unsaved/discard/").status_code == 302
        assert UnsavedWords.objects.count() == 1
        staff_client.post(address, values)
        assert not UnsavedWords.objects.exists()


def test_words_of_an_article_that_has_no_row_yet_are_kept_too(staff_client: Client) -> None:
    _keep(staff_client, None, headline="First words", body="<p>Of something new</p>")
    _keep(staff_client, None, headline="First words of all")
    assert UnsavedWords.objects.count() == 1
    assert 'value="First words of all"' in _screen(staff_client, None, "?unsaved=1")
    staff_client.post("/admin/newsroom/article/add/", _form())
    assert not UnsavedWords.objects.exists()


def test_refused_save_keeps_what_it_brought(staff_client: Client) -> None:
    article = make_article(status="draft", headline="At first")
    address = f"/admin/newsroom/article/{article.pk}/change/"
    page = staff_client.post(address, _form(article, slug="", body="<p>Hours of work</p>", based_on="0"))
    assert "errornote" in page.content.decode()
    assert UnsavedWords.objects.get().body == "<p>Hours of work</p>"
    # Somebody else saves meanwhile: the words come back as a conflict, and are still there after it.
    editor = User.objects.create_superuser("editor")
    other = Client()
    other.force_login(editor)
    other.post(address, _form(article, headline="By another", based_on="0"))
    restored = _screen(staff_client, article, "?unsaved=1")
    assert re.search(r'name="based_on" value="0"', restored)
    page = staff_client.post(address, _form(article, body="<p>Hours of work</p>", based_on="0"))
    assert "editor saved this article while you were writing." in page.content.decode()
    assert UnsavedWords.objects.get(user__username="staff").body == "<p>Hours of work</p>"
    article.refresh_from_db()
    assert article.headline == "By another"


def test_who_may_not_write_the_article_any_more_still_sees_their_words_and_adds_none() -> None:
    article = make_article(status="draft")
    reporter = _client(*REPORTER)
    assert _keep(reporter, article, headline="Typed in time") == 200
    article.submit(by=None, at=NOW)
    assert _keep(reporter, article, headline="Too late") == 403
    assert UnsavedWords.objects.get().headline == "Typed in time"
    assert "You have unsaved words of" in _screen(reporter, article)
    page = reporter.get(f"/admin/newsroom/article/{article.pk}/unsaved/").content.decode()
    assert "Typed in time" in page
    assert "?unsaved=1" not in page
    assert _keep(_client("view_article"), None, headline="x") == 403
    assert _keep(Client(), None, headline="x") == 302
    assert _keep(reporter, article, headline="x") == 403


def test_words_that_are_stored_by_now_are_not_offered(staff_client: Client) -> None:
    article = make_article(status="draft")
    words = {name: getattr(article, name) for name in ("headline", "standfirst", "body", "credit_line")}
    assert _keep(staff_client, article, **words) == 200
    assert "unsaved words" not in _screen(staff_client, article)


def test_keeping_is_one_statement(staff_client: Client, django_assert_max_num_queries: object) -> None:
    article = make_article(status="draft", body="<p>Long</p>" * 400)
    user = User.objects.get(username="staff")
    with django_assert_max_num_queries(1) as queries:  # type: ignore[operator]
        unsaved.keep(article, by=user, words={"body": "<p>x</p>"}, based_on=3, at=NOW)
    assert "ON CONFLICT" in queries.captured_queries[-1]["sql"]
    # The first request of a session is noted down.
    _keep(staff_client, article, headline="y")
    with django_assert_max_num_queries(8):  # type: ignore[operator]
        _keep(staff_client, article, headline="z")


def test_words_nobody_came_back_to_are_deleted_in_time(staff_user: User) -> None:
    for days, article in ((10, make_article()), (1, None)):
        unsaved.keep(article, by=staff_user, words={"headline": "x"}, based_on=0, at=NOW - timedelta(days))
    limit = NOW - timedelta(5)
    assert unsaved.forget_old(limit, NOW, True) == 1
    assert UnsavedWords.objects.count() == 2
    assert unsaved.forget_old(limit, NOW, False) == 1
    assert UnsavedWords.objects.get().article is None


def test_logged_in_again_elsewhere_the_form_gets_a_token_that_works() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("writer"))
    here = client.get("/admin/newsroom/article/still-here/")
    assert here.headers["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    token = here.json()["token"]
    assert client.post("/admin/newsroom/article/unsaved/keep/", {"headline": "x"}).status_code == 403
    kept = client.post("/admin/newsroom/article/unsaved/keep/", {"headline": "x", "csrfmiddlewaretoken": token})
    assert kept.status_code == 200
    assert Client().get("/admin/newsroom/article/still-here/").status_code == 302


def test_pasted_html_comes_back_as_it_would_be_stored(staff_client: Client) -> None:
    html = "<p class=MsoNormal style='mso-list:l0 level1 lfo1'><b>One</b><img src=x onerror=1></p>"
    answer = staff_client.post("/admin/newsroom/article/tidy/", {"html": html})
    assert answer.json() == {"html": "<ul><li><p><strong>One</strong></p></li></ul>"}
    assert _client("view_article").post("/admin/newsroom/article/tidy/", {"html": html}).status_code == 403
