from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest


class ShownAdmin(admin.ModelAdmin):
    """For rows that public pages show: several are deleted one by one, so that the pages are made anew."""

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset.order_by("pk"):
            self.delete_model(request, row)
