from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from newsroom import registry
from newsroom.admin.facts import FactsAdmin
from newsroom.history import record
from subscriptions.models import Erasure, RetentionPeriod


@admin.register(RetentionPeriod)
class RetentionPeriodAdmin(admin.ModelAdmin):
    """One table of periods with their reasons. The kinds come from the code."""

    list_display = ["title", "days", "reason"]
    ordering = ["kind"]
    fields = ["title", "days", "reason"]
    readonly_fields = ["title", "reason"]

    @admin.display(description=_("what"))
    def title(self, period: RetentionPeriod) -> str:
        return next((str(rule.title) for rule in registry.retention_rules if rule.kind == period.kind), period.kind)

    @admin.display(description=_("why no longer"))
    def reason(self, period: RetentionPeriod) -> str:
        return next((str(rule.reason) for rule in registry.retention_rules if rule.kind == period.kind), "")

    def has_change_permission(self, request: HttpRequest, obj: RetentionPeriod | None = None) -> bool:
        """Refuse to change a period that is promised in words elsewhere."""
        is_fixed = obj is not None and any(rule.is_fixed and rule.kind == obj.kind for rule in registry.retention_rules)
        return not is_fixed and super().has_change_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: RetentionPeriod, form: ModelForm, change: bool) -> None:
        before = form.initial.get("days")
        super().save_model(request, obj, form, change)
        record(obj, action="retention.changed", actor=request.user, before={"days": before}, after={"days": obj.days})


@admin.register(Erasure)
class ErasureAdmin(FactsAdmin):
    list_display = ["erased_at", "subject"]
    ordering = ["-erased_at", "-pk"]
