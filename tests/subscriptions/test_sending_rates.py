"""Mail leaves no faster than the limits say, however many workers there are and whether Redis is there or not."""

import time
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.utils import timezone
from redis import Redis

from subscriptions import claims, issues, rates, sending
from subscriptions.models import Delivery, Issue, Newsletter, SendingLimit
from subscriptions.transports import Outcome, Verdict
from tests.mailbox import Mailbox
from tests.subscriptions.factories import NOW, make_subscription
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


def test_a_domain_that_complains_soon_again_rests_longer_and_begins_easily(newsletter: Newsletter) -> None:
    deliveries = [claims.Claimed(1, UUID(int=1), 0, "reader@gmail.example", UUID(int=2))]
    outcomes = [Outcome(1, Verdict.DEFERRED, 421, "4.7.28 unusual rate")]

    def complain(at: datetime) -> datetime:
        rates.Limits(at).learn(deliveries, outcomes, at=at)
        rests_until = SendingLimit.objects.get(domain="gmail.example").rests_until
        assert rests_until is not None
        return rests_until

    first = complain(NOW)
    assert first == NOW + timedelta(minutes=10)
    # Complaints of other windows that were on their way do not add up.
    assert complain(NOW + timedelta(seconds=1)) == first
    second = complain(first + timedelta(minutes=5))
    assert second == first + timedelta(minutes=25)
    assert complain(second + timedelta(hours=2)) == second + timedelta(hours=2, minutes=10)

    limit = SendingLimit(domain="x.example", rests_until=NOW)
    assert limit.rate(NOW) == 60
    assert limit.rate(NOW + timedelta(minutes=10)) == 240
    assert limit.rate(NOW + timedelta(hours=1)) is None


def test_a_new_sender_warms_up_over_six_weeks() -> None:
    limit = SendingLimit(domain="", warms_up_from=NOW.date())
    days = [limit.rate(NOW + timedelta(days=number)) for number in range(43)]

    assert days[0] == pytest.approx(200 / 1440)
    assert days[1] == pytest.approx(240 / 1440)
    assert all(later > earlier for earlier, later in pairwise(day for day in days if day is not None))
    assert days[41] == pytest.approx(200 * 1.2**41 / 1440)
    assert days[42] is None
    # A limit of its own still holds where it is the smaller one.
    limit.per_minute = 1
    assert limit.rate(NOW + timedelta(days=30)) == 1


def test_a_slow_rate_leaves_the_worker_free_until_the_next_tick(newsletter: Newsletter, smtp: Mailbox) -> None:
    SendingLimit.objects.create(domain="", warms_up_from=timezone.now().date())
    for _number in range(3):
        make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)
    began = time.monotonic()

    turn = sending.send_issue(issue.pk)

    assert turn.stop is sending.Stop.RATE
    assert len(smtp.messages) == 1
    assert time.monotonic() - began < 5
    assert set(Delivery.objects.values_list("state", flat=True)) == {"accepted", "pending"}


def test_a_server_that_refuses_nearly_everyone_stops_an_issue_that_leaves_by_ones(
    newsletter: Newsletter, smtp: Mailbox
) -> None:
    """Below 60 a minute a whole turn holds fewer answers than make an alarm, so the hour is judged."""
    SendingLimit.objects.create(domain="", per_minute=30)
    for _number in range(25):
        make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)
    smtp.answer_next(*["550 5.7.1 not from here"] * 25)

    refused = []
    while Issue.objects.get(pk=issue.pk).paused_at is None:
        assert sum(refused) < 25
        Redis.from_url(settings.CACHE_URL).flushdb()  # A minute passes: the bucket is full again.
        # On a busy machine so short a turn may be over before it has sent anything.
        refused.append(sending.send_issue(issue.pk, seconds=0.05).refused)
        assert refused[-1] <= 1

    issue.refresh_from_db()
    assert sum(refused) == sending.SUSPICIOUS_REFUSALS
    assert issue.pause_reason == "The mail server refuses nearly everyone: 550 5.7.1 not from here"

    # An editor who says to go on is believed until it is seen again.
    issues.resume(issue, by=None, at=timezone.now())
    Redis.from_url(settings.CACHE_URL).flushdb()
    assert sending.send_issue(issue.pk, seconds=0.05).stop is not sending.Stop.PAUSED
