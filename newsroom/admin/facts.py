"""How the admin shows what staff may read but never write."""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import connection, models
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import cached_property

from newsroom.pseudonyms import without_names


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


class NamelessHistory(admin.ModelAdmin):
    """An admin whose “History” page does not tell who stands behind a pseudonym."""

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        response = super().history_view(request, object_id, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data is not None:
            page = response.context_data["action_list"]
            page.object_list = without_names(page.object_list, viewer=request.user)
        return response
