"""Mail leaves no faster than the limits say, however many workers there are and whether Redis is there or not."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from subscriptions import rates, sending
from subscriptions.models import Delivery, Issue, Newsletter, SendingLimit
from tests.mailbox import Mailbox
from tests.subscriptions.factories import make_subscription
from tests.subscriptions.issue_factories import make_sending_issue

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty_buckets() -> None:
    rates._local_buckets.clear()
    rates._script.cache_clear()


def test_a_bucket_is_shared_and_fills_at_its_rate() -> None:
    taken, _wait = rates.take("x", 100, per_minute=600)
    assert taken == 20  # Two seconds' worth.

    again, wait = rates.take("x", 100, per_minute=600)
    assert again <= 1
    assert 0 < wait <= 0.11


def test_without_redis_a_process_takes_a_quarter(settings: Any) -> None:
    settings.CACHE_URL = "unix:///nowhere/redis.sock?db=0"

    taken, _wait = rates.take("x", 100, per_minute=600)

    assert taken == 5


def test_a_domain_gets_its_share_and_the_rest_goes_on(newsletter: Newsletter, smtp: Mailbox) -> None:
    SendingLimit.objects.create(domain="slow.example", per_minute=60)
    for number in range(6):
        make_subscription(newsletter=newsletter, email=f"reader{number}@slow.example")
    make_subscription(newsletter=newsletter, email="reader@quick.example")
    issue = make_sending_issue(newsletter=newsletter)

    sending.send_issue(issue.pk, seconds=1.0)

    issue.refresh_from_db()
    recipients = [str(message["To"]) for message in smtp.messages]
    waiting = Delivery.objects.filter(issue=issue, state="pending").order_by("not_before")
    assert "reader@quick.example" in recipients
    assert len(recipients) == 3
    assert issue.state == Issue.State.SENDING
    assert set(waiting.values_list("tries", "reason")) == {(0, "rate")}
    moments = list(waiting.values_list("not_before", flat=True))
    assert moments[-1] - moments[0] >= timedelta(seconds=2.9)


def test_the_overall_rate_holds_a_worker_back(newsletter: Newsletter, smtp: Mailbox) -> None:
    SendingLimit.objects.create(domain="", per_minute=60)
    for _number in range(6):
        make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)

    turn = sending.send_issue(issue.pk, seconds=1.5)

    assert turn.stop is sending.Stop.TURN_IS_OVER
    assert 2 <= len(smtp.messages) <= 4


def test_a_server_that_refuses_nearly_everyone_stops_an_issue_that_leaves_by_the_handful(
    newsletter: Newsletter, smtp: Mailbox
) -> None:
    SendingLimit.objects.create(domain="", per_minute=300)
    for _number in range(25):
        make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)
    smtp.answer_next("250 2.0.0 taken over", *["550 5.7.1 not from here"] * 24)

    turn = sending.send_issue(issue.pk)

    issue.refresh_from_db()
    assert turn.stop is sending.Stop.PAUSED
    assert 20 <= turn.refused < 24
    assert issue.pause_reason == "The mail server refuses nearly everyone: 550 5.7.1 not from here"


def test_a_domain_that_says_we_are_too_fast_rests(newsletter: Newsletter, smtp: Mailbox) -> None:
    for number in range(3):
        make_subscription(newsletter=newsletter, email=f"reader{number}@gmail.example")
    issue = make_sending_issue(newsletter=newsletter)
    smtp.answer_next(*["421 4.7.28 Our system has detected an unusual rate"] * 3)

    sending.send_issue(issue.pk)

    limit = SendingLimit.objects.get(domain="gmail.example")
    assert limit.rests_until is not None
    assert limit.rests_until > timezone.now() + timedelta(minutes=9)
    Delivery.objects.filter(state="pending").update(not_before=None)
    sending.send_issue(issue.pk)
    assert smtp.messages == []
    assert set(Delivery.objects.values_list("reason", flat=True)) == {"rate"}
