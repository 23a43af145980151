"""Calendar arithmetic of billing periods, safe at month ends."""

import calendar
import datetime

SECONDS = {"day": 86_400, "week": 7 * 86_400}
MONTHS = {"month": 1, "year": 12}


def add_months(moment: int, months: int) -> int:
    """Return the same time of day some months later, on the month's last day where the day does not exist."""
    start = datetime.datetime.fromtimestamp(moment, datetime.UTC)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def shifted(anchor: int, interval: str, count: int, times: int) -> int:
    """Return the anchor moved by a number of intervals."""
    if interval in SECONDS:
        return anchor + SECONDS[interval] * count * times
    return add_months(anchor, MONTHS[interval] * count * times)


def next_boundary(anchor: int, after: int, interval: str, count: int) -> int:
    """Return the first period boundary later than a moment.

    It is counted from the anchor, so a subscription of the 31st comes back to the 31st after February.
    """
    times = 1
    if interval in SECONDS:
        times = max(1, (after - anchor) // (SECONDS[interval] * count))
    while shifted(anchor, interval, count, times) <= after:
        times += 1
    return shifted(anchor, interval, count, times)
