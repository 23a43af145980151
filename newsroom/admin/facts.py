"""How the admin shows what staff may read but never write."""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import connection, models
from django.http import HttpRequest
from django.utils.functional import cached_property


class EstimatingPaginator(Paginator):
    """A paginator that never counts a large table: up to a bound it counts, beyond that it asks the planner.

    PostgreSQL has no cheap count(*) (https://wiki.postgresql.org/wiki/Slow_Counting); a list of a million rows would
    read them all for a number nobody needs exactly.
    """

    EXACT_UP_TO = 2_000

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if not isinstance(rows, models.QuerySet):
            return len(rows)
        exact = rows.order_by()[: self.EXACT_UP_TO + 1].count()
        if exact <= self.EXACT_UP_TO:
            return exact
        with connection.cursor() as cursor:
            if rows.query.where:
                return exact
            cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE relname = %s", [rows.model._meta.db_table])
            (estimate,) = cursor.fetchone()
        return max(exact, int(estimate))


class FactsAdmin(admin.ModelAdmin):
    """Facts: shown, searched and filtered, never added, changed or deleted by hand."""

    paginator = EstimatingPaginator
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
