"""The outlet's facts, the outbox, suppressions, jobs and the history, as staff see them."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from newsroom.admin.asking import asks_first
from newsroom.admin.facts import FactsAdmin
from newsroom.admin.languages import LanguageForm
from newsroom.admin.watched import WatchedAdmin
from newsroom.history import record
from newsroom.models import HistoryEntry, Job, OutgoingMail, Outlet, OutletWords, Suppression
from newsroom.outbox import send_again
from newsroom.pseudonyms import may_know, without_names


class OutletForm(LanguageForm):
    class Meta:
        model = Outlet
        fields = ["name", "tagline", "discreet_name", "contact_email", "postal_address", "language", "time_zone"]


class OutletWordsForm(LanguageForm):
    class Meta:
        model = OutletWords
        fields = ["language", "name", "tagline"]


class OutletWordsFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        """Refuse words in the outlet's own language: they would show nowhere."""
        super().clean()
        for form in self.forms:
            if form.cleaned_data.get("language") == self.instance.language and not form.cleaned_data.get("DELETE"):
                form.add_error("language", _("This is the outlet's own language. Its name and tagline stand above."))


class OutletWordsInline(admin.TabularInline):
    model = OutletWords
    form = OutletWordsForm
    formset = OutletWordsFormSet
    extra = 0
    max_num = len(settings.LANGUAGES)


@admin.register(Outlet)
class OutletAdmin(admin.ModelAdmin):
    form = OutletForm
    list_display = ["name", "contact_email", "language", "time_zone"]
    inlines = [OutletWordsInline]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return not Outlet.objects.exists() and super().has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Outlet, form: Any, change: bool) -> None:
        obj.pk = 1
        super().save_model(request, obj, form, change)


def _what_sending_again_does(chosen: QuerySet[OutgoingMail]) -> str:
    state = OutgoingMail.State
    again = chosen.filter(state__in=[state.FAILED, state.UNKNOWN]).exclude(address="").order_by()
    people = again.values("address").distinct().count()
    words = ngettext(
        "%(count)s person is mailed. A mail without an answer may have arrived, and then arrives twice.",
        "%(count)s people are mailed. A mail without an answer may have arrived, and then arrives twice.",
        people,
    )
    return words % {"count": f"{people:,}"}


@admin.register(OutgoingMail)
class OutgoingMailAdmin(WatchedAdmin, FactsAdmin):
    list_display = ["created_at", "template", "address", "state", "tries", "error"]
    list_filter = ["state", "template"]
    search_fields = ["=address", "=key", "=message_id"]
    search_help_text = _("An exact address, key or Message-ID")
    ordering = ["-created_at", "-pk"]
    # The context holds links that open a person's own page; the row shows that a mail went out, not what it opens.
    exclude = ["context", "claim_id", "claim_expires_at"]
    actions = ["send_again"]

    @admin.action(description=_("Send again what failed or is unknown"), permissions=["resend"])
    @asks_first(_what_sending_again_does)
    def send_again(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> None:
        at = timezone.now()
        count = 0
        for mail in queryset:
            if send_again(mail.pk, at=at):
                record(mail, action="outgoing_mail.sent_again", actor=request.user, at=at)
                count += 1
        self.message_user(
            request, _("%(count)s queued again, under the same Message-ID.") % {"count": count}, messages.SUCCESS
        )

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("newsroom.resend_mail")


@admin.register(Suppression)
class SuppressionAdmin(FactsAdmin):
    list_display = ["created_at", "reason", "scope", "expires_at"]
    list_filter = ["reason", "scope"]
    ordering = ["-created_at", "-pk"]


@admin.register(Job)
class JobAdmin(FactsAdmin):
    list_display = ["name", "started_at", "succeeded_at", "error"]
    ordering = ["name"]


@admin.register(HistoryEntry)
class HistoryEntryAdmin(FactsAdmin):
    """The one log: changes of state, and who read or exported what of readers. A trigger refuses every change of it."""

    list_display = ["at", "action", "object_text", "actor", "reason", "before", "after"]
    list_filter = ["action", "object_type"]
    list_select_related = ["actor"]
    search_fields = ["=object_pk", "action", "object_text", "reason", "=actor__username"]
    search_help_text = _("A number, an action, a word of the reason, or the exact name of a colleague")
    ordering = ["-at", "-pk"]
    date_hierarchy = "at"

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        changelist.result_list = without_names(changelist.result_list, viewer=request.user)
        return changelist

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> HistoryEntry | None:
        entry = super().get_object(request, object_id, from_field)
        return None if entry is None else without_names([entry], viewer=request.user)[0]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        # What can be filtered, found or put in order by a name tells the name.
        if lookup.startswith("actor") and (request is None or not may_know(request.user)):
            return False
        return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def get_search_fields(self, request: HttpRequest) -> Any:
        fields = super().get_search_fields(request)
        return fields if may_know(request.user) else [name for name in fields if "actor" not in str(name)]

    def get_sortable_by(self, request: HttpRequest) -> Any:
        shown = list(super().get_sortable_by(request))
        return shown if may_know(request.user) else [name for name in shown if name != "actor"]
