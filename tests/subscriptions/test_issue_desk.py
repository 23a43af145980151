"""Editors make an issue on the desk: words, picks, steps, previews, and two editors at once."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from newsroom.models import Article, HistoryEntry
from subscriptions import issues
from subscriptions.models import Delivery, Issue, Newsletter, Pick, Segment
from tests.newsroom.factories import make_article
from tests.subscriptions.desk import desk_url, form_of, press
from tests.subscriptions.factories import NOW, make_subscription
from tests.subscriptions.issue_factories import make_issue, make_sending_issue

pytestmark = pytest.mark.django_db


@pytest.fixture
def issue(newsletter: Newsletter) -> Issue:
    return make_issue(newsletter=newsletter)


def order(issue: Issue) -> list[str]:
    return [pick.shown_headline for pick in issue.picks.in_order().select_related("article")]


def test_every_button_saves_what_was_typed(staff_client: Client, issue: Issue) -> None:
    first, second, third = issue.picks.in_order()

    response = press(staff_client, issue, f"down:{first.pk}", subject="Bees", **{f"blurb-{third.pk}": "Read this."})

    issue.refresh_from_db()
    third.refresh_from_db()
    assert response.status_code == 302
    assert (issue.subject, third.blurb) == ("Bees", "Read this.")
    assert [pick.pk for pick in issue.picks.in_order()] == [second.pk, first.pk, third.pk]


def test_picks_are_added_and_taken_out(staff_client: Client, issue: Issue) -> None:
    article = make_article(headline="The bridge")
    first = issue.picks.in_order()[0]

    press(staff_client, issue, f"add:{article.pk}")
    press(staff_client, issue, f"remove:{first.pk}")

    assert order(issue)[-1] == "The bridge"
    assert len(order(issue)) == 3
    added = issue.picks.get(article=article)
    assert (added.origin, str(added.picked_by)) == (Pick.Origin.EDITOR, "staff")


def test_dragging_sends_the_whole_order(staff_client: Client, issue: Issue) -> None:
    keys = [pick.pk for pick in issue.picks.in_order()]

    press(staff_client, issue, f"order:{keys[2]},{keys[0]},{keys[1]}")

    assert [pick.pk for pick in issue.picks.in_order()] == [keys[2], keys[0], keys[1]]


def test_second_editor_is_told_and_keeps_every_word(staff_client: Client, issue: Issue) -> None:
    mine = form_of(staff_client, issue)
    press(staff_client, issue, "save", subject="Theirs")

    response = staff_client.post(
        f"/admin/subscriptions/issue/{issue.pk}/save/", {**mine, "subject": "Mine", "act": "save"}
    )

    page = response.content.decode()
    issue.refresh_from_db()
    assert response.status_code == 409
    assert issue.subject == "Theirs"
    assert 'value="Mine"' in page
    assert "Theirs" in page
    assert f'name="version" value="{issue.version}"' in page


def test_approval_freezes_and_unapproval_thaws(staff_client: Client, issue: Issue) -> None:
    staff_client.post(f"/admin/subscriptions/issue/{issue.pk}/step/approve/")
    issue.refresh_from_db()
    assert issue.state == Issue.State.APPROVED
    assert str(issue.approved_by) == "staff"
    assert "The week in seven stories" in issue.rendering.mail_html

    assert press(staff_client, issue, "save", subject="Too late").status_code == 409

    staff_client.post(f"/admin/subscriptions/issue/{issue.pk}/step/unapprove/")
    issue = Issue.objects.get(pk=issue.pk)
    assert issue.state == Issue.State.DRAFT
    assert not hasattr(issue, "rendering")


def test_an_issue_without_subject_is_not_approved(staff_client: Client, newsletter: Newsletter) -> None:
    issue = make_issue(newsletter=newsletter, subject="")

    response = staff_client.post(f"/admin/subscriptions/issue/{issue.pk}/step/approve/", follow=True)

    issue.refresh_from_db()
    assert issue.state == Issue.State.DRAFT
    assert "The subject is missing." in response.content.decode()


def test_send_now_asks_first_and_says_to_how_many(staff_client: Client, issue: Issue) -> None:
    for _number in range(2):
        make_subscription(newsletter=issue.newsletter)

    question = staff_client.get(f"/admin/subscriptions/issue/{issue.pk}/step/send-now/")
    assert "2 readers" in question.content.decode()
    issue.segment = Segment.objects.create(name="Those who gave", donors=Segment.Donors.ONLY)
    issue.save()
    question = staff_client.get(f"/admin/subscriptions/issue/{issue.pk}/step/send-now/")
    assert "It goes to 0 readers" in question.content.decode()
    issue.segment = None
    issue.save()
    assert Delivery.objects.count() == 0

    staff_client.post(f"/admin/subscriptions/issue/{issue.pk}/step/send-now/", {"confirmed": "yes"})
    issue.refresh_from_db()
    assert issue.state == Issue.State.SENDING
    assert Delivery.objects.count() == 2


def test_cancelling_needs_a_reason_and_writes_it_down(staff_client: Client, newsletter: Newsletter) -> None:
    make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)
    url = f"/admin/subscriptions/issue/{issue.pk}/step/cancel/"

    assert "1 reader who has not got it yet" in staff_client.get(url).content.decode()
    assert "Please say why." in staff_client.post(url, {"confirmed": "yes"}).content.decode()
    staff_client.post(url, {"confirmed": "yes", "reason": "a source is in danger"})

    issue.refresh_from_db()
    assert (issue.state, issue.state_reason) == (Issue.State.CANCELLED, "a source is in danger")
    assert list(Delivery.objects.values_list("state", "reason")) == [("skipped", "cancelled")]
    assert HistoryEntry.objects.get(action="issue.cancelled").reason == "a source is in danger"


def test_steps_need_their_permission(client: Client, issue: Issue) -> None:
    reporter = User.objects.create_user("reporter", "r@meridian.example", "correct horse", is_staff=True)
    reporter.user_permissions.add(Permission.objects.get(codename="view_issue"))
    client.force_login(reporter)

    assert client.get(f"/admin/subscriptions/issue/{issue.pk}/change/").status_code == 200
    assert client.post(f"/admin/subscriptions/issue/{issue.pk}/step/approve/").status_code == 403
    assert (
        client.post(f"/admin/subscriptions/issue/{issue.pk}/save/", {"version": "1", "subject": "Mine"}).status_code
        == 403
    )
    issue.refresh_from_db()
    assert issue.state == Issue.State.DRAFT


def test_the_mail_is_shown_alone_under_a_policy_of_its_own(staff_client: Client, issue: Issue) -> None:
    response = staff_client.get(f"/admin/subscriptions/issue/{issue.pk}/mail/")

    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "/newsletter/unsubscribe/preview/" in response.content.decode()


def test_every_button_saves_first_also_those_that_change_the_state(staff_client: Client, issue: Issue) -> None:
    press(staff_client, issue, "step:approve", subject="Typed a second before")

    issue.refresh_from_db()
    assert issue.state == Issue.State.APPROVED
    assert issue.rendering.subject == "Typed a second before"


def test_a_step_with_a_question_saves_and_then_asks(staff_client: Client, issue: Issue) -> None:
    response = press(staff_client, issue, "step:send-now", subject="Saved all the same")

    issue.refresh_from_db()
    assert response.headers["Location"] == desk_url(issue, "step/send-now")
    assert (issue.subject, issue.state) == ("Saved all the same", Issue.State.DRAFT)


def test_what_was_typed_into_an_issue_that_was_approved_meanwhile_is_shown(staff_client: Client, issue: Issue) -> None:
    mine = form_of(staff_client, issue)
    issues.approve(issue, by=None, at=NOW)

    response = staff_client.post(desk_url(issue, "save"), {**mine, "subject": "Too late, but kept", "act": "save"})

    assert response.status_code == 409
    assert "Too late, but kept" in response.content.decode()
    issue.refresh_from_db()
    assert issue.subject == "The week in seven stories"


def test_send_now_looks_at_an_approved_issue_once_more(staff_client: Client, issue: Issue) -> None:
    issues.approve(issue, by=None, at=NOW)
    # As a hand in the database may do it, without the step that tells the issue.
    Article.objects.filter(picks__issue=issue).update(status=Article.Status.WITHDRAWN, withdrawn_at=NOW)

    response = staff_client.post(desk_url(issue, "step/send-now"), {"confirmed": "yes"}, follow=True)

    issue.refresh_from_db()
    assert issue.state == Issue.State.APPROVED
    assert "is not published" in response.content.decode()
    assert not Delivery.objects.exists()


def test_the_appeal_is_chosen_for_each_issue(staff_client: Client, issue: Issue) -> None:
    press(staff_client, issue, "save", carries_appeal="yes")
    issue.refresh_from_db()
    assert issue.carries_appeal

    mine = form_of(staff_client, issue)
    assert mine.pop("carries_appeal") == "yes"
    staff_client.post(desk_url(issue, "save"), {**mine, "act": "save"})
    issue.refresh_from_db()
    assert not issue.carries_appeal


def test_the_desk_asks_few_questions_however_many_picks(
    staff_client: Client, newsletter: Newsletter, django_assert_max_num_queries: Any
) -> None:
    for _number in range(30):
        make_subscription(newsletter=newsletter)
    issue = make_issue(newsletter=newsletter, articles=[make_article() for _number in range(12)])
    issues.approve(issue, by=None, at=NOW)
    issues.start(issue, by=None, at=NOW)

    with django_assert_max_num_queries(24):
        response = staff_client.get(desk_url(issue))
    assert response.status_code == 200


def test_lists_of_issues_and_deliveries_open(staff_client: Client, newsletter: Newsletter) -> None:
    make_subscription(newsletter=newsletter, email="reader@example.org")
    issue = make_sending_issue(newsletter=newsletter)

    assert staff_client.get("/admin/subscriptions/issue/").status_code == 200
    url = f"/admin/subscriptions/delivery/?issue__id__exact={issue.pk}&state__exact=pending"
    assert "reader@example.org" in staff_client.get(url).content.decode()
    assert staff_client.get("/admin/subscriptions/mailevent/").status_code == 200
