"""Who looked at personal data, searched for somebody or took data out: one list, for those who protect readers."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from newsroom import registry
from newsroom.addresses import InvalidAddress, address_hashes, normalise_email
from newsroom.admin.facts import FactsAdmin
from newsroom.models import PersonalDataAccess


class DeedFilter(admin.SimpleListFilter):
    title = _("what was done")
    parameter_name = "deed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("viewed", _("Looked at a person")),
            ("listed", _("Leafed through a list")),
            ("searched", _("Searched")),
            ("out", _("Took data out")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PersonalDataAccess]) -> QuerySet[PersonalDataAccess]:
        seen = Q(action__endswith=".viewed")
        listed = Q(action__endswith=".listed")
        searched = Q(action__endswith=".searched")
        match self.value():
            case "viewed":
                return queryset.filter(seen)
            case "listed":
                return queryset.filter(listed)
            case "searched":
                return queryset.filter(searched)
            case "out":
                return queryset.exclude(seen | listed | searched)
        return queryset


@admin.register(PersonalDataAccess)
class PersonalDataAccessAdmin(FactsAdmin):
    list_display = ["at", "actor", "action", "object_text", "reason"]
    list_filter = [DeedFilter, ("actor", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["actor"]
    search_fields = ["=object_pk"]
    search_help_text = _("The address of a reader or donor: who looked for it, or at the person behind it")
    ordering = ["-at", "-pk"]
    fields = ["at", "actor", "action", "object_text", "reason", "after"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PersonalDataAccess]:
        return super().get_queryset(request).filter(action__in=registry.access_actions)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PersonalDataAccess], search_term: str
    ) -> tuple[QuerySet[PersonalDataAccess], bool]:
        """Find what was done about the person behind an address: looked for it, or looked at one of their rows."""
        if not search_term.strip():
            return queryset, False
        try:
            address = normalise_email(search_term)
        except InvalidAddress:
            return queryset.none(), False
        about = Q(after__address_hash__in=address_hashes(address))
        for find in registry.rows_of_person:
            for row in find(address):
                about |= Q(object_type=row._meta.label_lower, object_pk=str(row.pk))
        return queryset.filter(about), False
