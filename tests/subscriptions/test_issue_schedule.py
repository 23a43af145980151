"""Issues appear by themselves: downtime, holidays, approval, two beats and clocks that jump."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from newsroom.mail import render_parts
from newsroom.models import Article, OutgoingMail, Section
from subscriptions import issues, schedule
from subscriptions.assembling import assemble
from subscriptions.models import Delivery, Issue, Newsletter
from tests.newsroom.factories import make_article, make_section
from tests.subscriptions.factories import make_newsletter, make_subscription
from tests.subscriptions.issue_factories import make_issue, make_sending_issue, make_stories
from tests.subscriptions.weeks import run, states

THURSDAY = datetime(2026, 11, 19, 7, 0, tzinfo=UTC)  # 08:00 in Berlin
FRIDAY_8 = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
SEND = Newsletter.WithoutApproval.SEND


@pytest.fixture
def letter(db: None) -> Newsletter:
    """A newsletter for Friday 08:00 in Berlin that goes out as assembled, with enough articles and one reader."""
    newsletter = make_newsletter(without_approval=SEND, minimum_picks=1)
    make_stories(count=3)
    make_subscription(newsletter=newsletter, at=datetime(2026, 1, 1, tzinfo=UTC))
    return newsletter


def test_a_week_goes_by_itself(letter: Newsletter) -> None:
    run(FRIDAY_8 - timedelta(days=4), FRIDAY_8 - timedelta(days=1, minutes=1), timedelta(hours=6))
    assert states(letter) == {"2026-11-20": "draft"}
    assert Issue.objects.get().assembled_at is None

    schedule.tick(at=THURSDAY)
    issue = Issue.objects.get()
    assert issue.assembled_at == THURSDAY
    assert issue.picks.count() == 3

    schedule.tick(at=FRIDAY_8 - timedelta(minutes=1))
    assert Issue.objects.get(pk=issue.pk).state == Issue.State.DRAFT

    schedule.tick(at=FRIDAY_8)
    assert Issue.objects.get(pk=issue.pk).state == Issue.State.SENDING
    assert Delivery.objects.filter(issue=issue).count() == 1

    schedule.tick(at=FRIDAY_8 + timedelta(minutes=1))
    assert states(letter) == {"2026-11-20": "sending", "2026-11-27": "draft"}


def test_a_short_downtime_is_caught_up(letter: Newsletter) -> None:
    schedule.tick(at=THURSDAY - timedelta(days=2))

    schedule.tick(at=FRIDAY_8 + timedelta(hours=5))

    assert states(letter) == {"2026-11-20": "sending", "2026-11-27": "draft"}


def test_too_late_is_held_and_editors_are_told(letter: Newsletter, staff_user: User) -> None:
    schedule.tick(at=THURSDAY - timedelta(days=2))

    schedule.tick(at=FRIDAY_8 + timedelta(hours=13))

    issue = Issue.objects.get(issue_date=date(2026, 11, 20))
    assert issue.state == Issue.State.HELD
    assert Delivery.objects.count() == 0
    mail = OutgoingMail.objects.get(template="issue_held")
    assert (mail.address, mail.context["reason"]) == ("staff@meridian.example", issue.state_reason)


def test_an_editor_may_still_send_what_was_too_late(letter: Newsletter, staff_user: User) -> None:
    schedule.tick(at=THURSDAY)
    late = FRIDAY_8 + timedelta(hours=30)
    schedule.tick(at=late)
    issue = Issue.objects.get(issue_date=date(2026, 11, 20))

    issues.approve(issue, by=staff_user, at=late + timedelta(minutes=5))
    schedule.tick(at=late + timedelta(minutes=6))

    issue.refresh_from_db()
    assert issue.state == Issue.State.SENDING


def test_weeks_that_nothing_ran_in_are_named_and_not_sent(letter: Newsletter, staff_user: User) -> None:
    schedule.tick(at=THURSDAY)
    schedule.tick(at=FRIDAY_8)

    schedule.tick(at=FRIDAY_8 + timedelta(days=24))

    assert states(letter) == {
        "2026-11-20": "sending",
        "2026-11-27": "skipped",
        "2026-12-04": "skipped",
        "2026-12-11": "skipped",
        "2026-12-18": "draft",
    }
    assert OutgoingMail.objects.filter(template="issue_skipped").count() == 3


def test_holidays_are_skipped_with_a_row(letter: Newsletter) -> None:
    letter.holidays.create(date=date(2026, 11, 27), reason="Our summer house week")
    schedule.tick(at=THURSDAY)
    schedule.tick(at=FRIDAY_8)

    schedule.tick(at=FRIDAY_8 + timedelta(minutes=1))

    assert states(letter) == {"2026-11-20": "sending", "2026-11-27": "skipped", "2026-12-04": "draft"}
    assert Issue.objects.get(issue_date=date(2026, 11, 27)).state_reason == "Our summer house week"


def test_a_holiday_entered_late_and_taken_back(letter: Newsletter) -> None:
    schedule.tick(at=THURSDAY)
    holiday = letter.holidays.create(date=date(2026, 11, 20), reason="")
    schedule.tick(at=THURSDAY + timedelta(minutes=1))
    assert states(letter) == {"2026-11-20": "skipped", "2026-11-27": "draft"}

    holiday.delete()
    schedule.tick(at=THURSDAY + timedelta(minutes=2))
    assert states(letter)["2026-11-20"] == "draft"


def test_a_changed_hour_and_weekday_move_the_draft(letter: Newsletter) -> None:
    schedule.tick(at=THURSDAY - timedelta(days=2))
    letter.send_time = time(17, 0)
    letter.save()
    schedule.tick(at=THURSDAY - timedelta(days=2))
    assert Issue.objects.get().send_at == FRIDAY_8 + timedelta(hours=9)

    letter.weekday = Newsletter.Weekday.WEDNESDAY
    letter.save()
    schedule.tick(at=THURSDAY - timedelta(days=2))
    assert states(letter) == {"2026-11-18": "draft"}


def test_a_clock_that_jumped_ahead_sends_nothing_and_skips_nothing(letter: Newsletter) -> None:
    schedule.tick(at=THURSDAY)

    schedule.tick(at=THURSDAY + timedelta(days=400))
    assert Delivery.objects.count() == 0

    schedule.tick(at=THURSDAY + timedelta(minutes=2))
    friday = Issue.objects.get(issue_date=date(2026, 11, 20))
    # What a wrong clock held waits for a person; what it skipped comes back when its week is here.
    assert friday.state == Issue.State.HELD
    schedule.tick(at=FRIDAY_8 + timedelta(days=1))
    assert states(letter)["2026-11-27"] == "draft"


def test_a_clock_that_jumped_back_sends_nothing_twice(letter: Newsletter) -> None:
    schedule.tick(at=THURSDAY)
    schedule.tick(at=FRIDAY_8)

    schedule.tick(at=THURSDAY)
    schedule.tick(at=FRIDAY_8)

    assert Delivery.objects.count() == 1
    assert states(letter)["2026-11-20"] == "sending"


def test_without_approval_an_issue_is_held(letter: Newsletter, staff_user: User) -> None:
    letter.without_approval = Newsletter.WithoutApproval.HOLD
    letter.save()
    schedule.tick(at=THURSDAY)
    schedule.tick(at=FRIDAY_8)

    assert states(letter)["2026-11-20"] == "held"
    assert OutgoingMail.objects.filter(template="issue_held").count() == 1
    schedule.tick(at=FRIDAY_8 + timedelta(minutes=1))
    assert OutgoingMail.objects.filter(template="issue_held").count() == 1


def test_too_few_articles_are_held_even_where_the_rule_is_to_send(letter: Newsletter) -> None:
    Newsletter.objects.update(minimum_picks=5)
    schedule.tick(at=THURSDAY)
    schedule.tick(at=FRIDAY_8)

    assert states(letter)["2026-11-20"] == "held"


def test_an_approved_issue_is_held_when_its_article_is_withdrawn(letter: Newsletter, staff_user: User) -> None:
    schedule.tick(at=THURSDAY)
    issue = Issue.objects.get()
    issues.approve(issue, by=staff_user, at=THURSDAY)

    article = issue.picks.in_order()[0].article
    article.withdraw(by=staff_user, at=THURSDAY + timedelta(hours=1), reason="A source lied.")

    issue.refresh_from_db()
    assert issue.state == Issue.State.HELD
    assert article.headline in issue.state_reason
    assert OutgoingMail.objects.get(template="issue_held").context["reason"] == issue.state_reason
    schedule.tick(at=FRIDAY_8)
    assert Delivery.objects.count() == 0


def test_an_issue_on_its_way_is_paused_when_its_article_is_corrected(letter: Newsletter, staff_user: User) -> None:
    schedule.tick(at=THURSDAY)
    schedule.tick(at=FRIDAY_8)
    issue = Issue.objects.get()

    article = issue.picks.in_order()[0].article
    article.correct(by=staff_user, at=FRIDAY_8 + timedelta(seconds=5), text="The river is the Oder.")

    issue.refresh_from_db()
    assert (issue.state, issue.paused_at) == (Issue.State.SENDING, FRIDAY_8 + timedelta(seconds=5))
    assert OutgoingMail.objects.get(template="issue_paused").context["reason"] == issue.pause_reason


def test_articles_of_other_issues_stop_nothing(letter: Newsletter, staff_user: User) -> None:
    schedule.tick(at=THURSDAY)
    issue = Issue.objects.get()
    issues.approve(issue, by=staff_user, at=THURSDAY)

    make_stories(count=1)[0].withdraw(by=staff_user, at=THURSDAY, reason="A source lied.")

    assert Issue.objects.get(pk=issue.pk).state == Issue.State.APPROVED


def test_an_approved_issue_is_looked_at_again_at_its_hour(letter: Newsletter, staff_user: User) -> None:
    schedule.tick(at=THURSDAY)
    issue = Issue.objects.get()
    issues.approve(issue, by=staff_user, at=THURSDAY)
    # As an import or a hand in the database may do it, without the step that tells the issue.
    Article.objects.filter(picks__issue=issue).update(status=Article.Status.WITHDRAWN, withdrawn_at=THURSDAY)

    schedule.tick(at=FRIDAY_8)

    issue.refresh_from_db()
    assert issue.state == Issue.State.HELD
    assert "is not published" in issue.state_reason
    assert Delivery.objects.count() == 0


def test_a_newsletter_that_was_switched_off_neither_assembles_nor_sends(letter: Newsletter, staff_user: User) -> None:
    schedule.tick(at=THURSDAY - timedelta(days=1))
    Newsletter.objects.update(is_active=False)
    schedule.tick(at=THURSDAY)
    assert Issue.objects.get().assembled_at is None

    Newsletter.objects.update(is_active=True)
    schedule.tick(at=THURSDAY)
    issues.approve(Issue.objects.get(), by=staff_user, at=THURSDAY)
    Newsletter.objects.update(is_active=False)
    schedule.tick(at=FRIDAY_8)
    assert states(letter) == {"2026-11-20": "approved"}
    assert Delivery.objects.count() == 0


def test_one_newsletter_in_trouble_does_not_hold_up_the_other(letter: Newsletter) -> None:
    broken = make_newsletter(without_approval=SEND, minimum_picks=1, time_zone="Europe/Berlin")
    Newsletter.objects.filter(pk=broken.pk).update(time_zone="Nowhere/Land")

    schedule.tick(at=THURSDAY)
    schedule.tick(at=FRIDAY_8)

    assert states(letter)["2026-11-20"] == "sending"


def test_assembly_fills_by_quota_priority_and_recency(db: None, staff_user: User) -> None:
    newsletter = make_newsletter(news_places=2, feature_places=1, analysis_places=0, opinion_places=0, minimum_picks=1)
    news, feature = make_section(kind=Section.Kind.NEWS), make_section(kind=Section.Kind.FEATURE)
    day = timedelta(days=1)
    make_article(headline="Old", section=news, published_at=THURSDAY - 9 * day)
    make_article(headline="Older news", section=news, published_at=THURSDAY - 3 * day)
    make_article(headline="Newer news", section=news, published_at=THURSDAY - 2 * day)
    make_article(headline="Important news", section=news, published_at=THURSDAY - 5 * day, newsletter_priority=5)
    make_article(headline="Sensitive", section=news, published_at=THURSDAY, is_sensitive=True, newsletter_priority=9)
    make_article(headline="Russian", section=news, published_at=THURSDAY, language="ru")
    make_article(headline="Feature", section=feature, published_at=THURSDAY - day)
    make_article(headline="Later", section=feature, published_at=THURSDAY + day)

    issue = assemble(newsletter=newsletter, issue_date=date(2026, 11, 20), at=THURSDAY)

    picks = list(issue.picks.in_order().select_related("article"))
    assert [pick.article.headline for pick in picks] == ["Important news", "Newer news", "Feature"]
    assert "priority 5" in picks[0].reason
    mail = OutgoingMail.objects.get(template="issue_assembled")
    assert [pick["headline"] for pick in mail.context["picks"]] == ["Important news", "Newer news", "Feature"]
    _subject, text, html = render_parts("issue_assembled", mail.context, "en")
    for part in (text, html):
        assert "place for “News”; priority 5, published on Nov. 14, 2026" in part
        assert part.rindex("Important news") < part.index(picks[0].article.standfirst) < part.rindex("Newer news")
        assert f"/admin/subscriptions/issue/{issue.pk}/change/" in part


def test_the_editors_mail_says_what_is_missing(letter: Newsletter, staff_user: User) -> None:
    Newsletter.objects.update(analysis_places=2)

    schedule.tick(at=THURSDAY)

    mail = OutgoingMail.objects.get(template="issue_assembled")
    assert "2 places for “Analysis” are empty." in mail.context["findings"]
    assert mail.context["subject"] == Issue.objects.get().subject


def test_what_was_sent_is_never_filled_in_again(letter: Newsletter) -> None:
    schedule.tick(at=THURSDAY)
    schedule.tick(at=FRIDAY_8)
    sent = set(Issue.objects.get(issue_date=date(2026, 11, 20)).picks.values_list("article_id", flat=True))

    following = assemble(newsletter=letter, issue_date=date(2026, 11, 27), at=FRIDAY_8 + timedelta(hours=1))

    assert sent
    assert not sent & set(following.picks.values_list("article_id", flat=True))


def test_editors_picks_stay_where_they_are(letter: Newsletter) -> None:
    chosen = make_article(headline="Chosen by hand", published_at=THURSDAY - timedelta(days=20))
    issue = make_issue(newsletter=letter, articles=[chosen], created_at=THURSDAY - timedelta(days=5))

    assemble(newsletter=letter, issue_date=issue.issue_date, at=THURSDAY)

    picks = list(issue.picks.in_order().select_related("article"))
    assert (picks[0].article, picks[0].origin) == (chosen, "editor")
    assert {pick.origin for pick in picks[1:]} == {"filled"}


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_make_one_issue_and_one_set_of_deliveries(run_queue: Callable[[], int]) -> None:
    newsletter = make_newsletter(without_approval=SEND, minimum_picks=1)
    make_stories(count=3)
    for _number in range(20):
        make_subscription(newsletter=newsletter, at=datetime(2026, 1, 1, tzinfo=UTC))

    for at in (THURSDAY, FRIDAY_8):
        _at_once(4, schedule.tick, at=at)

    assert states(newsletter)["2026-11-20"] == "sending"
    assert Delivery.objects.count() == 20
    assert Issue.objects.filter(issue_date=date(2026, 11, 20)).count() == 1


def _at_once(count: int, act: Callable[..., None], **kwargs: Any) -> None:
    barrier = Barrier(count)

    def call() -> None:
        barrier.wait()
        try:
            act(**kwargs)
        finally:
            connection.close()

    threads = [Thread(target=call) for _number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_an_issue_goes_on_without_the_article_that_was_withdrawn(letter: Newsletter, staff_user: User) -> None:
    make_subscription(newsletter=letter)
    issue = make_sending_issue(newsletter=letter, at=FRIDAY_8)
    pick = issue.picks.in_order().select_related("article")[0]
    pick.article.withdraw(by=staff_user, at=FRIDAY_8 + timedelta(seconds=5), reason="A source lied.")
    issue.refresh_from_db()
    issues.resume(issue, by=None, at=FRIDAY_8 + timedelta(minutes=1))
    rendering = issue.rendering
    rendering.refresh_from_db()
    assert pick.article.slug not in rendering.mail_html + rendering.mail_text + rendering.web_html
    assert issue.picks.in_order().last().article.slug in rendering.mail_text  # type: ignore[union-attr]
