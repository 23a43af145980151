"""The organisation's facts for tax offices, and the yearly statements that were made."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from donations.admin.long_lists import FewValuesFilter, LongListAdmin
from donations.admin.terms import HistoryAdmin
from donations.models import TaxProfile, YearlyStatement


class TaxProfileForm(forms.ModelForm):
    # A receipt with one digit missing was once sent to everyone; a number that is typed twice is read once more.
    tax_number_again = forms.CharField(label=_("Tax number, once more"), max_length=40)

    class Meta:
        model = TaxProfile
        fields = ["legal_name", "address", "country", "tax_number", "status"]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        again = str(values.get("tax_number_again", "")).strip().upper()
        if again != str(values.get("tax_number", "")).strip().upper():
            self.add_error("tax_number_again", _("The two numbers differ."))
        return values


@admin.register(TaxProfile)
class TaxProfileAdmin(HistoryAdmin):
    form = TaxProfileForm
    fields = ["legal_name", "address", "country", "tax_number", "tax_number_again", "status"]
    list_display = ["legal_name", "tax_number", "country"]
    recorded = ("legal_name", "address", "country", "tax_number", "status")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return not TaxProfile.objects.exists() and super().has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: TaxProfile, form: Any, change: bool) -> None:
        obj.pk = 1
        super().save_model(request, obj, form, change)


class YearFilter(FewValuesFilter):
    title = _("year")
    parameter_name = field = "year"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        latest = timezone.now().year
        return [(year, year) for year in range(latest, latest - 10, -1)]


@admin.register(YearlyStatement)
class YearlyStatementAdmin(LongListAdmin):
    list_display = ["number", "year", "issued_at"]
    list_filter = [YearFilter]
    ordering = ["-issued_at", "-pk"]
