from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from newsroom.admin.languages import LanguageForm
from newsroom.admin.shown import ShownAdmin
from newsroom.history import record
from subscriptions.models import Mirror, Newsletter, NewsletterHoliday
from subscriptions.statements import schedule_in_words


class NewsletterForm(LanguageForm):
    class Meta:
        model = Newsletter
        fields = "__all__"


class HolidayInline(admin.TabularInline):
    model = NewsletterHoliday
    extra = 0
    ordering = ["date"]


@admin.register(Newsletter)
class NewsletterAdmin(ShownAdmin):
    form = NewsletterForm
    inlines = [HolidayInline]
    list_display = ["name", "language", "schedule", "without_approval", "is_active"]
    list_filter = ["is_active", "language"]
    ordering = ["position", "pk"]
    prepopulated_fields = {"slug": ["name"]}
    fieldsets = [
        (None, {"fields": ["name", "slug", "description", "language", "position", "is_active"]}),
        (_("When"), {"fields": ["weekday", "send_time", "time_zone", "assemble_days_before", "too_late_hours"]}),
        (
            _("Articles"),
            {
                "fields": [
                    "news_places",
                    "feature_places",
                    "analysis_places",
                    "opinion_places",
                    "minimum_picks",
                    "skips_sensitive",
                    "intro",
                ]
            },
        ),
        (
            _("What a mail carries"),
            {"fields": ["shows_full_text", "shows_images", "names_mirrors", "carries_appeal", "is_indexed"]},
        ),
        (_("Sender"), {"fields": ["sender_name", "sender_address", "reply_to", "list_id", "seed_addresses"]}),
        (_("When something is missing"), {"fields": ["without_approval", "unknown_deliveries"]}),
    ]

    @admin.display(description=_("rhythm"))
    def schedule(self, newsletter: Newsletter) -> str:
        return schedule_in_words(newsletter)

    def get_readonly_fields(self, request: HttpRequest, obj: Newsletter | None = None) -> list[str]:
        """Fix what stands in mails and in the ledger: the slug names the purpose, and a List-Id never changes."""
        return ["slug", "list_id"] if obj is not None else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Newsletter | None = None) -> dict[str, Any]:
        return {} if obj is not None else dict(self.prepopulated_fields)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: the ledger and the archive speak of it. Switch it off instead."""
        return False

    def save_model(self, request: HttpRequest, obj: Newsletter, form: forms.ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        action = "newsletter.changed" if change else "newsletter.created"
        record(obj, action=action, actor=request.user, after={"fields": form.changed_data})


@admin.register(Mirror)
class MirrorAdmin(ShownAdmin):
    list_display = ["address", "position", "is_active"]
    list_editable = ["position", "is_active"]
    ordering = ["position", "pk"]

    def save_model(self, request: HttpRequest, obj: Mirror, form: forms.ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        action = "mirror.changed" if change else "mirror.created"
        record(obj, action=action, actor=request.user, after={"fields": form.changed_data})
