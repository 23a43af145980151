"""No list, history, search or message tells who stands behind a pseudonym to those who may not know."""

import json

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType

from newsroom import history
from newsroom.models import Article, Author
from newsroom.revising import keep_revision
from tests.newsroom.factories import NOW, make_article, make_author
from tests.newsroom.test_article_admin import REPORTER, _client, _form

pytestmark = pytest.mark.django_db
ACCOUNT = "quist-ana"
LOOKING = [*REPORTER, "edit_submitted_article", "view_author", "change_author", "view_historyentry"]


@pytest.fixture
def article() -> Article:
    """An article under a pseudonym, which the account behind it wrote and submitted."""
    account = User.objects.create_user(ACCOUNT, "ana@meridian.example", is_staff=True)
    author = make_author(name="M. Vale", is_pseudonymous=True, staff_user=account)
    article = make_article(status="draft", authors=[author], headline="Under a pseudonym")
    keep_revision(article, by=account, at=NOW)
    history.record(article, action="article.submitted", actor=account, at=NOW)
    history.record(author, action="author.changed", actor=account, at=NOW)
    for row in (article, author):
        kind = ContentType.objects.get_for_model(row)
        LogEntry.objects.create(
            user=account, content_type=kind, object_id=str(row.pk), action_flag=CHANGE, change_message=json.dumps([])
        )
    return article


def _pages(article: Article) -> list[str]:
    author = Author.objects.get()
    return [
        f"/admin/newsroom/article/{article.pk}/revisions/",
        f"/admin/newsroom/article/{article.pk}/history/",
        f"/admin/newsroom/author/{author.pk}/history/",
        f"/admin/newsroom/author/{author.pk}/change/",
        "/admin/newsroom/author/",
        "/admin/newsroom/article/",
        "/admin/newsroom/historyentry/",
        f"/admin/newsroom/historyentry/{history.entries_of(article)[0].pk}/change/",
        "/admin/autocomplete/?app_label=newsroom&model_name=byline&field_name=author&term=vale",
        "/admin/",
    ]


def test_account_is_on_no_page_for_those_who_may_not_know(article: Article) -> None:
    curious, trusted = _client(*LOOKING), _client(*LOOKING, "view_pseudonyms")
    told = []
    for path in _pages(article):
        page = curious.get(path)
        assert page.status_code == 200, path
        assert ACCOUNT not in page.content.decode(), path
        told.append(ACCOUNT in trusted.get(path).content.decode())
    assert sum(told) >= 6
    assert "M. Vale" in curious.get(_pages(article)[-2]).content.decode()


def test_no_list_can_be_asked_for_the_account_or_put_in_its_order(article: Article) -> None:
    account = User.objects.get(username=ACCOUNT)
    curious, trusted = _client(*LOOKING), _client(*LOOKING, "view_pseudonyms")
    for path in (
        f"/admin/newsroom/author/?staff_user__id__exact={account.pk}",
        f"/admin/newsroom/author/?staff_user={account.pk}",
        f"/admin/newsroom/historyentry/?actor={account.pk}",
        f"/admin/newsroom/historyentry/?actor__id__exact={account.pk}",
    ):
        assert curious.get(path).status_code == 400, path
        assert trusted.get(path).status_code == 200, path
    assert curious.get("/admin/newsroom/author/?staff_user__username__startswith=q").status_code == 400
    page = curious.get("/admin/newsroom/historyentry/").content.decode()
    assert "sortable column-at" in page
    assert "sortable column-actor" not in page
    for path in (f"/admin/newsroom/article/?q={ACCOUNT}", f"/admin/newsroom/historyentry/?q={ACCOUNT}"):
        assert "Under a pseudonym" not in curious.get(path).content.decode()


def test_conflict_names_nobody_behind_a_pseudonym(article: Article) -> None:
    address = f"/admin/newsroom/article/{article.pk}/change/"
    curious = _client(*LOOKING)
    page = curious.post(address, _form(article, headline="Mine", based_on="0")).content.decode()
    assert "Somebody saved this article while you were writing." in page
    trusted = _client(*LOOKING, "view_pseudonyms")
    page = trusted.post(address, _form(article, headline="Mine", based_on="0")).content.decode()
    assert f"{ACCOUNT} saved this article" in page
