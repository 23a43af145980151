"""Lists that stay quick at millions of rows: each search and filter is answered by an index, or by few rows."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from donations.models import Campaign, Currency
from newsroom.admin.facts import FactsAdmin

# More rows than that have nothing to do with one person or one id.
MOST_FOUND = 1_000


class LongListAdmin(FactsAdmin):
    """Facts that are found by the exact value of one of `search_fields`.

    Django asks one question that joins every table of the fields, compares without regard to case and reads a million
    rows. Here each field is asked alone and as it is stored, so that its own index answers. What is stored is an id of
    Stripe's, or an address in lower case; people copy addresses as they were written.
    """

    def get_sortable_by(self, request: HttpRequest) -> list[str]:
        """Sort by the column that the list is sorted by anyway, which has an index: others would sort a million."""
        return [str(name).lstrip("-") for name in self.ordering or ()]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:
        words = search_term.strip()
        if not words:
            return queryset, False
        words = words.lower() if "@" in words else words
        found: set[Any] = set()
        for field in self.get_search_fields(request):
            rows = self.model._default_manager.filter(self.exactly(field, words)).order_by()
            found.update(rows.values_list("pk", flat=True)[:MOST_FOUND])
        return queryset.filter(pk__in=found), False

    def exactly(self, field: str, words: str) -> Q:
        return Q(**{field.removeprefix("="): words})


class FewValuesFilter(admin.SimpleListFilter):
    """A filter whose values are known without asking the list's own table, which would be read whole for them."""

    field = ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.field: self.value()}) if self.value() else queryset


class CurrencyFilter(FewValuesFilter):
    title = _("currency")
    parameter_name = field = "currency"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return Currency.choices


class LanguageFilter(FewValuesFilter):
    title = _("language")
    parameter_name = field = "language"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return settings.LANGUAGES


class CampaignFilter(FewValuesFilter):
    title = _("campaign")
    parameter_name = field = "campaign"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return Campaign.objects.order_by("name", "pk").values_list("code", "name")
