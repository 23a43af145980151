"""The archive by month."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import connection

from newsroom.models import Article
from newsroom.models.articles import ArticleQuerySet
from newsroom.outlet import current_outlet

# One walk over a stretch of the index per month. Grouping by the month instead works every moment of the archive out
# in the outlet's zone, and sorts them.
_COUNT = """
SELECT number, articles
FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS months (starts, ends, number),
LATERAL (
    SELECT count(*) AS articles FROM newsroom_article
    WHERE status IN ('scheduled', 'published')
    AND published_at >= starts AND published_at < ends AND published_at <= %(at)s
) AS counted
WHERE articles > 0
"""


@dataclass(frozen=True)
class Month:
    first_day: date
    articles: int


def months(*, at: datetime) -> list[Month]:
    """Return the months with public articles, newest first, by the outlet's own calendar."""
    zone = ZoneInfo(current_outlet().time_zone)
    oldest = Article.objects.published(at).order_by("published_at").values_list("published_at", flat=True).first()
    if oldest is None:
        return []
    starts = [_start(oldest.astimezone(zone).date(), zone)]
    while starts[-1] <= at:
        starts.append(_start(_next_month(starts[-1]), zone))
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"starts": starts[:-1], "ends": starts[1:], "at": at})
        counts = dict(cursor.fetchall())
    return [Month(starts[number - 1].date(), counts[number]) for number in sorted(counts, reverse=True)]


def of_month(year: int, month: int) -> ArticleQuerySet:
    """Keep the articles of one month by the outlet's own calendar, public or not."""
    zone = ZoneInfo(current_outlet().time_zone)
    start = datetime(year, month, 1, tzinfo=zone)
    end = _start(_next_month(start), zone)
    return Article.objects.filter(published_at__gte=start, published_at__lt=end)


def _start(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, 1, tzinfo=zone)


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
