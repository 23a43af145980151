"""The life of an article: its steps, who may take them, and the rows they leave."""

from datetime import datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsroom import publishing, registry
from newsroom.models import Article, HistoryEntry
from newsroom.models.articles import NotReady, StepRefused
from tests.newsroom.factories import NOW, make_article, make_author, make_image

pytestmark = pytest.mark.django_db


def _user(*permissions: str) -> User:
    user = User.objects.create_user(f"user-{User.objects.count()}")
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions, content_type__app_label="newsroom"))
    return User.objects.get(pk=user.pk)


def test_article_goes_from_draft_to_withdrawal_and_leaves_a_trace() -> None:
    reporter = _user("submit_article")
    editor = _user("publish_article", "correct_article", "withdraw_article")
    article = make_article(status="draft")
    article.submit(by=reporter, at=NOW)
    article.schedule(by=editor, at=NOW, publish_at=NOW + timedelta(hours=1))
    article.publish(by=editor, at=NOW + timedelta(minutes=5))
    article.correct(by=editor, at=NOW + timedelta(hours=2), text="A name was misspelt.")
    article.withdraw(by=editor, at=NOW + timedelta(hours=3), reason="Legal advice", note="Under review.")
    article.refresh_from_db()
    assert article.status == "withdrawn"
    assert article.published_at == NOW + timedelta(minutes=5)
    assert article.corrected_at == NOW + timedelta(hours=2)
    assert article.withdrawn_at == NOW + timedelta(hours=3)
    trail = HistoryEntry.objects.order_by("pk").values_list("action", "actor_id", "before", "after", "reason")
    assert list(trail) == [
        ("article.submitted", reporter.pk, "draft", "in review", ""),
        ("article.scheduled", editor.pk, "in review", "scheduled", ""),
        ("article.published", editor.pk, "scheduled", "published", ""),
        ("article.corrected", editor.pk, "published", "published", "A name was misspelt."),
        ("article.withdrawn", editor.pk, "published", "withdrawn", "Legal advice"),
    ]


@pytest.mark.parametrize(
    ("status", "step", "permission"),
    [
        ("draft", lambda article, by: article.submit(by=by, at=NOW), "submit_article"),
        ("in review", lambda article, by: article.return_to_draft(by=by, at=NOW), "publish_article"),
        ("in review", lambda article, by: article.publish(by=by, at=NOW), "publish_article"),
        (
            "in review",
            lambda article, by: article.schedule(by=by, at=NOW, publish_at=NOW + timedelta(1)),
            "publish_article",
        ),
        ("published", lambda article, by: article.correct(by=by, at=NOW, text="Note"), "correct_article"),
        ("published", lambda article, by: article.withdraw(by=by, at=NOW, reason="Why"), "withdraw_article"),
        ("withdrawn", lambda article, by: article.reinstate(by=by, at=NOW, reason="Why"), "withdraw_article"),
    ],
)
def test_each_step_asks_for_its_permission(status: str, step, permission: str) -> None:  # type: ignore[no-untyped-def]
    article = make_article(status=status)
    others = {"submit_article", "publish_article", "correct_article", "withdraw_article"} - {permission}
    with pytest.raises(PermissionDenied):
        step(article, _user(*others))
    article.refresh_from_db()
    assert article.status == status
    assert not HistoryEntry.objects.exists()
    step(article, _user(permission))
    assert HistoryEntry.objects.count() == 1


def test_unfinished_article_cannot_be_published_and_the_lacks_are_named() -> None:
    article = make_article(status="draft", body="", standfirst="", authors=[], lead_image=make_image(alt=""))
    with pytest.raises(NotReady) as refusal:
        article.publish(by=None, at=NOW)
    assert refusal.value.obstacles == [
        "The text is empty.",
        "The standfirst is empty.",
        "There is neither a byline nor a credit line.",
        "The lead image has no description for those who cannot see it.",
    ]
    article.refresh_from_db()
    assert article.status == "draft"


def test_embargo_holds_back_publishing_and_scheduling() -> None:
    embargo = NOW + timedelta(days=1)
    article = make_article(status="draft", embargo_until=embargo)
    with pytest.raises(NotReady):
        article.publish(by=None, at=NOW)
    with pytest.raises(NotReady):
        article.schedule(by=None, at=NOW, publish_at=embargo - timedelta(minutes=1))
    article.schedule(by=None, at=NOW, publish_at=embargo)
    assert article.status == "scheduled"


def test_scheduling_into_the_past_is_refused() -> None:
    with pytest.raises(StepRefused):
        make_article(status="draft").schedule(by=None, at=NOW, publish_at=NOW)


