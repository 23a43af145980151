"""The hour of an issue is the readers' own: summer time, far zones and leap days."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from django.contrib.auth.models import User

from newsroom.models import Article
from subscriptions import schedule
from subscriptions.models import Issue, Newsletter, Pick
from tests.newsroom.factories import make_article
from tests.subscriptions.factories import make_newsletter
from tests.subscriptions.issue_factories import make_stories
from tests.subscriptions.weeks import run, states

SEND = Newsletter.WithoutApproval.SEND


@pytest.mark.parametrize(
    ("zone", "hour", "day", "expected"),
    [
        # Summer time ends on 25 October 2026 and begins on 29 March 2026 in Berlin.
        ("Europe/Berlin", time(8, 0), date(2026, 10, 23), datetime(2026, 10, 23, 6, 0, tzinfo=UTC)),
        ("Europe/Berlin", time(8, 0), date(2026, 10, 30), datetime(2026, 10, 30, 7, 0, tzinfo=UTC)),
        # An hour that comes twice is the first of the two; one that is skipped is as late as it would have been.
        ("Europe/Berlin", time(2, 30), date(2026, 10, 25), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("Europe/Berlin", time(2, 30), date(2026, 3, 29), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("Pacific/Kiritimati", time(8, 0), date(2026, 11, 20), datetime(2026, 11, 19, 18, 0, tzinfo=UTC)),
        ("Pacific/Pago_Pago", time(8, 0), date(2026, 11, 20), datetime(2026, 11, 20, 19, 0, tzinfo=UTC)),
        ("Australia/Lord_Howe", time(8, 0), date(2026, 11, 20), datetime(2026, 11, 19, 21, 0, tzinfo=UTC)),
        ("Asia/Kathmandu", time(8, 0), date(2028, 2, 29), datetime(2028, 2, 29, 2, 15, tzinfo=UTC)),
        # Samoa had no 30 December 2011.
        ("Pacific/Apia", time(8, 0), date(2011, 12, 30), datetime(2011, 12, 30, 18, 0, tzinfo=UTC)),
    ],
)
def test_the_hour_is_the_newsletters_own(zone: str, hour: time, day: date, expected: datetime) -> None:
    assert Newsletter(time_zone=zone, send_time=hour).send_at(day) == expected


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Cairo"]
)
@pytest.mark.parametrize("hour", [time(0, 0), time(2, 30), time(8, 0), time(23, 59)])
def test_a_year_has_one_issue_for_each_friday(db: None, zone: str, hour: time) -> None:
    newsletter = make_newsletter(time_zone=zone, send_time=hour)
    at = datetime(2027, 12, 29, 12, 0, tzinfo=UTC)
    planned = []
    # A leap year, asked every 23 hours, so that the days around each switch are met at many local hours.
    while at < datetime(2029, 1, 4, tzinfo=UTC):
        planned.append(newsletter.next_issue_date(at))
        assert newsletter.send_at(planned[-1]) >= at
        at += timedelta(hours=23)
    dates = sorted(set(planned))
    assert planned == sorted(planned)
    assert all(day.weekday() == 4 for day in dates)
    assert all(later - earlier == timedelta(days=7) for earlier, later in pairwise(dates))


def test_a_week_with_a_change_of_clocks_has_its_issue_at_the_readers_hour(staff_user: User) -> None:
    make_stories(count=8)
    Article.objects.update(published_at=datetime(2026, 3, 1, tzinfo=UTC))
    letters = {
        "Europe/Berlin": (date(2026, 3, 29), date(2026, 10, 25)),
        "America/New_York": (date(2026, 3, 8), date(2026, 11, 1)),
        "Australia/Lord_Howe": (date(2026, 4, 5), date(2026, 10, 4)),
    }
    for zone, changes in letters.items():
        for change in changes:
            # The very day of the change, at an hour that it skips or repeats in most of these zones. A letter for each,
            # because the weeks between them would be written down as missed.
            newsletter = make_newsletter(
                without_approval=SEND, minimum_picks=1, time_zone=zone, weekday=6,
                send_time=time(2, 30), too_late_hours=1,
            )  # fmt: skip
            due = newsletter.send_at(change)
            Article.objects.update(published_at=due - timedelta(days=4))
            Pick.objects.all().delete()
            schedule.tick(at=due - timedelta(hours=30))
            schedule.tick(at=due - timedelta(hours=20))
            run(due - timedelta(minutes=90), due + timedelta(minutes=90), timedelta(minutes=30))
            issue = Issue.objects.get(newsletter=newsletter, issue_date=change)
            # Two that have the same name on the clock and are an hour apart send once, at the first.
            assert (str(issue.state), issue.started_at) in {("sending", due), ("sent", due)}
            Newsletter.objects.filter(pk=newsletter.pk).update(is_active=False)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_leap_friday_at_the_ends_of_the_world_leaves_once(zone: str, staff_user: User) -> None:
    newsletter = make_newsletter(without_approval=SEND, minimum_picks=1, time_zone=zone, weekday=1)
    # 29 February 2028 is a Tuesday.
    due = newsletter.send_at(date(2028, 2, 29))
    make_article(published_at=due - timedelta(days=3))

    run(due - timedelta(days=2), due + timedelta(hours=2), timedelta(hours=1))

    assert states(newsletter) == {"2028-02-29": "sent", "2028-03-07": "draft"}
    assert due.astimezone(newsletter.zone).isoformat().startswith("2028-02-29T08:00")
