"""Where staff see whom a new policy concerns, ask them, and watch the answers."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from newsroom.admin.facts import FactsAdmin
from subscriptions import renewing
from subscriptions.models import ConsentRenewal, PrivacyPolicy

MAY = "subscriptions.publish_policy"
STEPS = {"pause": renewing.pause, "resume": renewing.resume, "cancel": renewing.cancel}


class RenewalForm(forms.Form):
    """When those who are asked are reminded, and until when they may answer."""

    remind_after = forms.IntegerField(label=_("Remind after days"), min_value=1, max_value=180, initial=14)
    answer_within = forms.IntegerField(label=_("Answer within days"), min_value=2, max_value=365, initial=30)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if "remind_after" in values and "answer_within" in values and values["remind_after"] >= values["answer_within"]:
            raise forms.ValidationError(_("The reminder must leave before the time is over."), code="order")
        return values


@admin.register(ConsentRenewal)
class ConsentRenewalAdmin(FactsAdmin):
    change_list_template = "admin/subscriptions/consentrenewal/change_list.html"
    change_form_template = "admin/subscriptions/consentrenewal/change_form.html"
    list_display = ["policy", "state", "concerned", "started_at", "ended_at"]
    list_select_related = ["policy"]
    ordering = ["-started_at", "-pk"]
    fields = [
        *("policy", "state", "concerned", "remind_after_days", "answer_within_days"),
        *("started_by", "started_at", "paused_at", "ended_at"),
    ]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("start/", view(self.start), name="subscriptions_consentrenewal_start"),
            path("<int:pk>/<slug:word>/", view(self.step), name="subscriptions_consentrenewal_step"),
        ]
        change = [one for one in super().get_urls() if one.name == "subscriptions_consentrenewal_change"]
        return [own[0], *change, own[1], *super().get_urls()]

    def start(self, request: HttpRequest) -> HttpResponseBase:
        """Show how many are concerned, and begin when staff press the button under the numbers."""
        if not request.user.has_perm(MAY):
            raise PermissionDenied
        at = timezone.now()
        policy = PrivacyPolicy.objects.in_force(at)
        form = RenewalForm(request.POST if request.method == "POST" else None)
        if policy is not None and form.is_valid():
            try:
                run = renewing.start(
                    policy,
                    remind_after=form.cleaned_data["remind_after"],
                    answer_within=form.cleaned_data["answer_within"],
                    by=request.user,
                    at=at,
                )
            except renewing.NothingToRenew:
                messages.info(request, _("Everybody has agreed to the version in force."))
            except renewing.RunsAlready:
                messages.error(request, _("A run for this version has not ended yet."))
            else:
                return HttpResponseRedirect(reverse("admin:subscriptions_consentrenewal_change", args=[run.pk]))
        numbers = renewing.numbers(policy) if policy is not None else []
        context = {
            **self.admin_site.each_context(request),
            "title": _("Ask for consent anew"),
            "form": form,
            "policy": policy,
            "numbers": numbers,
            "total": sum(one.count for one in numbers),
        }
        status = 422 if form.is_bound and not form.is_valid() else 200
        return TemplateResponse(request, "admin/subscriptions/consentrenewal/start.html", context, status=status)

    def step(self, request: HttpRequest, pk: int, word: str) -> HttpResponse:
        """Pause, resume or cancel a run. Only a POST does."""
        if not request.user.has_perm(MAY) or word not in STEPS or request.method != "POST":
            raise PermissionDenied
        run = get_object_or_404(ConsentRenewal, pk=pk)
        if not STEPS[word](run, by=request.user, at=timezone.now()):
            messages.error(request, _("The run is no longer in a state where this is possible."))
        return HttpResponseRedirect(reverse("admin:subscriptions_consentrenewal_change", args=[pk]))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = ConsentRenewal.objects.filter(pk=object_id).first() if object_id.isdecimal() else None
        words = {"running": ["pause", "cancel"], "paused": ["resume", "cancel"]}.get(run.state if run else "", [])
        labels = {"pause": _("Pause"), "resume": _("Go on"), "cancel": _("End without stopping anybody")}
        extra = {
            "run": run,
            "progress": renewing.progress(run) if run is not None else [],
            "steps": [(word, labels[word]) for word in words] if request.user.has_perm(MAY) else [],
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **extra})
