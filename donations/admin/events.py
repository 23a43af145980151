from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from donations import tasks
from donations.admin.long_lists import FewValuesFilter, LongListAdmin
from donations.admin.showing import stripe_link
from donations.models import StripeEvent
from donations.truth.events import LEARNERS, process_again
from newsroom.history import record
from newsroom.waking import wake


class KindFilter(FewValuesFilter):
    """By what an event is about, as Stripe begins its type."""

    title = _("type")
    parameter_name = "type"
    field = "type__startswith"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(prefix, prefix.rstrip(".")) for prefix, _learn in LEARNERS]


@admin.register(StripeEvent)
class StripeEventAdmin(LongListAdmin):
    list_display = ["received_at", "type", "object_id", "state", "reason", "tries", "error", "at_stripe"]
    list_filter = ["state", "livemode", KindFilter]
    search_fields = ["=stripe_id", "=object_id"]
    search_help_text = _("An exact id of Stripe's")
    ordering = ["-received_at", "-pk"]
    readonly_fields = ["at_stripe"]
    actions = ["process_again"]

    @admin.display(description=_("At Stripe"))
    def at_stripe(self, event: StripeEvent) -> str:
        return stripe_link(event)

    @admin.action(description=_("Process again"), permissions=["process"])
    def process_again(self, request: HttpRequest, queryset: QuerySet[StripeEvent]) -> None:
        at = timezone.now()
        for event in queryset:
            process_again(event, at=at)
            record(event, action="stripe_event.processed_again", actor=request.user, at=at)
            wake(tasks.process_event, event.pk)
        self.message_user(request, _("A worker looks at them now."), messages.SUCCESS)

    def has_process_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("donations.process_stripe_event")
