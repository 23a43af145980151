"""Lists of money: the totals of the current filter by currency, and the same filter as a CSV file."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet, PermissionDenied
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from donations.admin.long_lists import LongListAdmin
from donations.money import format_money
from newsroom.history import record
from newsroom.staff_access import proven

# Totals are shown for a list that is no longer than this: to add up a million rows takes longer than staff wait.
MOST_ADDED_UP = 10_000

# What a spreadsheet would take for a formula: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class Total:
    """One currency of a list: how many rows, and its sums in words, in the order of the list's headings."""

    currency: str
    number: int
    sums: list[str]


def add_up(rows: QuerySet[Any], *expressions: Any, most: int | None = None) -> list[Total]:
    """Add up expressions by currency over the first `most` rows, in one query that reads no row more than those.

    Django groups no queryset that is cut off, and with the cut list's keys as a condition PostgreSQL reads the whole
    table beside it. So the list itself stands where the table would.
    """
    names = [f"sum_{number}" for number in range(len(expressions))]
    listed = rows.order_by().annotate(**dict(zip(names, expressions, strict=True))).values("currency", *names)
    try:
        inner, params = listed[:most].query.sql_with_params()
    except EmptyResultSet:
        # A search that found nothing asks the database nothing.
        return []
    sums = ", ".join(f"sum({name})" for name in names)
    outer = f"SELECT currency, count(*), {sums} FROM ({inner}) AS list GROUP BY currency ORDER BY currency"  # noqa: S608 - names from here, values as parameters.
    with connection.cursor() as cursor:
        cursor.execute(outer, params)
        found = cursor.fetchall()
    return [
        Total(currency, number, [format_money(int(one or 0), currency, exact=True) for one in sums])
        for currency, number, *sums in found
    ]


def safe_cell(value: Any) -> str:
    """Return a cell that a spreadsheet shows and never calculates."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


class _Echo:
    def write(self, value: str) -> str:
        return value


def csv_lines(columns: tuple[str, ...], rows: Iterable[list[Any]]) -> Iterator[str]:
    """Yield the lines of a CSV file, one at a time."""
    writer = csv.writer(_Echo())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([safe_cell(value) for value in row])


class SummedListAdmin(LongListAdmin):
    """A long list with totals by currency above it, and an export of its current filter.

    A subclass says how its rows are added up and written: `total_headings`, `totals_of`, `columns`, `cells_of`.
    """

    change_list_template = "admin/donations/summed_list.html"
    most_added_up = MOST_ADDED_UP
    # Whether each row of the list is one in its totals; else the paginator must be able to count as far as they go.
    adds_up_itself = True
    total_headings: tuple[Any, ...] = ()
    columns: tuple[str, ...] = ()
    export_permission = "donations.export_payment"
    # Said on the page that asks for the reason.
    names_people = False

    def totals_of(self, rows: QuerySet[Any], *, most: int) -> list[Total]:
        """Add up the first `most` rows by currency, in one query of the database."""
        raise NotImplementedError

    def rows_to_export(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset

    def cells_of(self, row: Any) -> list[Any]:
        raise NotImplementedError

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        response: Any = super().changelist_view(request, extra_context)
        changes = getattr(response, "context_data", None) or {}
        if "cl" in changes:
            changes |= {
                "totals": self._totals(changes["cl"]),
                "total_headings": self.total_headings,
                "most_added_up": self.most_added_up,
                "may_export": request.user.has_perm(self.export_permission),
            }
            response.context_data = changes
        return response

    def _totals(self, changes: Any) -> list[Total] | None:
        """Return the totals of a list, None where it is too long to be added up."""
        if changes.result_count > self.most_added_up:
            return None
        # The paginator stops counting early, so one row more than may be added up is asked for: where it is there, the
        # list is too long, and nothing that is half a sum is shown.
        totals = self.totals_of(changes.queryset.select_related(None), most=self.most_added_up + 1)
        is_too_long = self.adds_up_itself and sum(one.number for one in totals) > self.most_added_up
        return None if is_too_long else totals

    def get_urls(self) -> list[URLPattern]:
        name = f"donations_{self.model._meta.model_name}_export"
        return [path("export/", self.admin_site.admin_view(proven(self.export)), name=name), *super().get_urls()]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Ask why, then stream the list under its current filter. Who exported what, and why, is recorded."""
        if not self.has_view_permission(request) or not request.user.has_perm(self.export_permission):
            raise PermissionDenied
        reason = request.POST.get("reason", "").strip()
        if request.method != "POST" or not reason:
            return self._ask_why(request)
        chosen = self.get_changelist_instance(request).get_queryset(request).order_by("pk")
        kind = self.model._meta.model_name
        after = {"filter": sorted(name for name in request.GET), "rows": chosen.count()}
        action = f"{kind}.exported"
        entry = record(self.model(), action=action, actor=request.user, reason=reason[:300], after=after)
        rows = self.rows_to_export(chosen).iterator(chunk_size=2000)
        lines = csv_lines(self.columns, (self.cells_of(row) for row in rows))
        response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{kind}s-{entry.at:%Y-%m-%d}.csv"'
        return response

    def _ask_why(self, request: HttpRequest) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Export"),
            "opts": self.model._meta,
            "query": request.GET.urlencode(),
            "names_people": self.names_people,
        }
        return TemplateResponse(request, "admin/donations/export.html", context)
