"""The alarms: what is wrong now with what to do, and what was wrong in the last three months."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from newsroom.admin.facts import FactsAdmin
from newsroom.alarms import watch_of
from newsroom.models import Alarm


class RingingFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("ringing", _("Rings now")), ("ended", _("Ended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alarm]) -> QuerySet[Alarm]:
        if self.value() in {"ringing", "ended"}:
            return queryset.filter(ended_at__isnull=self.value() == "ringing")
        return queryset


@admin.register(Alarm)
class AlarmAdmin(FactsAdmin):
    """An alarm ends when its reason does, so there is nothing to press here."""

    list_display = ["title", "began_at", "ended_at", "detail"]
    list_filter = [RingingFilter]
    ordering = ["-began_at", "-pk"]
    fields = ["title", "detail", "what_to_do", "place", "began_at", "seen_at", "ended_at", "posted_at", "end_posted_at"]
    readonly_fields = ["title", "what_to_do", "place"]

    @admin.display(description=_("alarm"), ordering="name")
    def title(self, alarm: Alarm) -> str:
        watch = watch_of(alarm)
        return str(watch.title) if watch else alarm.name

    @admin.display(description=_("what to do"))
    def what_to_do(self, alarm: Alarm) -> str:
        watch = watch_of(alarm)
        return str(watch.what_to_do) if watch else ""

    @admin.display(description=_("where"))
    def place(self, alarm: Alarm) -> str:
        watch = watch_of(alarm)
        url = reverse(watch.place) if watch and watch.place else ""
        return format_html('<a href="{}">{}</a>', url, url) if url else ""
