"""Looking at an issue before it leaves: while typing, by a link without an account, and in one's own mailbox."""

from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from newsroom.models import HistoryEntry, OutgoingMail
from subscriptions import issues, sharing
from subscriptions.messages import TOKEN_MARKER
from subscriptions.models import Issue, Newsletter, PreviewLink
from tests.newsroom.factories import make_article
from tests.subscriptions.desk import desk_url, form_of, press
from tests.subscriptions.factories import NOW
from tests.subscriptions.issue_factories import make_issue

pytestmark = pytest.mark.django_db


@pytest.fixture
def issue(newsletter: Newsletter) -> Issue:
    return make_issue(newsletter=newsletter)


def test_the_preview_shows_what_is_typed_and_stores_nothing(staff_client: Client, issue: Issue) -> None:
    first = issue.picks.in_order()[0]
    typed = {"letter": "Half a sentence", f"headline-{first.pk}": "A better headline", "look": "light"}

    response = press(staff_client, issue, "", to="preview", **typed)

    html = response.content.decode()
    assert "Half a sentence" in html
    assert "A better headline" in html
    assert f'id="pick-{first.pk}"' in html
    assert "/newsletter/unsubscribe/preview/" in html
    assert TOKEN_MARKER not in html
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    fresh = Issue.objects.get(pk=issue.pk)
    assert (fresh.letter, fresh.version) == (issue.letter, issue.version)


def test_the_preview_has_a_dark_look_and_the_text(staff_client: Client, issue: Issue) -> None:
    dark = press(staff_client, issue, "", to="preview", look="dark").content.decode()
    light = press(staff_client, issue, "", to="preview", look="light").content.decode()
    text = press(staff_client, issue, "", to="preview", look="text", letter="In plain words")

    assert "@media all" in dark
    assert "@media not all" in light
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "In plain words" in text.content.decode()


def test_the_meter_and_the_list_follow_the_typing(staff_client: Client, issue: Issue) -> None:
    answer = press(
        staff_client, issue, "", to="measure", subject="", letter="see http://nowhere and\n\n" + "long " * 9_000
    ).json()

    assert answer["findings"][0] == {"text": "The subject is missing.", "is_obstacle": True}
    assert "This link leads nowhere: http://nowhere" in [finding["text"] for finding in answer["findings"]]
    small = press(staff_client, issue, "", to="measure").json()
    assert 0 < small["share"] < answer["share"]
    assert not small["is_near_limit"]
    assert small["words"].endswith("of the 102 KB that Gmail shows")


def test_a_frozen_issue_is_previewed_as_frozen(staff_client: Client, issue: Issue) -> None:
    issues.approve(issue, by=None, at=NOW)
    Issue.objects.filter(pk=issue.pk).update(letter="Not what was approved")

    for response in (
        staff_client.get(desk_url(issue, "mail")),
        staff_client.post(desk_url(issue, "preview"), {"look": "light", "subject": "x", "letter": "typed"}),
    ):
        assert "this is the letter." in response.content.decode()
    assert staff_client.post(desk_url(issue, "measure")).json()["findings"] == []


def test_previews_are_for_staff_who_see_issues(client: Client, issue: Issue) -> None:
    client.force_login(User.objects.create_user("intern", "i@meridian.example", "correct horse", is_staff=True))

    assert client.get(desk_url(issue, "mail")).status_code == 403
    assert client.post(desk_url(issue, "preview"), {"subject": "x"}).status_code == 403
    assert client.post(desk_url(issue, "measure"), {"subject": "x"}).status_code == 403


def shared(staff_client: Client, issue: Issue, note: str = "our lawyer") -> tuple[PreviewLink, str]:
    press(staff_client, issue, "share", note=note)
    link = PreviewLink.objects.get()
    return link, urlsplit(sharing.preview_url(link)).path


def test_a_shared_link_opens_without_an_account_and_leaves_no_trace(
    staff_client: Client, client: Client, issue: Issue
) -> None:
    link, path = shared(staff_client, issue)

    page, mail = client.get(path), client.get(f"{path}mail/")

    assert (page.status_code, mail.status_code) == (200, 200)
    for response in (page, mail):
        assert response.headers["Cache-Control"] == "no-store"
        assert "noindex" in response.headers["X-Robots-Tag"]
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert not response.cookies
    assert f'<iframe sandbox src="{path}mail/"' in page.content.decode()
    assert "<script" not in page.content.decode() + mail.content.decode()
    assert "this is the letter." in mail.content.decode()
    assert "/newsletter/unsubscribe/preview/" in mail.content.decode()
    assert client.get("/newsletter/unsubscribe/preview/").status_code == 404
    assert "default-src 'none'" in mail.headers["Content-Security-Policy"]
    assert "@media all" in client.get(f"{path}mail/?look=dark").content.decode()
    assert "text/plain" in client.get(f"{path}mail/?look=text").headers["Content-Type"]
    entry = HistoryEntry.objects.get(action="issue.shared")
    assert (str(entry.actor), entry.reason) == ("staff", "our lawyer")
    assert "our lawyer" in staff_client.get(desk_url(issue)).content.decode()
    assert (link.expires_at - link.made_at) == timedelta(days=7)


