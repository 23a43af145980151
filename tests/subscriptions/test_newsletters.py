"""A newsletter's rhythm: dates, hours and zones."""

from datetime import UTC, date, datetime, time

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from subscriptions.models import Newsletter, NewsletterHoliday
from subscriptions.statements import schedule_in_words
from tests.subscriptions.factories import make_newsletter


@pytest.fixture
def newsletter(db: None) -> Newsletter:
    return make_newsletter()


@pytest.mark.parametrize(
    ("issue_date", "sent_at"),
    [
        (date(2026, 3, 27), datetime(2026, 3, 27, 7, tzinfo=UTC)),
        (date(2026, 4, 3), datetime(2026, 4, 3, 6, tzinfo=UTC)),
        (date(2026, 10, 23), datetime(2026, 10, 23, 6, tzinfo=UTC)),
        (date(2026, 10, 30), datetime(2026, 10, 30, 7, tzinfo=UTC)),
    ],
)
def test_eight_in_berlin_stays_eight_over_the_change_of_clocks(
    newsletter: Newsletter, issue_date: date, sent_at: datetime
) -> None:
    assert newsletter.send_at(issue_date) == sent_at


def test_hour_that_the_clock_skips_or_repeats_is_one_moment(newsletter: Newsletter) -> None:
    newsletter.weekday, newsletter.send_time = 6, time(2, 30)
    assert newsletter.send_at(date(2026, 3, 29)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert newsletter.send_at(date(2026, 10, 25)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 11, 16, 12, tzinfo=UTC), date(2026, 11, 20)),
        (datetime(2026, 11, 20, 6, 59, tzinfo=UTC), date(2026, 11, 20)),
        (datetime(2026, 11, 20, 7, 0, tzinfo=UTC), date(2026, 11, 20)),
        (datetime(2026, 11, 20, 7, 1, tzinfo=UTC), date(2026, 11, 27)),
    ],
)
def test_next_issue_is_the_first_that_is_not_past(newsletter: Newsletter, at: datetime, expected: date) -> None:
    assert newsletter.next_issue_date(at) == expected


def test_day_is_the_newsletters_own(newsletter: Newsletter) -> None:
    """It is Friday in Auckland while London still has Thursday."""
    newsletter.time_zone = "Pacific/Auckland"
    assert newsletter.next_issue_date(datetime(2026, 11, 19, 18, tzinfo=UTC)) == date(2026, 11, 20)
    assert newsletter.send_at(date(2026, 11, 20)) == datetime(2026, 11, 19, 19, tzinfo=UTC)


def test_holiday_is_skipped(newsletter: Newsletter) -> None:
    for day in (25, 18):
        NewsletterHoliday.objects.create(newsletter=newsletter, date=date(2026, 12, day))
    assert newsletter.next_issue_date(datetime(2026, 12, 14, tzinfo=UTC)) == date(2027, 1, 1)


def test_rhythm_in_words(newsletter: Newsletter) -> None:
    assert schedule_in_words(newsletter) == "every Friday at 08:00, Berlin time"
    newsletter.time_zone = "America/New_York"
    assert schedule_in_words(newsletter) == "every Friday at 08:00, New York time"
    newsletter.time_zone = "UTC"
    assert schedule_in_words(newsletter) == "every Friday at 08:00, UTC"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_zone", "Berlin"),
        ("time_zone", "../../etc/passwd"),
        ("slug", "unsubscribe"),
        ("list_id", "no-dot"),
        ("weekday", 7),
        ("minimum_picks", 40),
    ],
)
def test_mistakes_are_refused_in_the_form(newsletter: Newsletter, field: str, value: object) -> None:
    setattr(newsletter, field, value)
    with pytest.raises(ValidationError):
        newsletter.full_clean()


@pytest.mark.parametrize("change", [{"weekday": 7}, {"minimum_picks": 40}, {"slug": "confirm"}, {"too_late_hours": 0}])
def test_mistakes_are_refused_by_the_database(newsletter: Newsletter, change: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Newsletter.objects.filter(pk=newsletter.pk).update(**change)
