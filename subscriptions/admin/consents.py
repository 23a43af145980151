from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from newsroom.admin.facts import FactsAdmin
from subscriptions.models import Consent


@admin.register(Consent)
class ConsentAdmin(FactsAdmin):
    """The ledger as it is. `manage.py verify_consent` tells whether it still holds."""

    list_display = ["position", "at", "purpose", "action", "method", "policy_version", "subject"]
    list_filter = ["action", "method"]
    search_fields = ["subject"]
    search_help_text = _("The subject of a person, as their page shows it")
    ordering = ["-position"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Consent], search_term: str
    ) -> tuple[QuerySet[Consent], bool]:
        """Look up one subject by the index; a part of a UUID would read the whole ledger."""
        if not search_term:
            return queryset, False
        try:
            return queryset.filter(subject=UUID(search_term.strip())), False
        except ValueError:
            return queryset.none(), False

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        return ["-position"]
