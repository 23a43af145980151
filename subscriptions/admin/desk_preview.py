"""The desk's previews: the issue as it stands, and as it would be with what an editor is just typing."""

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from subscriptions import editing, rendering
from subscriptions.admin.desk_access import issue_for
from subscriptions.admin.desk_form import edition_of
from subscriptions.checklist import checklist
from subscriptions.mail_pages import Look, mail_page
from subscriptions.models import Issue
from subscriptions.rendering import GMAIL_CLIPS_AT, WARN_AT, Rendered


@require_GET
def mail(request: HttpRequest, pk: int, *, model_admin: ModelAdmin) -> HttpResponseBase:
    """Show what is frozen, or else what is saved."""
    look = Look.of(request.GET.get("look", ""))
    return mail_page(rendering.shown(issue_for(request, pk), at=timezone.now()), look)


@require_POST
def preview(request: HttpRequest, pk: int, *, model_admin: ModelAdmin) -> HttpResponseBase:
    """Show the issue with the words of the form, and store nothing."""
    _issue, rendered = _as_typed(request, pk)
    return mail_page(rendered, Look.of(request.POST.get("look", "")))


@require_POST
def measure(request: HttpRequest, pk: int, *, model_admin: ModelAdmin) -> HttpResponseBase:
    """Return the size and the check list of the issue with the words of the form."""
    issue, rendered = _as_typed(request, pk)
    edition = edition_of(request)
    findings = (
        checklist(issue, at=timezone.now(), rendered=rendered, typed=edition.picks)
        if edition and issue.is_editable
        else []
    )
    return JsonResponse(
        {
            **size_of(rendered),
            "findings": [{"text": one.text, "is_obstacle": one.is_obstacle} for one in findings],
        }
    )


def size_of(rendered: Rendered) -> dict[str, object]:
    """Return the figures of the meter."""
    size = rendered.html_bytes
    return {
        "words": _("%(kb)s of the 102 KB that Gmail shows") % {"kb": filesizeformat(size)},
        "share": min(100, round(100 * size / GMAIL_CLIPS_AT)),
        "is_near_limit": size >= WARN_AT,
    }


def _as_typed(request: HttpRequest, pk: int) -> tuple[Issue, Rendered]:
    issue = issue_for(request, pk)
    edition = edition_of(request)
    at = timezone.now()
    if edition is None or not issue.is_editable:
        return issue, rendering.shown(issue, at=at)
    editing.as_typed(issue, edition)
    return issue, rendering.render(issue, at=at, typed=edition.picks, has_marks=True)
