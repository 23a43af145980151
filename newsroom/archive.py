"""The archive by month."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import Count
from django.db.models.functions import TruncMonth

from newsroom.models import Article
from newsroom.outlet import current_outlet


@dataclass(frozen=True)
class Month:
    first_day: date
    articles: int


def months(*, at: datetime) -> list[Month]:
    """Return the months with public articles, newest first, by the outlet's own calendar."""
    zone = ZoneInfo(current_outlet().time_zone)
    rows = (
        Article.objects.published(at)
        .annotate(month=TruncMonth("published_at", tzinfo=zone))
        .values("month")
        .annotate(articles=Count("pk"))
        .order_by("-month")
    )
    return [Month(row["month"].date(), row["articles"]) for row in rows]


def articles_of_month(year: int, month: int, *, at: datetime) -> list[Article]:
    """Return the public articles of one month, newest first, ready for teasers."""
    zone = ZoneInfo(current_outlet().time_zone)
    start = datetime(year, month, 1, tzinfo=zone)
    end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)
    shown = Article.objects.published(at).filter(published_at__gte=start, published_at__lt=end)
    return list(shown.for_cards().newest_first())
