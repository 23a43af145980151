from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from newsroom.addresses import InvalidAddress, normalise_email
from newsroom.admin.facts import FactsAdmin
from newsroom.history import record
from newsroom.staff_access import proven
from subscriptions.evidence import evidence
from subscriptions.models import Consent

PDF, JSON = "pdf", "json"


class EvidenceForm(forms.Form):
    """The address that a person presents, and why the evidence is taken."""

    address = forms.CharField(
        label=_("Address"),
        max_length=254,
        help_text=_("The address the person presents. Evidence is found after an erasure as well."),
        widget=forms.EmailInput(attrs={"class": "vTextField", "autocomplete": "off"}),
    )
    reason = forms.CharField(label=_("Why"), max_length=500, widget=forms.TextInput(attrs={"class": "vTextField"}))
    kind = forms.ChoiceField(
        label=_("File"),
        choices=[(PDF, _("On paper (PDF)")), (JSON, _("As data (JSON)"))],
        widget=forms.RadioSelect,
        initial=PDF,
    )

    def clean_address(self) -> str:
        try:
            return normalise_email(self.cleaned_data["address"])
        except InvalidAddress as error:
            raise forms.ValidationError(_("This is not an email address."), code="address") from error


@admin.register(Consent)
class ConsentAdmin(FactsAdmin):
    """The ledger as it is. `manage.py verify_consent` tells whether it still holds."""

    change_list_template = "admin/subscriptions/consent/change_list.html"
    list_display = ["position", "at", "purpose", "action", "method", "policy_version", "subject"]
    list_filter = ["action", "method"]
    search_fields = ["subject"]
    search_help_text = _("The subject of a person, as their page shows it")
    ordering = ["-position"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Consent], search_term: str
    ) -> tuple[QuerySet[Consent], bool]:
        """Look up one subject by the index; a part of a UUID would read the whole ledger."""
        if not search_term:
            return queryset, False
        try:
            return queryset.filter(subject=UUID(search_term.strip())), False
        except ValueError:
            return queryset.none(), False

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        return ["-position"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(proven(self.evidence))
        return [path("evidence/", view, name="subscriptions_consent_evidence"), *super().get_urls()]

    def evidence(self, request: HttpRequest) -> HttpResponseBase:
        """Ask whose evidence and why, then give it as one file. Who took it is recorded; the address is not."""
        if not request.user.has_perm("subscriptions.export_subscribers"):
            raise PermissionDenied
        form = EvidenceForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            context = {**self.admin_site.each_context(request), "title": _("Evidence of consent"), "form": form}
            status = 422 if form.is_bound else 200
            return TemplateResponse(request, "admin/subscriptions/consent/evidence.html", context, status=status)
        at = timezone.now()
        document = evidence(form.cleaned_data["address"], at=at)
        positions = [row["position"] for row in document["rows"]]
        record(
            self.model(),
            action="consent.evidence_taken",
            actor=request.user,
            reason=form.cleaned_data["reason"],
            after={"positions": positions},
            at=at,
        )
        kind = form.cleaned_data["kind"]
        if kind == PDF:
            # The maker of PDF files and its fonts take 25 MB, which no other process needs to hold.
            from subscriptions import evidence_pdf  # noqa: PLC0415

            response = HttpResponse(evidence_pdf.draw(document, made_at=at), content_type="application/pdf")
        else:
            response = JsonResponse(document, json_dumps_params={"indent": 2, "ensure_ascii": False})
        response["Content-Disposition"] = f'attachment; filename="consent-{at:%Y-%m-%d}.{kind}"'
        return response
