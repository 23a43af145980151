"""Issues and their deliveries in the admin. The page to make an issue is in `subscriptions.admin.desk`."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path
from django.utils import formats
from django.utils.translation import gettext_lazy as _

from newsroom.admin.facts import FactsAdmin
from newsroom.admin.watched import WatchedAdmin
from subscriptions.admin import desk, desk_preview
from subscriptions.figures import REASON_WORDS
from subscriptions.models import Delivery, Issue, MailEvent, SendingLimit


@admin.register(Issue)
class IssueAdmin(admin.ModelAdmin):
    """The list of issues; each opens on the desk, where it is made and watched."""

    list_display = ["issue_date", "newsletter", "state", "subject", "local_send_at", "prepared", "excluded"]
    list_display_links = ["issue_date", "subject"]
    list_filter = ["state", "newsletter"]
    list_select_related = ["newsletter"]
    search_fields = ["subject", "=issue_date"]
    ordering = ["-issue_date", "-pk"]
    date_hierarchy = "issue_date"

    @admin.display(description=_("to be sent at"), ordering="send_at")
    def local_send_at(self, issue: Issue) -> str:
        local = issue.send_at.astimezone(issue.newsletter.zone)
        return f"{formats.date_format(local, 'SHORT_DATETIME_FORMAT')} {local:%Z}"

    def get_urls(self) -> list[URLPattern]:
        pages: dict[str, tuple[str, Callable[..., HttpResponseBase]]] = {
            "<int:pk>/change/": ("subscriptions_issue_change", desk.make),
            "<int:pk>/save/": ("subscriptions_issue_save", desk.save),
            "<int:pk>/step/<slug:name>/": ("subscriptions_issue_step", desk.step),
            "<int:pk>/progress/": ("subscriptions_issue_progress", desk.progress),
            "<int:pk>/mail/": ("subscriptions_issue_mail", desk_preview.mail),
            "<int:pk>/preview/": ("subscriptions_issue_preview", desk_preview.preview),
            "<int:pk>/measure/": ("subscriptions_issue_measure", desk_preview.measure),
        }
        own = [
            path(route, self.admin_site.admin_view(partial(view, model_admin=self)), name=name)
            for route, (name, view) in pages.items()
        ]
        return [*own, *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never by hand: the schedule makes the row of each date, and one date has one issue."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}


class ReasonFilter(admin.SimpleListFilter):
    """The reasons by name: to ask the rows which there are would read every delivery there ever was."""

    title = _("reason")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(REASON_WORDS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        return queryset.filter(reason=self.value()) if self.value() else queryset


@admin.register(Delivery)
class DeliveryAdmin(WatchedAdmin, FactsAdmin):
    """Who got an issue, who did not, and why. The row holds no address: a search for one goes by the subscriber."""

    list_display = ["uuid", "issue", "reader", "state", "reason", "tries", "outcome_at", "reply"]
    list_filter = ["state", ReasonFilter]
    list_select_related = ["issue__newsletter", "subscription__subscriber"]
    search_fields = ["=uuid", "=subscription__subscriber__email"]
    search_help_text = _("An exact address, or the part of a Message-ID before the @")
    ordering = ["-pk"]

    @admin.display(description=_("reader"))
    def reader(self, delivery: Delivery) -> str:
        return delivery.subscription.subscriber.email if delivery.subscription else str(_("erased"))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "issue__id__exact" or super().lookup_allowed(lookup, value, request)


@admin.register(MailEvent)
class MailEventAdmin(FactsAdmin):
    list_display = ["happened_at", "kind", "is_permanent", "status_code", "source", "delivery", "outgoing_mail"]
    list_filter = ["kind", "is_permanent"]
    ordering = ["-received_at", "-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[MailEvent]:
        return super().get_queryset(request).select_related("delivery", "outgoing_mail")


@admin.register(SendingLimit)
class SendingLimitAdmin(admin.ModelAdmin):
    list_display = ["__str__", "per_minute", "warms_up_from", "rests_until", "rest_reason"]
    ordering = ["domain"]
