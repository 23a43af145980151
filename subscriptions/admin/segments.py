"""Segments by name: staff set the conditions and see how many readers meet them."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from newsroom.history import record
from subscriptions import segments
from subscriptions.models import Issue, Segment


class SegmentForm(forms.ModelForm):
    language = forms.ChoiceField(
        label=_("Reader's language"), choices=[("", _("any")), *settings.LANGUAGES], required=False
    )

    class Meta:
        model = Segment
        fields = ["name", "newsletter", "language", "signed_up_from", "signed_up_until", "source", "donors"]


@admin.register(Segment)
class SegmentAdmin(admin.ModelAdmin):
    form = SegmentForm
    list_display = ["name", "newsletter", "language", "signed_up_from", "signed_up_until", "source", "donors"]
    list_select_related = ["newsletter"]
    search_fields = ["name"]
    ordering = ["name"]

    def get_readonly_fields(self, request: HttpRequest, obj: Segment | None = None) -> list[str]:
        return [] if obj is None else ["readers"]

    @admin.display(description=_("would get an issue now"))
    def readers(self, segment: Segment) -> str:
        return f"{segments.count(segment, at=timezone.now()):,}"

    def has_delete_permission(self, request: HttpRequest, obj: Segment | None = None) -> bool:
        """Keep a segment to which an issue went: the issue says whom it was for."""
        is_used = obj is not None and Issue.objects.filter(segment=obj).exists()
        return not is_used and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        record(obj, action="segment.saved", actor=request.user, after={"changed": form.changed_data})
