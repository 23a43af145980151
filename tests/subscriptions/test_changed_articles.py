"""An article that is corrected or withdrawn after its issue was frozen: the desk asks, and a person answers."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from newsroom.models import Article, HistoryEntry
from subscriptions import issues
from subscriptions.models import Issue, Newsletter
from tests.subscriptions.desk import desk_url, press
from tests.subscriptions.factories import NOW, make_subscription
from tests.subscriptions.issue_factories import make_issue

pytestmark = pytest.mark.django_db
S = Issue.State
LATER = NOW + timedelta(minutes=5)


def frozen(newsletter: Newsletter, state: str) -> Issue:
    issue = make_issue(newsletter=newsletter)
    issues.approve(issue, by=None, at=NOW)
    if state != S.APPROVED:
        if state == S.SENDING:
            make_subscription(newsletter=newsletter)
        issues.start(issue, by=None, at=NOW)
    if state == S.SENT:
        assert issues.finish(issue, at=NOW)
    issue.refresh_from_db()
    assert issue.state == state
    return issue


def correct(issue: Issue, by: User) -> Article:
    article = issue.picks.in_order().select_related("article")[0].article
    article.standfirst = "As it should have been."
    article.save()
    article.correct(by=by, at=LATER, text="The river is the Oder.")
    issue.refresh_from_db()
    return article


def withdraw(issue: Issue, by: User) -> Article:
    article = issue.picks.in_order().select_related("article")[0].article
    article.withdraw(by=by, at=LATER, reason="A source lied.")
    issue.refresh_from_db()
    return article


def mail_of(issue: Issue) -> str:
    return Issue.objects.select_related("rendering").get(pk=issue.pk).rendering.mail_html


@pytest.mark.parametrize(
    ("state", "answer", "is_refreshed", "ends"),
    [
        (S.APPROVED, "approve", True, S.APPROVED),
        (S.APPROVED, "keep", False, S.APPROVED),
        (S.SENDING, "resume", True, S.SENDING),
        (S.SENDING, "resume-unchanged", False, S.SENDING),
        (S.SENT, "refresh", True, S.SENT),
        (S.SENT, "leave", False, S.SENT),
    ],
)
def test_a_correction_is_a_question_with_two_buttons(
    staff_client: Client,
    staff_user: User,
    newsletter: Newsletter,
    state: str,
    answer: str,
    is_refreshed: bool,
    ends: str,
) -> None:
    issue = frozen(newsletter, state)
    article = correct(issue, staff_user)
    page = staff_client.get(desk_url(issue)).content.decode()
    assert "Refresh it?" in page
    assert f"“{article.headline}” was corrected." in page
    assert page.count('value="step:') >= 2
    assert f'value="step:{answer}"' in page

    press(staff_client, issue, f"step:{answer}")

    issue.refresh_from_db()
    assert (issue.state, issue.question, issue.paused_at) == (ends, "", None)
    assert ("As it should have been." in mail_of(issue)) is is_refreshed
    assert "Refresh it?" not in staff_client.get(desk_url(issue)).content.decode()
    assert HistoryEntry.objects.filter(actor=staff_user, object_type="subscriptions.issue").exists()


def test_a_withdrawn_article_is_taken_out_and_never_kept(
    staff_client: Client, staff_user: User, newsletter: Newsletter
) -> None:
    issue = frozen(newsletter, S.APPROVED)
    article = withdraw(issue, staff_user)
    page = staff_client.get(desk_url(issue)).content.decode()
    assert "Take the withdrawn out and approve it again" in page
    assert 'value="step:keep"' not in page

    press(staff_client, issue, "step:keep")
    issue.refresh_from_db()
    assert issue.state == S.HELD

    press(staff_client, issue, "step:approve-without")
    issue.refresh_from_db()
    assert (issue.state, issue.question) == (S.APPROVED, "")
    assert article.slug not in mail_of(issue)
    assert issue.picks.count() == 2


def test_an_issue_on_its_way_does_not_go_on_with_what_was_withdrawn(
    staff_client: Client, staff_user: User, newsletter: Newsletter
) -> None:
    issue = frozen(newsletter, S.SENDING)
    article = withdraw(issue, staff_user)
    assert 'value="step:resume-unchanged"' not in staff_client.get(desk_url(issue)).content.decode()

    press(staff_client, issue, "step:resume-unchanged")
    issue.refresh_from_db()
    assert issue.paused_at is not None

    press(staff_client, issue, "step:resume")
    issue.refresh_from_db()
    assert issue.paused_at is None
    assert article.slug not in mail_of(issue)


def test_other_trouble_does_not_answer_the_question(staff_user: User, newsletter: Newsletter) -> None:
    issue = frozen(newsletter, S.SENDING)
    correct(issue, staff_user)

    issues.pause(issue, by=None, at=LATER, reason="The mail server refuses us.")

    assert "was corrected" in issue.question


def test_words_written_since_are_not_thrown_away_by_keeping(
    staff_client: Client, staff_user: User, newsletter: Newsletter
) -> None:
    issue = frozen(newsletter, S.APPROVED)
    correct(issue, staff_user)
    press(staff_client, issue, "save", letter="A new letter.")
    assert 'value="step:keep"' not in staff_client.get(desk_url(issue)).content.decode()

    press(staff_client, issue, "step:keep")

    issue.refresh_from_db()
    assert (issue.state, issue.letter) == (S.HELD, "A new letter.")


def test_the_archive_shows_what_was_sent_until_somebody_answers(
    client: Client, staff_client: Client, staff_user: User, newsletter: Newsletter
) -> None:
    issue = frozen(newsletter, S.SENT)
    article = withdraw(issue, staff_user)
    url = issue.get_absolute_url()
    assert article.headline in client.get(url).content.decode()

    press(staff_client, issue, "step:refresh")

    assert article.headline not in client.get(url).content.decode()


def test_a_draft_is_asked_nothing(staff_user: User, newsletter: Newsletter) -> None:
    issue = make_issue(newsletter=newsletter)

    correct(issue, staff_user)

    assert (issue.state, issue.question) == (S.DRAFT, "")


def test_the_dashboard_names_the_issue_that_asks(
    staff_client: Client, staff_user: User, newsletter: Newsletter
) -> None:
    issue = frozen(newsletter, S.SENT)
    assert "asks you something" not in staff_client.get("/admin/").content.decode()

    correct(issue, staff_user)

    page = staff_client.get("/admin/").content.decode()
    assert "asks you something" in page
    assert desk_url(issue) in page
