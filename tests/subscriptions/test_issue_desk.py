"""Editors make an issue on the desk: words, picks, steps, previews, and two editors at once."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from newsroom.models import HistoryEntry, OutgoingMail
from subscriptions import issues
from subscriptions.models import Delivery, Issue, Newsletter, Pick
from tests.newsroom.factories import make_article
from tests.subscriptions.factories import NOW, make_subscription
from tests.subscriptions.issue_factories import make_issue, make_sending_issue

pytestmark = pytest.mark.django_db


@pytest.fixture
def issue(newsletter: Newsletter) -> Issue:
    return make_issue(newsletter=newsletter)


def form_of(client: Client, issue: Issue) -> dict[str, str]:
    """Return the fields of the desk's form as the browser would send them."""
    page = client.get(f"/admin/subscriptions/issue/{issue.pk}/change/").content.decode()
    fields = dict(re.findall(r'<input type="(?:hidden|text)"[^>]* name="([\w-]+)" value="([^"]*)"', page))
    fields |= dict(re.findall(r'<textarea[^>]* name="([\w-]+)"[^>]*>([^<]*)</textarea>', page))
    return {name: value for name, value in fields.items() if name != "csrfmiddlewaretoken"}


def press(client: Client, issue: Issue, act: str, **changes: str) -> Any:
    return client.post(
        f"/admin/subscriptions/issue/{issue.pk}/save/", {**form_of(client, issue), **changes, "act": act}
    )


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
    assert Delivery.objects.count() == 0

    staff_client.post(f"/admin/subscriptions/issue/{issue.pk}/step/send-now/", {"confirmed": "yes"})
    issue.refresh_from_db()
    assert issue.state == Issue.State.SENDING
    assert Delivery.objects.count() == 2


def test_cancelling_needs_a_reason_and_writes_it_down(staff_client: Client, newsletter: Newsletter) -> None:
    make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)
    url = f"/admin/subscriptions/issue/{issue.pk}/step/cancel/"

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
    assert client.post(f"/admin/subscriptions/issue/{issue.pk}/save/", {"version": "1"}).status_code == 403
    issue.refresh_from_db()
    assert issue.state == Issue.State.DRAFT


def test_the_mail_is_shown_alone_under_a_policy_of_its_own(staff_client: Client, issue: Issue) -> None:
    response = staff_client.get(f"/admin/subscriptions/issue/{issue.pk}/mail/")

    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "/newsletter/unsubscribe/preview/" in response.content.decode()


def test_a_test_goes_to_the_editor_alone_with_dead_links(staff_client: Client, issue: Issue) -> None:
    staff_client.post(f"/admin/subscriptions/issue/{issue.pk}/test/")

    mail = OutgoingMail.objects.get()
    assert mail.address == "staff@meridian.example"
    assert "/newsletter/unsubscribe/preview/" in mail.context["html"]


def test_the_desk_asks_few_questions_however_many_picks(
    staff_client: Client, newsletter: Newsletter, django_assert_max_num_queries: Any
) -> None:
    for _number in range(30):
        make_subscription(newsletter=newsletter)
    issue = make_issue(newsletter=newsletter, articles=[make_article() for _number in range(12)])
    issues.approve(issue, by=None, at=NOW)
    issues.start(issue, by=None, at=NOW)

    with django_assert_max_num_queries(22):
        staff_client.get(f"/admin/subscriptions/issue/{issue.pk}/change/")


def test_lists_of_issues_and_deliveries_open(staff_client: Client, newsletter: Newsletter) -> None:
    make_subscription(newsletter=newsletter, email="reader@example.org")
    issue = make_sending_issue(newsletter=newsletter)

    assert staff_client.get("/admin/subscriptions/issue/").status_code == 200
    url = f"/admin/subscriptions/delivery/?issue__id__exact={issue.pk}&state__exact=pending"
    assert "reader@example.org" in staff_client.get(url).content.decode()
    assert staff_client.get("/admin/subscriptions/mailevent/").status_code == 200
