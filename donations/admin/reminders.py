from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from donations import reminders
from donations.admin.long_lists import LongListAdmin
from donations.admin.showing import FactsInline, money_of
from donations.admin.terms import HistoryAdmin
from donations.models import Reminder, ReminderChoice, ReminderGift
from newsroom.admin.asking import asks_first
from newsroom.admin.watched import WatchedAdmin


class ReasonForm(ActionForm):
    reason = forms.CharField(
        label="",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"placeholder": _("Reason"), "aria-label": _("Reason")}),
    )


class GiftFilter(admin.SimpleListFilter):
    title = _("led to a gift")
    parameter_name = "gift"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Reminder]) -> QuerySet[Reminder]:
        return queryset.filter(_paid_gifts()) if self.value() == "yes" else queryset


class GiftInline(FactsInline):
    model = ReminderGift
    fields = ["donation", "started_at", "converted_at"]
    ordering = ["-started_at", "-pk"]
    verbose_name_plural = _("gifts after this reminder")


def _what_cancelling_does(chosen: QuerySet[Reminder]) -> str:
    people = chosen.filter(state__in=Reminder.WAITING).order_by().values("email").distinct().count()
    words = ngettext(
        "%(count)s person who asked to be reminded will not be, and is not told.",
        "%(count)s people who asked to be reminded will not be, and are not told.",
        people,
    )
    return words % {"count": f"{people:,}"}


@admin.register(Reminder)
class ReminderAdmin(WatchedAdmin, LongListAdmin):
    list_display = ["due_date", "outcome", "email", "gift", "sent_at", "led_to_gift"]
    list_filter = ["state", "skip_reason", GiftFilter, "span", "due_date"]
    search_fields = ["=email"]
    search_help_text = _("An exact address")
    ordering = ["-asked_at", "-pk"]
    inlines = [GiftInline]
    actions = ["cancel"]
    action_form = ReasonForm
    fields = [
        "email", "language", "state", "skip_reason", "span", "due_date", "due_at", "gift", "article", "appeal",
        "page", "wording", "policy_version", "proof", "asked_at", "confirmed_at", "queued_at", "claimed_at", "sent_at",
        "skipped_at", "cancelled_at", "mail",
    ]  # fmt: skip
    readonly_fields = ["gift"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reminder]:
        return super().get_queryset(request).annotate(is_paid=_paid_gifts())

    @admin.display(description=_("state"), ordering="state")
    def outcome(self, reminder: Reminder) -> str:
        reason = reminder.get_skip_reason_display()
        return f"{reminder.get_state_display()}: {reason}" if reason else reminder.get_state_display()

    @admin.display(description=_("gift chosen"))
    def gift(self, reminder: Reminder) -> str:
        written = money_of(reminder, "amount")
        return f"{written} {reminder.get_frequency_display()}".strip()

    @admin.display(description=_("gave"), boolean=True)
    def led_to_gift(self, reminder: Any) -> bool:
        return bool(reminder.is_paid)

    @admin.action(description=_("Cancel, for the reason given"), permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Reminder]) -> HttpResponseBase | None:
        reason = request.POST.get("reason", "").strip()[:200]
        if not reason or request.user.is_anonymous:
            self.message_user(request, _("Please write a reason beside the action."), messages.ERROR)
            return None
        return self._cancel(request, queryset)

    @asks_first(_what_cancelling_does)
    def _cancel(self, request: HttpRequest, queryset: QuerySet[Reminder]) -> None:
        at, by = timezone.now(), request.user
        reason = request.POST["reason"].strip()[:200]
        if by.is_anonymous:
            return
        count = sum(reminders.cancel_by_staff(one.pk, by=by, reason=reason, at=at) for one in queryset)
        self.message_user(request, _("%(count)s cancelled.") % {"count": count}, messages.SUCCESS)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("donations.cancel_reminder")


def _paid_gifts() -> Exists:
    return Exists(ReminderGift.objects.filter(reminder=OuterRef("pk"), converted_at__isnull=False))


@admin.register(ReminderChoice)
class ReminderChoiceAdmin(HistoryAdmin):
    list_display = ["__str__", "position", "is_default"]
    ordering = ["position", "pk"]
    recorded = ("span", "position", "is_default")
