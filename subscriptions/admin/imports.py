"""Importing subscribers: upload, look, run, read the verdicts, undo."""

from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from newsroom.admin.facts import FactsAdmin
from newsroom.history import record
from subscriptions import exporting, importing
from subscriptions.import_files import CHUNK_BYTES, Columns, Head, UnreadableFile, columns_of, head_of, look
from subscriptions.models import ImportRow, SubscriberImport


class ImportForm(forms.ModelForm):
    file = forms.FileField(
        label=_("CSV file"),
        help_text=_(
            "As it comes from Mailchimp, Ghost, Substack, listmonk or a spreadsheet. You see it before it runs."
        ),
    )

    class Meta:
        model = SubscriberImport
        fields = ["newsletter", "source", "wording", "evidence"]

    def clean_file(self) -> Any:
        """Look at the first piece, so that a file without addresses is refused at once."""
        file = self.cleaned_data["file"]
        try:
            look(file.read(CHUNK_BYTES))
        except (UnreadableFile, UnicodeError) as error:
            raise forms.ValidationError(
                _("There is no column of email addresses in this file."), code="file"
            ) from error
        file.seek(0)
        return file


class ColumnsForm(forms.Form):
    """Which column of the file is what."""

    def __init__(self, *args: Any, head: Head, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(name, name) for name in head.names]
        self.fields["email"] = forms.ChoiceField(label=_("addresses"), choices=names)
        others = {"date": _("when they signed up"), "status": _("who receives no mail"), "language": _("language")}
        for name, label in others.items():
            choices = [("", _("not in this file")), *names]
            self.fields[name] = forms.ChoiceField(label=label, choices=choices, required=False)

    def columns(self) -> Columns:
        return Columns(**self.cleaned_data)


@admin.register(SubscriberImport)
class SubscriberImportAdmin(FactsAdmin):
    list_display = ["file_name", "newsletter", "source", "state", "created_by", "created_at", "ended_at"]
    list_filter = ["state", "newsletter"]
    list_select_related = ["newsletter", "created_by"]
    ordering = ["-created_at", "-pk"]
    add_form_template = None
    change_form_template = "admin/subscriptions/subscriberimport/change_form.html"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("subscriptions.add_subscriberimport")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **kwargs) if obj else ImportForm

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ["newsletter", "file", "source", "wording", "evidence"]
        return [
            "newsletter",
            "file_name",
            "source",
            "wording",
            "evidence",
            "encoding",
            "state",
            "error",
            "created_by",
            "created_at",
        ]

    def save_model(self, request: HttpRequest, obj: SubscriberImport, form: Any, change: bool) -> None:
        received = importing.receive(
            form.cleaned_data["file"].chunks(CHUNK_BYTES),
            newsletter=obj.newsletter,
            file_name=form.cleaned_data["file"].name,
            source=obj.source,
            wording=obj.wording,
            evidence=obj.evidence,
            by=request.user,
            at=timezone.now(),
        )
        obj.pk = received.pk
        obj.refresh_from_db()

    def response_add(
        self, request: HttpRequest, obj: SubscriberImport, post_url_continue: str | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:subscriptions_subscriberimport_change", args=[obj.pk]))

    def get_urls(self) -> list[URLPattern]:
        steps = [
            *(
                path(f"<int:pk>/{word}/", self.admin_site.admin_view(step), name=f"subscriptions_import_{word}")
                for word, step in (
                    ("columns", self.columns),
                    ("start", self.start),
                    ("discard", self.discard),
                    ("undo", self.undo),
                )
            ),
            path(
                "<int:pk>/verdicts.csv", self.admin_site.admin_view(self.verdicts), name="subscriptions_import_verdicts"
            ),
        ]
        return [*steps, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        found = SubscriberImport.objects.filter(pk=object_id).first() if object_id.isdecimal() else None
        counts = dict(
            ImportRow.objects.filter(subscriber_import=found).values_list("verdict").annotate(Count("pk")).order_by()
        )
        labels = {"": _("waiting"), **dict(ImportRow.Verdict.choices)}
        is_waiting = found is not None and found.state == SubscriberImport.State.RECEIVED
        total = sum(counts.values())
        extra = {
            "preview": self._preview(found) if found is not None and is_waiting else None,
            "counts": sorted(((labels[word], count) for word, count in counts.items()), key=lambda one: -one[1]),
            "percent": 100 * (total - counts.get("", 0)) // total if total else 0,
            "is_going_on": found is not None and found.state == SubscriberImport.State.RUNNING,
            "found": found,
        }
        response = super().change_view(request, object_id, form_url, {**(extra_context or {}), **extra})
        if found is not None and extra["preview"] and response.status_code == 200:
            record(found, action="import.previewed", actor=request.user)
        return response

    def _preview(self, found: SubscriberImport) -> dict[str, Any] | None:
        """Return the first lines of a file and what each says, as it would be read now."""
        head = head_of(found)
        if head is None:
            return None
        columns = columns_of(found)
        places = columns.of(head.names)
        verdicts = {"": _("to be imported"), **dict(ImportRow.Verdict.choices)}
        read = [(cells, places.read(cells)) for cells in head.rows if any(cells)]
        return {
            "head": head,
            "form": ColumnsForm(head=head, initial=asdict(columns)),
            "people": [(cells, person, verdicts[person.verdict]) for cells, person in read],
        }

    def columns(self, request: HttpRequest, pk: int) -> HttpResponse:
        found = self._own(request, pk)
        head = head_of(found)
        form = ColumnsForm(request.POST, head=head) if head else None
        if form is None or not form.is_valid():
            self.message_user(request, _("The file has no such column."), messages.ERROR)
        elif importing.choose_columns(found, form.columns(), by=request.user, at=timezone.now()):
            self.message_user(request, _("The first lines are shown as they would be read now."), messages.SUCCESS)
        return self._back(pk)

    def start(self, request: HttpRequest, pk: int) -> HttpResponse:
        found = self._own(request, pk)
        if importing.start(found, by=request.user, at=timezone.now()):
            self.message_user(request, _("The import runs. Reload the page to see how far it is."), messages.SUCCESS)
        return self._back(pk)

    def discard(self, request: HttpRequest, pk: int) -> HttpResponse:
        if importing.discard(self._own(request, pk), by=request.user, at=timezone.now()):
            self.message_user(request, _("The file was deleted. Nobody was imported."), messages.SUCCESS)
        return self._back(pk)

    def undo(self, request: HttpRequest, pk: int) -> HttpResponse:
        found = self._own(request, pk)
        try:
            importing.undo(found, by=request.user, at=timezone.now())
        except importing.TooLateToUndo:
            self.message_user(request, _("An import can be undone for a day after its end."), messages.ERROR)
        return self._back(pk)

    def verdicts(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        """Give the verdict of each line as a file. It holds addresses, so its reading is recorded."""
        if not request.user.has_perm("subscriptions.view_subscriber"):
            raise PermissionDenied
        found = get_object_or_404(SubscriberImport, pk=pk)
        record(found, action="import.verdicts_read", actor=request.user)
        response = StreamingHttpResponse(exporting.verdicts(found), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="import-{pk}-verdicts.csv"'
        return response

    def _own(self, request: HttpRequest, pk: int) -> SubscriberImport:
        if request.method != "POST" or not self.has_add_permission(request):
            raise PermissionDenied
        return get_object_or_404(SubscriberImport, pk=pk)

    def _back(self, pk: int) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:subscriptions_subscriberimport_change", args=[pk]))
