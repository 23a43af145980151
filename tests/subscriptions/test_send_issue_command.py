"""`manage.py send_issue` lets a newcomer see an issue leave today."""

from datetime import timedelta
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from subscriptions.models import Delivery, Issue, Newsletter, Subscription
from tests.mailbox import Mailbox
from tests.newsroom.factories import make_article
from tests.subscriptions.factories import make_newsletter, make_subscription

pytestmark = pytest.mark.django_db


def send_issue(*words: str) -> str:
    out = StringIO()
    call_command("send_issue", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def readers(newsletter: Newsletter) -> Newsletter:
    for days in range(3):
        make_article(published_at=timezone.now() - timedelta(days=days, hours=1))
    for _number in range(2):
        make_subscription(newsletter=newsletter)
    return newsletter


def test_now_sends_to_everyone_and_says_so(readers: Newsletter, smtp: Mailbox) -> None:
    make_subscription(newsletter=readers, state=Subscription.State.PENDING)

    said = send_issue("--now")

    issue = Issue.objects.get()
    assert issue.state == Issue.State.SENT
    assert len(smtp.messages) == 2
    assert "Prepared for 2 readers of 3 subscriptions.\n  not written to: 1 (has still to confirm)" in said
    assert "So far: 2 accepted by the mail server." in said
    assert f"{settings.SITE_URL}{issue.get_absolute_url()}" in said
    assert "{" not in said


def test_a_second_call_on_the_same_day_sends_nothing(readers: Newsletter, smtp: Mailbox) -> None:
    send_issue("--now")

    with pytest.raises(CommandError, match="is sent"):
        send_issue("--now")

    assert len(smtp.messages) == 2


def test_without_now_the_workers_are_left_to_it(readers: Newsletter, smtp: Mailbox) -> None:
    send_issue()

    assert Issue.objects.get().state == Issue.State.SENDING
    assert Delivery.objects.count() == 2
    assert smtp.messages == []


def test_a_dry_run_changes_nothing(readers: Newsletter) -> None:
    assert "would go to 2 readers" in send_issue("--dry-run")
    assert not Issue.objects.exists()


def test_several_newsletters_must_be_named(readers: Newsletter) -> None:
    make_newsletter(slug="other")

    with pytest.raises(CommandError, match="friday, other"):
        send_issue("--now")


def test_a_moment_needs_its_offset(readers: Newsletter) -> None:
    with pytest.raises(CommandError, match="offset"):
        send_issue("--at", "2026-11-20T08:00")


def test_an_issue_without_articles_is_refused_in_words(newsletter: Newsletter) -> None:
    with pytest.raises(CommandError, match="No article is picked"):
        send_issue("--now")
