"""Versions of an article, two editors at once, and previews for people outside."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from newsroom import previews
from newsroom.models import Article, HistoryEntry
from newsroom.revising import compare, keep_revision, restore
from tests.newsroom.factories import NOW, make_article
from tests.newsroom.test_article_admin import REPORTER, _client, _form

pytestmark = pytest.mark.django_db


def _save(client: Client, article: Article, **values: str) -> str:
    address = f"/admin/newsroom/article/{article.pk}/change/"
    return client.post(address, _form(article, **values), follow=True).content.decode()


def test_every_saved_version_is_kept_the_first_one_included(staff_client: Client, staff_user: User) -> None:
    article = make_article(status="draft", headline="From the import")
    _save(staff_client, article, headline="Second", based_on="0")
    _save(staff_client, article, headline="Second", based_on="2")
    _save(staff_client, article, headline="Third", based_on="2")
    kept = article.revisions.order_by("number").values_list("number", "headline", "saved_by__username")
    assert list(kept) == [(1, "From the import", None), (2, "Second", "staff"), (3, "Third", "staff")]


def test_second_editor_gets_a_clear_conflict_and_no_word_is_lost(staff_client: Client) -> None:
    article = make_article(status="draft", headline="At first")
    other = _client(*REPORTER)
    forms = [
        client.get(f"/admin/newsroom/article/{article.pk}/change/").content.decode() for client in (staff_client, other)
    ]
    assert all(re.search(r'name="based_on" value="0"', form) for form in forms)
    _save(staff_client, article, headline="By the first", based_on="0")
    page = _save(other, article, headline="By the second", body="<p>Hours of work</p>", based_on="0")
    assert "staff saved this article while you were writing." in page
    assert 'value="By the second"' in page
    assert "Hours of work" in page
    article.refresh_from_db()
    assert article.headline == "By the first"
    based_on = re.search(r'name="based_on" value="(\d+)"', page)
    assert based_on
    _save(other, article, headline="By the second", based_on=based_on[1])
    article.refresh_from_db()
    assert article.headline == "By the second"
    assert article.revisions.filter(headline="By the first").exists()


def test_two_versions_are_compared_word_by_word_and_escaped(staff_client: Client) -> None:
    article = make_article(status="draft", body="<p>The bridge is 400 m long.</p><p>It closed.</p>")
    keep_revision(article, by=None, at=NOW)
    article.body = "<p>The bridge is 40 &lt;m&gt; long.</p><p>It closed.</p>"
    article.save()
    keep_revision(article, by=None, at=NOW)
    page = staff_client.get(f"/admin/newsroom/article/{article.pk}/revisions/?older=1&newer=2").content.decode()
    assert "<del>400 m </del><ins>40 &lt;m&gt; </ins>long." in page
    older, newer = article.revisions.order_by("number")
    assert list(compare(older, newer)) == ["body"]


@pytest.mark.parametrize("query", ["older=9&newer=8", "older=x&newer=1", "older=99999999999&newer=1", ""])
def test_list_of_revisions_survives_any_query(staff_client: Client, query: str) -> None:
    article = make_article(status="draft")
    keep_revision(article, by=None, at=NOW)
    assert staff_client.get(f"/admin/newsroom/article/{article.pk}/revisions/?{query}").status_code == 200


def test_old_version_is_restored_and_the_new_one_stays_on_record(staff_client: Client) -> None:
    article = make_article(status="draft", headline="Good")
    _save(staff_client, article, headline="Worse", based_on="0")
    staff_client.get(f"/admin/newsroom/article/{article.pk}/revisions/1/restore/")
    assert Article.objects.get().headline == "Worse"
    staff_client.post(f"/admin/newsroom/article/{article.pk}/revisions/1/restore/")
    assert Article.objects.get().headline == "Good"
    assert list(article.revisions.order_by("number").values_list("headline", flat=True)) == ["Good", "Worse", "Good"]
    assert HistoryEntry.objects.filter(action="article.restored").count() == 1


def test_restoring_keeps_words_that_no_revision_had() -> None:
    article = make_article(status="draft", headline="Good")
    revision = keep_revision(article, by=None, at=NOW)
    assert revision is not None
    Article.objects.update(headline="Written past the admin")
    restore(revision, by=None, at=NOW)
    assert "Written past the admin" in article.revisions.values_list("headline", flat=True)


def test_restoring_asks_for_the_right_to_change() -> None:
    article = make_article(headline="Published")
    keep_revision(article, by=None, at=NOW)
    response = _client(*REPORTER).post(f"/admin/newsroom/article/{article.pk}/revisions/1/restore/")
    assert response.status_code == 403


def _preview_path(article: Article) -> str:
    return previews.preview_url(article).removeprefix("http://testserver")


def test_preview_shows_a_draft_to_whoever_holds_the_link_and_is_kept_nowhere(client: Client) -> None:
    article = make_article(status="draft", body="<p>Not public yet.</p>")
    response = client.get(_preview_path(article))
    page = response.content.decode()
    assert response.status_code == 200
    assert "Not public yet." in page
    assert "This is a preview." in page
    assert response.headers["Cache-Control"] == "no-store"
    assert "noindex" in response.headers["X-Robots-Tag"]
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "application/ld+json" not in page
    assert "canonical" not in page


def test_preview_ends_after_seven_days(client: Client) -> None:
    with time_machine.travel(NOW, tick=False):
        path = _preview_path(make_article(status="draft"))
        assert client.get(path).status_code == 200
    with time_machine.travel(NOW + timedelta(days=7, seconds=1), tick=False):
        response = client.get(path)
    assert response.status_code == 410
    assert "Preview links work for seven days." in response.content.decode()


@pytest.mark.parametrize("token", ["x", "1:2:3", "a" * 400])
def test_forged_preview_shows_nothing(client: Client, token: str) -> None:
    make_article(status="draft")
    assert client.get(f"/preview/{token}/").status_code == 410


def test_article_screen_offers_the_preview_link(staff_client: Client) -> None:
    article = make_article(status="draft")
    page = staff_client.get(f"/admin/newsroom/article/{article.pk}/change/").content.decode()
    link = re.search(r'href="http://testserver(/preview/[^"]+)"', page)
    assert link
    assert Client().get(link[1]).status_code == 200
