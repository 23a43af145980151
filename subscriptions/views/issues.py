"""Issues on the web: the archive, one issue as a page of the site, and the latest as a sample for new readers."""

from datetime import date

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from newsroom.feeds import FullTextAtom
from newsroom.pages import public, render_page
from newsroom.prose import with_whole_links
from subscriptions import rendering, sharing
from subscriptions.mail_pages import Look, mail_page
from subscriptions.messages import absolute
from subscriptions.models import Issue, Newsletter

ISSUES_PER_PAGE = 50
ISSUES_IN_FEED = 12


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


@require_safe
@public
def shared_preview(request: HttpRequest, token: str) -> HttpResponseBase:
    """Show an issue before it leaves to whoever holds an open link; no cache and no search engine keeps the page."""
    try:
        issue = sharing.open_preview(token, at=timezone.now())
    except sharing.PreviewOver:
        return _private(render_page(request, "newsroom/preview_over.html", status=410))
    language = issue.newsletter.language
    context = {"issue": issue, "newsletter": issue.newsletter, "token": token}
    return _private(render_page(request, "subscriptions/shared_preview.html", context, language=language))


@require_safe
@public
def shared_mail(request: HttpRequest, token: str) -> HttpResponseBase:
    """Show the mail itself, for the frame of the page above or alone."""
    at = timezone.now()
    try:
        issue = sharing.open_preview(token, at=at)
    except sharing.PreviewOver:
        return _private(render_page(request, "newsroom/preview_over.html", status=410))
    return _private(mail_page(rendering.shown(issue, at=at), Look.of(request.GET.get("look", ""))))


@require_safe
@public
def feed(request: HttpRequest, slug: str) -> HttpResponse:
    """Carry the newest issues whole, as Atom: where mail is read by others, a feed reader may be the safer mailbox."""
    newsletter = get_object_or_404(Newsletter, slug=slug)
    issues = Issue.objects.on_the_web().filter(newsletter=newsletter).select_related("rendering").newest_first()
    issues = issues.defer("letter", "rendering__mail_html", "rendering__mail_text")[:ISSUES_IN_FEED]
    atom = FullTextAtom(
        title=newsletter.name,
        link=absolute(reverse("subscriptions:archive", args=[newsletter.slug])),
        description=newsletter.description,
        language=newsletter.language,
        feed_url=absolute(request.path),
    )
    for issue in issues:
        issue.newsletter = newsletter
        atom.add_item(
            title=issue.rendering.subject,
            link=absolute(issue.get_absolute_url()),
            description=issue.rendering.preheader,
            content=with_whole_links(issue.rendering.web_html),
            unique_id=absolute(issue.get_absolute_url()),
            pubdate=issue.started_at,
            updateddate=issue.rendering.rendered_at,
        )
    response = HttpResponse(atom.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8")
    if not newsletter.is_indexed:
        response.headers["X-Robots-Tag"] = "noindex"
    return _cached(response)


def _private(response: HttpResponseBase) -> HttpResponseBase:
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    response.headers["Cache-Control"] = "no-store"
    # The address is the key, so it must not travel to the pages that the mail links to.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


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
