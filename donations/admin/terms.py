"""What fundraisers write and change: appeals, amounts, ways to pay, terms."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from donations.models import AmountRule, Appeal, Campaign, GivingTerms, LanguageCurrency, Method, PaymentMethodRule
from donations.money import format_money
from newsroom.history import record


class HistoryAdmin(admin.ModelAdmin):
    """Every change leaves a history entry with the values before and after."""

    recorded: tuple[str, ...] = ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        before = self._values(type(obj)._default_manager.filter(pk=obj.pk).first()) if change else None
        super().save_model(request, obj, form, change)
        word = "changed" if change else "added"
        record(obj, action=f"{obj._meta.model_name}.{word}", actor=request.user, before=before, after=self._values(obj))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        record(obj, action=f"{obj._meta.model_name}.deleted", actor=request.user, before=self._values(obj))
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        # One by one, so that each leaves its entry and the pages that show it are made anew.
        for obj in queryset.order_by("pk"):
            self.delete_model(request, obj)

    def _values(self, obj: Any) -> dict[str, Any] | None:
        if obj is None:
            return None
        values = {name: getattr(obj, name) for name in self.recorded}
        return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in values.items()}


@admin.register(Appeal)
class AppealAdmin(HistoryAdmin):
    list_display = ["title", "language", "priority", "is_active", "starts_at", "ends_at"]
    list_filter = ["is_active", "language"]
    search_fields = ["title", "message"]
    filter_horizontal = ["sections"]
    change_form_template = "admin/donations/appeal_change.html"
    ordering = ["-is_active", "-priority", "-pk"]
    recorded = ("title", "message", "short_line", "language", "starts_at", "ends_at", "priority", "is_active")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Gifts remember their appeal, so one that moved nobody may go, and any other is switched off.
        is_used = obj is not None and obj.donations.exists()
        return not is_used and super().has_delete_permission(request, obj)


@admin.register(AmountRule)
class AmountRuleAdmin(HistoryAdmin):
    list_display = ["currency", "frequency", "minimum_written", "suggestions_written", "maximum_written"]
    list_filter = ["currency", "frequency"]
    ordering = ["currency", "frequency"]
    recorded = ("currency", "frequency", "minimum", "maximum", "suggestions", "default")

    @admin.display(description=_("suggested amounts"))
    def suggestions_written(self, rule: AmountRule) -> str:
        return ", ".join(format_money(amount, rule.currency) for amount in rule.suggestions)


class PaymentMethodRuleForm(forms.ModelForm):
    methods = forms.MultipleChoiceField(
        label=_("Ways to pay"), choices=Method.choices, widget=forms.CheckboxSelectMultiple, required=True
    )

    class Meta:
        model = PaymentMethodRule
        fields = ["currency", "frequency", "methods"]


@admin.register(PaymentMethodRule)
class PaymentMethodRuleAdmin(HistoryAdmin):
    form = PaymentMethodRuleForm
    list_display = ["currency", "frequency", "methods_written"]
    list_filter = ["currency", "frequency"]
    ordering = ["currency", "frequency"]
    recorded = ("currency", "frequency", "methods")

    @admin.display(description=_("ways to pay"))
    def methods_written(self, rule: PaymentMethodRule) -> str:
        return ", ".join(str(Method(method).label) for method in rule.methods)


@admin.register(Campaign)
class CampaignAdmin(HistoryAdmin):
    list_display = ["name", "code", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name", "code"]
    ordering = ["-is_active", "name"]
    recorded = ("name", "code", "is_active")


@admin.register(LanguageCurrency)
class LanguageCurrencyAdmin(HistoryAdmin):
    list_display = ["language", "currency"]
    ordering = ["language"]
    recorded = ("language", "currency")


@admin.register(GivingTerms)
class GivingTermsAdmin(HistoryAdmin):
    list_display = ["__str__", "is_open", "currency", "offers_fee_cover", "is_discreet"]
    recorded = (
        "is_open", "currency", "fee_basis_points", "fee_fixed", "offers_fee_cover", "blocked_card_countries",
        "is_discreet", "statement_suffix", "tax_time_zone", "tax_line", "renewal_notice_days",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return not GivingTerms.objects.exists() and super().has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: GivingTerms, form: Any, change: bool) -> None:
        obj.pk = 1
        super().save_model(request, obj, form, change)