def test_scheduled_article_whose_minute_has_come_counts_as_published() -> None:
    article = make_article(status="scheduled", published_at=NOW)
    with pytest.raises(StepRefused):
        article.unschedule(by=None, at=NOW)
    article.withdraw(by=None, at=NOW, reason="Wrong person named")
    assert article.status == "withdrawn"


def test_the_tick_writes_down_what_has_come_due() -> None:
    due = make_article(status="scheduled", published_at=NOW)
    later = make_article(status="scheduled", published_at=NOW + timedelta(minutes=1))
    assert publishing.settle_due(at=NOW) == 1
    assert publishing.settle_due(at=NOW) == 0
    due.refresh_from_db()
    later.refresh_from_db()
    assert (due.status, due.published_at) == ("published", NOW)
    assert later.status == "scheduled"


def test_withdrawal_tells_the_other_packages_in_the_same_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, datetime]] = []
    monkeypatch.setattr(registry, "article_withdrawn", [lambda article, at: told.append((article.pk, at))])
    article = make_article()
    article.withdraw(by=None, at=NOW, reason="Why")
    assert told == [(article.pk, NOW)]


def test_withdrawal_fails_as_a_whole_when_a_package_cannot_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(article: Article, at: datetime) -> None:
        raise RuntimeError("The issue is being sent.")

    monkeypatch.setattr(registry, "article_withdrawn", [fail])
    article = make_article()
    with pytest.raises(RuntimeError), transaction.atomic():
        article.withdraw(by=None, at=NOW, reason="Why")
    article.refresh_from_db()
    assert article.status == "published"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("article_published_needs_its_time", {"status": "published", "published_at": None}),
        ("article_published_needs_its_time", {"status": "draft"}),
        ("article_withdrawn_needs_its_time", {"status": "withdrawn"}),
        ("article_status_is_known", {"status": "lost"}),
        ("article_keeps_its_embargo", {"embargo_until": NOW + timedelta(days=1)}),
        ("article_priorities_end_at_9", {"front_page_priority": 10}),
        ("article_language_is_a_tag", {"language": "English"}),
        ("article_has_a_headline", {"headline": ""}),
    ],
)
def test_database_refuses_what_no_step_would_do(name: str, values: dict[str, object]) -> None:
    article = make_article()
    with pytest.raises(IntegrityError, match="article_"), transaction.atomic():
        Article.objects.filter(pk=article.pk).update(**values)


STEPS = {
    "submit": lambda article, at: article.submit(by=None, at=at),
    "return": lambda article, at: article.return_to_draft(by=None, at=at),
    "schedule": lambda article, at: article.schedule(by=None, at=at, publish_at=at + timedelta(minutes=3)),
    "unschedule": lambda article, at: article.unschedule(by=None, at=at),
    "publish": lambda article, at: article.publish(by=None, at=at),
    "settle": lambda article, at: article.settle(at=at),
    "correct": lambda article, at: article.correct(by=None, at=at, text="Note"),
    "withdraw": lambda article, at: article.withdraw(by=None, at=at, reason="Why"),
    "reinstate": lambda article, at: article.reinstate(by=None, at=at, reason="Why"),
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 4)), max_size=12))
def test_any_order_of_steps_keeps_the_rules(db: None, steps: list[tuple[str, int]]) -> None:
    article = make_article(status="draft", authors=[make_author()])
    at = NOW
    for name, minutes in steps:
        at += timedelta(minutes=minutes)
        before = Article.objects.get(pk=article.pk)
        entries = HistoryEntry.objects.count()
        was_public = before.is_public(at)
        try:
            STEPS[name](article, at)
        except StepRefused:
            article.refresh_from_db()
            assert article.status == before.status
            assert HistoryEntry.objects.count() == entries
        else:
            assert HistoryEntry.objects.count() == entries + 1
        article.refresh_from_db()
        shown = Article.objects.published(at).filter(pk=article.pk).exists()
        assert shown == article.is_public(at)
        if was_public and not shown:
            assert name == "withdraw"
        if shown and not was_public:
            assert name in {"publish", "reinstate"}


@pytest.mark.django_db(transaction=True)
def test_two_editors_publishing_at_once_leave_one_publication() -> None:
    article = make_article(status="in review")
    together = Barrier(2)
    outcomes: list[str] = []

    def publish(minute: int) -> None:
        mine = Article.objects.get(pk=article.pk)
        together.wait()
        try:
            mine.publish(by=None, at=NOW + timedelta(minutes=minute))
            outcomes.append("published")
        except StepRefused:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [Thread(target=publish, args=(minute,)) for minute in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["published", "refused"]
    assert HistoryEntry.objects.filter(action="article.published").count() == 1
