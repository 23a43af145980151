from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from newsroom.admin.asking import asks_first
from newsroom.admin.languages import LanguageForm
from subscriptions.models import PolicyText, PrivacyPolicy, Subscription
from subscriptions.policies import PolicyNotReady, changes_of, publish


class PolicyTextForm(LanguageForm):
    class Meta:
        model = PolicyText
        fields = ["language", "title", "summary", "body"]
        widgets = {"body": forms.Textarea(attrs={"rows": 24}), "summary": forms.Textarea(attrs={"rows": 2})}
        help_texts = {"body": _("HTML with headings, paragraphs, lists and links.")}


class PolicyTextInline(admin.StackedInline):
    model = PolicyText
    form = PolicyTextForm
    extra = 0
    ordering = ["language"]
    readonly_fields = ["body_hash"]

    def get_extra(self, request: HttpRequest, obj: PrivacyPolicy | None = None, **kwargs: Any) -> int:
        """Open the first text of a new version at once."""
        return 1 if obj is None else 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_open(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_open(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_open(obj) and super().has_delete_permission(request, obj)


def _what_publishing_does(chosen: QuerySet[PrivacyPolicy]) -> str:
    """Say how many read under which policy now: whoever signed up agreed to an older one, and is not asked by this."""
    readers = Subscription.objects.active().order_by().values("subscriber").distinct().count()
    words = ngettext(
        "From its date on %(versions)s is what everybody who signs up or gives agrees to, and no word of it can be "
        "changed or taken back. %(count)s reader agreed to an older version, and is not mailed about this one.",
        "From its date on %(versions)s is what everybody who signs up or gives agrees to, and no word of it can be "
        "changed or taken back. %(count)s readers agreed to an older version, and are not mailed about this one.",
        readers,
    )
    versions = ", ".join(chosen.order_by("in_force_from", "pk").values_list("version", flat=True))
    return words % {"versions": versions, "count": f"{readers:,}"}


@admin.register(PrivacyPolicy)
class PrivacyPolicyAdmin(admin.ModelAdmin):
    inlines = [PolicyTextInline]
    list_display = ["version", "in_force_from", "published_at"]
    ordering = ["-in_force_from", "-pk"]
    fields = ["version", "in_force_from", "published_at"]
    readonly_fields = ["published_at"]
    actions = ["publish_drafts"]
    change_form_template = "admin/subscriptions/privacypolicy/change_form.html"

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: PrivacyPolicy | None = None,
    ) -> HttpResponse:
        """Put what a version changes under its texts: what is published is never changed again."""
        changes = changes_of(obj) if obj is not None else []
        return super().render_change_form(request, {**context, "changes": changes}, add, change, form_url, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_open(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is not None and _is_open(obj) and super().has_delete_permission(request, obj)

    def has_publish_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("subscriptions.publish_policy")

    @admin.action(description=_("Publish: from then on it never changes"), permissions=["publish"])
    @asks_first(_what_publishing_does)
    def publish_drafts(self, request: HttpRequest, queryset: QuerySet[PrivacyPolicy]) -> None:
        for policy in queryset.order_by("in_force_from", "pk"):
            try:
                publish(policy, by=request.user, at=timezone.now())
            except PolicyNotReady:
                self.message_user(
                    request,
                    _(
                        "%(version)s was not published: it needs a text in the outlet's language, and a date that is "
                        "not before the version in force."
                    )
                    % {"version": policy.version},
                    messages.ERROR,
                )
            else:
                self.message_user(
                    request, _("%(version)s is published.") % {"version": policy.version}, messages.SUCCESS
                )


def _is_open(policy: PrivacyPolicy | None) -> bool:
    return policy is None or not policy.is_published
