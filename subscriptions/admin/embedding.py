"""Which other sites may show the sign-up form, and what they copy into their pages."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from newsroom.history import record
from subscriptions import embedding
from subscriptions.models import EmbeddingHost, Newsletter

COPIED = '<h3>{}</h3><p>{}</p><textarea aria-label="{}" readonly rows="{}" class="vLargeTextField">{}</textarea>'


@admin.register(EmbeddingHost)
class EmbeddingHostAdmin(admin.ModelAdmin):
    list_display = ["host", "note", "is_active", "created_at"]
    list_filter = ["is_active"]
    ordering = ["host"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["host", "note", "is_active", *(["snippets"] if obj is not None else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Fix the host: it stands in the copied lines, and in the ledger as the page of consent."""
        return ["host", "snippets"] if obj is not None else []

    @admin.display(description=gettext_lazy("what they copy"))
    def snippets(self, host: EmbeddingHost) -> SafeString:
        """Show a frame and a form for each newsletter."""
        at = timezone.now()
        blocks = []
        for newsletter in Newsletter.objects.active().order_by("position", "pk"):
            in_frame = _("In a frame. It is always up to date, and works without cookies and scripts.")
            blocks.append((newsletter.name, in_frame, newsletter.name, 3, embedding.frame(newsletter, host)))
            if form := embedding.plain_form(newsletter, host, at=at):
                without = _(
                    "As a form of their own, which they may style. When the words of consent change, readers are asked "
                    "once more on our page, until the form is copied anew."
                )
                blocks.append((newsletter.name, without, newsletter.name, 12, form))
        return format_html_join("", COPIED, blocks) or format_html("{}", _("There is no active newsletter."))

    def save_model(self, request: HttpRequest, obj: EmbeddingHost, form: forms.ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        action = "embedding_host.changed" if change else "embedding_host.created"
        record(obj, action=action, actor=request.user, after={"host": obj.host, "is_active": obj.is_active})

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[EmbeddingHost]) -> None:
        for host in queryset:
            self.delete_model(request, host)

    def delete_model(self, request: HttpRequest, obj: EmbeddingHost) -> None:
        record(obj, action="embedding_host.deleted", actor=request.user, before={"host": obj.host})
        super().delete_model(request, obj)