def test_a_revoked_link_is_over_and_so_is_an_expired_or_an_invented_one(
    staff_client: Client, client: Client, issue: Issue
) -> None:
    link, path = shared(staff_client, issue)

    press(staff_client, issue, f"revoke:{link.pk}")
    assert (client.get(path).status_code, client.get(f"{path}mail/").status_code) == (410, 410)
    assert "this is the letter." not in client.get(f"{path}mail/").content.decode()
    assert HistoryEntry.objects.filter(action="issue.preview_revoked").count() == 1

    long_ago = timezone.now() - timedelta(days=8)
    PreviewLink.objects.update(revoked_at=None, made_at=long_ago, expires_at=long_ago + timedelta(days=7))
    assert client.get(path).status_code == 410
    PreviewLink.objects.update(expires_at=timezone.now() + timedelta(days=1))
    assert client.get(path).status_code == 200
    assert client.get("/newsletter/issues/forged/").status_code == 410


def test_a_link_opens_its_own_issue_alone(staff_client: Client, newsletter: Newsletter, issue: Issue) -> None:
    other = make_issue(newsletter=newsletter, issue_date=issue.issue_date + timedelta(days=7), articles=[])
    link, _path = shared(staff_client, issue)

    press(staff_client, other, f"revoke:{link.pk}")

    link.refresh_from_db()
    assert link.revoked_at is None


def test_who_may_only_look_may_not_share(client: Client, issue: Issue) -> None:
    reporter = User.objects.create_user("reporter", "r@meridian.example", "correct horse", is_staff=True)
    reporter.user_permissions.add(Permission.objects.get(codename="view_issue"))
    client.force_login(reporter)

    assert client.post(desk_url(issue, "save"), {"act": "share"}).status_code == 403
    assert not PreviewLink.objects.exists()
    assert "Make a link" not in client.get(desk_url(issue)).content.decode()


def test_a_test_goes_to_the_editor_with_dead_links(
    staff_client: Client, issue: Issue, send_mail_now: Callable[[], list[EmailMessage]]
) -> None:
    press(staff_client, issue, "test:me", subject="Пробный выпуск 🐝")

    (mail,) = send_mail_now()
    assert str(mail["To"]) == "staff@meridian.example"
    assert str(mail["Subject"]) == "Test: Пробный выпуск 🐝"
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        assert "/newsletter/unsubscribe/preview/" in part.get_content()
        assert TOKEN_MARKER not in part.get_content()


def test_a_test_goes_to_each_address_of_the_seed_list(
    staff_client: Client, newsletter: Newsletter, issue: Issue
) -> None:
    assert "seed list" not in staff_client.get(desk_url(issue)).content.decode()
    newsletter.seed_addresses = "a@seeds.example\r\nb@seeds.example\r\na@seeds.example\r\n"
    newsletter.full_clean()
    newsletter.save()

    response = staff_client.post(
        desk_url(issue, "save"), {**form_of(staff_client, issue), "act": "test:seeds"}, follow=True
    )

    assert "2 tests are on their way." in response.content.decode()
    assert sorted(OutgoingMail.objects.values_list("address", flat=True)) == ["a@seeds.example", "b@seeds.example"]


@pytest.mark.parametrize("text", ["no address", "x@a.example " * 21])
def test_a_seed_list_holds_a_few_addresses(newsletter: Newsletter, text: str) -> None:
    newsletter.seed_addresses = text

    with pytest.raises(ValidationError) as refused:
        newsletter.full_clean()
    assert list(refused.value.message_dict) == ["seed_addresses"]


def test_a_test_needs_an_address(client: Client, issue: Issue, staff_user: Any) -> None:
    User.objects.update(email="")
    client.force_login(User.objects.get(pk=staff_user.pk))

    response = client.post(desk_url(issue, "save"), {"act": "test:me"}, follow=True)

    assert "There is no address" in response.content.decode()
    assert not OutgoingMail.objects.exists()


def test_a_preview_costs_the_same_for_many_picks(
    staff_client: Client, newsletter: Newsletter, django_assert_max_num_queries: Any
) -> None:
    issue = make_issue(newsletter=newsletter, articles=[make_article() for _number in range(15)])
    fields = form_of(staff_client, issue)

    with django_assert_max_num_queries(12):
        assert staff_client.post(desk_url(issue, "measure"), fields).status_code == 200
