"""Issues on the web: the archive, one issue as a page of the site, and the latest as a sample for new readers."""

from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from newsroom.pages import public, render_page
from subscriptions import rendering
from subscriptions.models import Issue, Newsletter

ISSUES_PER_PAGE = 50


class DateConverter:
    """A day in an address, such as 2026-11-20."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        # A ValueError means that the address leads nowhere.
        return date.fromisoformat(value)

    def to_url(self, value: date | str) -> str:
        return value if isinstance(value, str) else value.isoformat()


@require_safe
@public
def archive(request: HttpRequest, slug: str) -> HttpResponse:
    """List the issues that have left, newest first, a page of them before the date in `before`."""
    newsletter = get_object_or_404(Newsletter, slug=slug)
    issues = Issue.objects.on_the_web().filter(newsletter=newsletter).select_related("rendering").newest_first()
    issues = issues.defer("letter", "rendering__mail_html", "rendering__mail_text", "rendering__web_html")
    if "before" in request.GET:
        issues = issues.filter(issue_date__lt=_day(request.GET["before"]))
    shown = list(issues[: ISSUES_PER_PAGE + 1])
    older = shown[ISSUES_PER_PAGE - 1].issue_date if len(shown) > ISSUES_PER_PAGE else None
    return _cached(
        render_page(
            request,
            "subscriptions/issue_archive.html",
            {"newsletter": newsletter, "issues": shown[:ISSUES_PER_PAGE], "older": older},
            language=newsletter.language,
        )
    )


@require_safe
@public
def issue(request: HttpRequest, slug: str, issue_date: date) -> HttpResponse:
    """Show one issue as it was frozen for the web."""
    shown = get_object_or_404(
        Issue.objects.on_the_web().select_related("newsletter", "rendering"),
        newsletter__slug=slug,
        issue_date=issue_date,
    )
    return _cached(_issue_page(request, shown, shown.rendering.web_html, shown.rendering.subject))


@require_safe
@public
def preview(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what a new reader would get: the latest issue that left, or the draft while there is none."""
    newsletter = get_object_or_404(Newsletter.objects.active(), slug=slug)
    latest = (
        Issue.objects.on_the_web()
        .filter(newsletter=newsletter)
        .select_related("newsletter", "rendering")
        .newest_first()
        .first()
    )
    if latest is not None:
        return _cached(
            _issue_page(request, latest, latest.rendering.web_html, latest.rendering.subject, is_sample=True)
        )
    coming = [Issue.State.DRAFT, Issue.State.APPROVED]
    drafts = Issue.objects.filter(newsletter=newsletter, assembled_at__isnull=False, state__in=coming)
    draft = drafts.select_related("newsletter").newest_first().first()
    if draft is None or not draft.picks.exists():
        return render_page(
            request, "subscriptions/issue_none.html", {"newsletter": newsletter}, language=newsletter.language
        )
    rendered = rendering.render(draft, at=timezone.now(), is_sample=True)
    return _cached(_issue_page(request, draft, rendered.web_html, rendered.subject, is_sample=True))


def _issue_page(
    request: HttpRequest, issue: Issue, content: str, subject: str, *, is_sample: bool = False
) -> HttpResponse:
    return render_page(
        request,
        "subscriptions/issue.html",
        {
            "issue": issue,
            "newsletter": issue.newsletter,
            "subject": subject,
            "content": content,
            "is_sample": is_sample,
        },
        language=issue.newsletter.language,
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Http404 from error


def _cached(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = "public, max-age=60"
    return response
