"""What articles and appeals brought in: by currency, because sums of several currencies mean nothing."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, F, Model, QuerySet, Sum
from django.db.models.functions import TruncMonth, TruncWeek
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from donations.models import Appeal, Frequency, Payment
from donations.money import format_money
from newsroom.charts import bars
from newsroom.models import Article

SOURCES: dict[str, type[Model]] = {"article": Article, "appeal": Appeal}
# So many rows of one currency are listed by name; the rest is one row.
MOST_NAMED = 25
# Up to so many days a chart has a bar for each week, beyond for each month.
MOST_DAYS_IN_WEEKS = 120

# What has arrived and neither went back nor is held by a bank.
KEPT = F("gross") - F("refunded") - F("disputed")


@dataclass(frozen=True)
class Line:
    """One row of the table. `pk` is the source's, None for gifts that came from nowhere in particular."""

    title: str
    number: int
    kept: int
    kept_written: str
    pk: int | None = None


@dataclass
class Section:
    """One currency: its lines, the largest first, their sum, and a chart of the same figures."""

    currency: str
    number: int = 0
    kept: int = 0
    lines: list[Line] = field(default_factory=list)
    chart: dict[str, Any] = field(default_factory=dict)

    @property
    def kept_written(self) -> str:
        return written(self.kept, self.currency)


def written(amount: int, currency: str) -> str:
    return format_money(amount, currency, exact=True)


def paid_since(since: date | None, *, until: date) -> QuerySet[Payment]:
    rows = Payment.objects.filter(state=Payment.State.PAID, gift_date__lte=until)
    return rows if since is None else rows.filter(gift_date__gte=since)


def by_source(source: str, *, since: date, until: date) -> list[Section]:
    """Return what each article, or each appeal, brought in during some days. Costs two queries."""
    key = f"donation__{source}_id"
    paid: Any = paid_since(since, until=until).values("currency", key)
    rows = list(paid.annotate(number=Count("pk"), income=Sum(KEPT)).order_by("currency", "-income", key))
    sections = _sections((row["currency"], row["number"], row["income"]) for row in rows)
    named: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if len(named[row["currency"]]) < MOST_NAMED:
            named[row["currency"]].append(row)
    titles = _titles(source, {row[key] for some in named.values() for row in some} - {None})
    for section in sections:
        for row in named[section.currency]:
            nowhere = _("No article") if source == "article" else _("No appeal")
            title = titles.get(row[key], nowhere)
            kept = written(row["income"], section.currency)
            section.lines.append(Line(title, row["number"], row["income"], kept, pk=row[key]))
        _add_the_rest(section)
        section.chart = _chart(_("Income in %(currency)s") % {"currency": section.currency}, section.lines)
    return sections


def of_one(source: str, pk: int, *, since: date | None, until: date) -> list[Section]:
    """Return what one article or appeal brought in, by frequency, with a chart by week or month."""
    paid: Any = paid_since(since, until=until).filter(**{f"donation__{source}_id": pk})
    rows = paid.values("currency", "frequency").annotate(number=Count("pk"), income=Sum(KEPT))
    rows = list(rows.order_by("currency", "frequency"))
    sections = _sections((row["currency"], row["number"], row["income"]) for row in rows)
    in_weeks = since is not None and (until - since).days <= MOST_DAYS_IN_WEEKS
    turns = paid.annotate(turn=TruncWeek("gift_date") if in_weeks else TruncMonth("gift_date"))
    turns = list(turns.values("currency", "turn").annotate(income=Sum(KEPT)).order_by("currency", "turn"))
    title = _("Income in %(currency)s by week") if in_weeks else _("Income in %(currency)s by month")
    for section in sections:
        for row in rows:
            if row["currency"] == section.currency:
                label = str(Frequency(row["frequency"]).label)
                kept = written(row["income"], section.currency)
                section.lines.append(Line(label, row["number"], row["income"], kept))
        of_turn = {row["turn"]: row["income"] for row in turns if row["currency"] == section.currency}
        points = [(date_format(day), kept, written(kept, section.currency)) for day, kept in _filled(of_turn, in_weeks)]
        section.chart = bars(title % {"currency": section.currency}, points)
    return sections


def _sections(rows: Iterable[tuple[str, int, int]]) -> list[Section]:
    sections: dict[str, Section] = {}
    for currency, number, kept in rows:
        section = sections.setdefault(currency, Section(currency))
        section.number += number
        section.kept += kept
    return [sections[currency] for currency in sorted(sections)]


def _titles(source: str, pks: set[int]) -> dict[int, str]:
    name = "headline" if source == "article" else "title"
    return dict(SOURCES[source]._default_manager.filter(pk__in=pks).values_list("pk", name))


def _add_the_rest(section: Section) -> None:
    number = section.number - sum(line.number for line in section.lines)
    kept = section.kept - sum(line.kept for line in section.lines)
    if number:
        section.lines.append(Line(_("All others"), number, kept, written(kept, section.currency)))


def _chart(title: str, lines: list[Line]) -> dict[str, Any]:
    return bars(title, [(line.title, max(line.kept, 0), line.kept_written) for line in lines])


def _filled(of_turn: dict[date, int], in_weeks: bool) -> list[tuple[date, int]]:
    """Return each week or month from the first to the last, those without income too: a gap must show as one."""
    if not of_turn:
        return []
    days, day = [], min(of_turn)
    while day <= max(of_turn):
        days.append((day, max(of_turn.get(day, 0), 0)))
        day = day + timedelta(days=7) if in_weeks else (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return days
