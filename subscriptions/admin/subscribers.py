from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from newsroom.addresses import InvalidAddress, normalise_email
from newsroom.admin.asking import asks_first
from newsroom.admin.facts import FactsAdmin
from newsroom.admin.watched import WatchedAdmin
from newsroom.history import record
from newsroom.staff_access import proven
from subscriptions import consent, exporting, reader_life, weeks
from subscriptions.models import Consent, SignupRequest, Subscriber, Subscription, UnsubscribeReason


class ConfirmedFilter(admin.SimpleListFilter):
    title = _("confirmed")
    parameter_name = "confirmed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Subscriber]) -> QuerySet[Subscriber]:
        if self.value() in {"yes", "no"}:
            return queryset.filter(confirmed_at__isnull=self.value() == "no")
        return queryset


class LanguageFilter(admin.SimpleListFilter):
    """The site's languages: to ask the rows which there are would read every person."""

    title = _("language")
    parameter_name = "language"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(settings.LANGUAGES)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Subscriber]) -> QuerySet[Subscriber]:
        return queryset.filter(language=self.value()) if self.value() else queryset


class SubscriptionInline(admin.TabularInline):
    model = Subscription
    fields = ["newsletter", "state", "requested_at", "confirmed_at", "unsubscribed_at", "paused_until"]
    can_delete = False
    extra = 0
    ordering = ["newsletter"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Subscriber)
class SubscriberAdmin(WatchedAdmin, FactsAdmin):
    inlines = [SubscriptionInline]
    list_display = ["email", "language", "created_at", "confirmed_at"]
    list_filter = [ConfirmedFilter, LanguageFilter]
    fields = ["email", "language", "created_at", "confirmed_at", "subject", "ledger"]
    search_fields = ["=email"]
    search_help_text = _("An exact address")
    ordering = ["-created_at", "-pk"]
    change_form_template = "admin/subscriptions/subscriber/change_form.html"

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Subscriber | None = None,
    ) -> HttpResponse:
        """Put everything that happened between the reader and the newsroom under the reader's facts."""
        life = reader_life.events_of(obj) if obj is not None else []
        return super().render_change_form(request, {**context, "life": life}, add, change, form_url, obj)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Subscriber], search_term: str
    ) -> tuple[QuerySet[Subscriber], bool]:
        """Look up one exact address in its normal form, by its unique index."""
        if not search_term:
            return queryset, False
        try:
            return queryset.filter(email=normalise_email(search_term)), False
        except InvalidAddress:
            return queryset.none(), False

    @admin.display(description=_("Consent"))
    def ledger(self, subscriber: Subscriber) -> SafeString:
        rows_url = reverse("admin:subscriptions_consent_changelist") + f"?q={subscriber.subject}"
        evidence_url = reverse("admin:subscriptions_consent_evidence")
        links = [(rows_url, _("What this person agreed to")), (evidence_url, _("Evidence as a file"))]
        return format_html_join(" · ", '<a href="{}">{}</a>', links)


def _what_unsubscribing_does(chosen: QuerySet[Subscription]) -> str:
    ended = Subscription.State.UNSUBSCRIBED
    readers = chosen.exclude(state=ended).order_by().values("subscriber").distinct().count()
    words = ngettext(
        "%(count)s reader gets these newsletters no longer, unless they sign up again themselves: staff cannot "
        "subscribe anybody.",
        "%(count)s readers get these newsletters no longer, unless they sign up again themselves: staff cannot "
        "subscribe anybody.",
        readers,
    )
    return words % {"count": f"{readers:,}"}


@admin.register(Subscription)
class SubscriptionAdmin(WatchedAdmin, FactsAdmin):
    list_display = [
        "subscriber",
        "newsletter",
        "state",
        "requested_at",
        "confirmed_at",
        "unsubscribed_at",
        "paused_until",
    ]
    list_filter = ["state", "newsletter"]
    list_select_related = ["subscriber", "newsletter"]
    search_fields = ["=subscriber__email"]
    search_help_text = _("An exact address")
    ordering = ["-pk"]
    actions = ["unsubscribe"]

    @admin.action(description=_("Unsubscribe, because the reader asked us to"), permissions=["unsubscribe"])
    @asks_first(_what_unsubscribing_does)
    def unsubscribe(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        at = timezone.now()
        for subscription in queryset.order_by("pk"):
            consent.withdraw(
                subscription, page="", method=Consent.Method.STAFF, at=at, reason="the reader asked the newsroom"
            )
            record(subscription, action="subscription.ended", actor=request.user, reason="asked by the reader", at=at)
        self.message_user(request, _("They are unsubscribed. Nobody was mailed about it."), messages.SUCCESS)

    change_list_template = "admin/subscriptions/subscription/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        export = path(
            "export/", self.admin_site.admin_view(proven(self.export)), name="subscriptions_subscription_export"
        )
        weekly = path("weeks/", self.admin_site.admin_view(self.weeks), name="subscriptions_subscription_weeks")
        return [export, weekly, *super().get_urls()]

    def weeks(self, request: HttpRequest) -> HttpResponseBase:
        """Show how the list grows and shrinks, week by week."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = weeks.by_week(at=timezone.now())
        context = {
            **self.admin_site.each_context(request),
            "title": _("Readers week by week"),
            "weeks": found,
            "charts": weeks.charts(found),
        }
        return TemplateResponse(request, "admin/subscriptions/subscription/weeks.html", context)

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Ask why, then stream the list under its current filter. Who exported what, and why, is recorded."""
        if not request.user.has_perm("subscriptions.export_subscribers"):
            raise PermissionDenied
        reason = request.POST.get("reason", "").strip()
        if request.method != "POST" or not reason:
            context = {**self.admin_site.each_context(request), "title": _("Export"), "query": request.GET.urlencode()}
            return TemplateResponse(request, "admin/subscriptions/subscription/export.html", context)
        chosen = self.get_changelist_instance(request).get_queryset(request).order_by()
        after = {"filter": sorted(name for name in request.GET), "rows": chosen.count()}
        entry = record(
            self.model(), action="subscribers.exported", actor=request.user, reason=reason[:500], after=after
        )
        response = StreamingHttpResponse(exporting.subscriptions(chosen), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="subscribers-{entry.at:%Y-%m-%d}.csv"'
        return response

    def has_unsubscribe_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("subscriptions.change_subscription")


@admin.register(SignupRequest)
class SignupRequestAdmin(WatchedAdmin, FactsAdmin):
    list_display = ["requested_at", "newsletter", "method", "tries", "not_before"]
    list_select_related = ["newsletter"]
    ordering = ["-requested_at", "-pk"]

    def names_people_in_list(self, request: HttpRequest, response: Any) -> bool:
        return False


@admin.register(UnsubscribeReason)
class UnsubscribeReasonAdmin(FactsAdmin):
    list_display = ["date", "newsletter", "reason", "count"]
    list_filter = ["newsletter", "reason"]
    list_select_related = ["newsletter"]
    ordering = ["-date", "-pk"]
