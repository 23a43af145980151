"""The desk: one page on which editors make an issue, approve it, and watch it leave."""

import re
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_POST

from newsroom.history import entries_of
from newsroom.mail import queue_mail
from subscriptions import claims, editing, issues, rendering
from subscriptions.admin.issue_steps import HISTORY_WORDS, STEPS, Step
from subscriptions.assembling import this_weeks
from subscriptions.checklist import checklist, places
from subscriptions.editing import Edition
from subscriptions.models import Delivery, Issue, Subscription

# A mail's own styles may stand here because nothing else may: no script, no request but for the site's own images.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'self'; sandbox allow-popups"
)
# Words that a button sends, such as `up:12`.
ACT = re.compile(r"^(save|up|down|remove|add|order)(?::(\d+(?:,\d+)*))?$")


@require_GET
def make(request: HttpRequest, pk: int, *, model_admin: ModelAdmin) -> HttpResponseBase:
    return _page(model_admin, request, _issue(request, pk))


@require_POST
def save(request: HttpRequest, pk: int, *, model_admin: ModelAdmin) -> HttpResponseBase:
    """Store everything in the form, whichever of its buttons was pressed, and do what the button says."""
    issue = _issue(request, pk)
    edition = _edition(request)
    try:
        editing.save(
            issue, edition=edition, by=_user(request), at=timezone.now(), act=_act(request.POST.get("act", ""))
        )
    except editing.Conflict as conflict:
        return _page(model_admin, request, conflict.issue, typed=edition, conflict=conflict, status=409)
    except (editing.NotAvailable, issues.StepRefused) as refusal:
        messages.error(request, str(refusal))
        return _page(model_admin, request, issue, typed=edition, status=409)
    return redirect("admin:subscriptions_issue_change", pk)


def step(request: HttpRequest, pk: int, name: str, *, model_admin: ModelAdmin) -> HttpResponseBase:
    """Do one step, after a question where there is one to ask. A GET changes nothing."""
    issue = _issue(request, pk)
    chosen = STEPS.get(name)
    if chosen is None:
        raise Http404
    if not _user(request).has_perm(chosen.permission):
        raise PermissionDenied
    reason = request.POST.get("reason", "").strip()
    is_answered = request.method == "POST" and (not chosen.question or "confirmed" in request.POST)
    if not is_answered or (chosen.needs_reason and not reason):
        return _question(model_admin, request, issue, name, chosen)
    arguments: dict[str, Any] = {"by": request.user, "at": timezone.now()}
    if chosen.needs_reason:
        arguments["reason"] = reason
    try:
        chosen.act(issue, **arguments)
    except issues.NotReady as lack:
        for obstacle in lack.obstacles:
            messages.error(request, obstacle)
    except issues.StepRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Done: %(step)s.") % {"step": chosen.label})
    return redirect("admin:subscriptions_issue_change", pk)


@require_GET
@xframe_options_sameorigin
def mail(request: HttpRequest, pk: int, *, model_admin: ModelAdmin) -> HttpResponseBase:
    """Show the mail's HTML as it would arrive, with links of the reader's own that lead nowhere."""
    issue = _issue(request, pk)
    html = issue.rendering.mail_html if hasattr(issue, "rendering") else _rendered(issue).mail_html
    response = HttpResponse(rendering.with_dead_links(html))
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response


@require_GET
def text(request: HttpRequest, pk: int, *, model_admin: ModelAdmin) -> HttpResponseBase:
    issue = _issue(request, pk)
    words = issue.rendering.mail_text if hasattr(issue, "rendering") else _rendered(issue).mail_text
    return HttpResponse(rendering.with_dead_links(words), content_type="text/plain; charset=utf-8")


@require_POST
def test(request: HttpRequest, pk: int, *, model_admin: ModelAdmin) -> HttpResponseBase:
    """Mail the issue as it stands to the editor who asks."""
    issue = _issue(request, pk)
    user = _user(request)
    if not user.email:
        messages.error(request, _("Your account has no address to send a test to."))
        return redirect("admin:subscriptions_issue_change", pk)
    rendered = _rendered(issue)
    with transaction.atomic():
        queue_mail(
            key=f"issue-test-{uuid4()}",
            template="issue_test",
            to=user.email,
            language=issue.newsletter.language,
            context={
                "title": rendered.subject,
                "text": rendering.with_dead_links(rendered.mail_text),
                "html": rendering.with_dead_links(rendered.mail_html),
            },
        )
    messages.success(request, _("A test is on its way to you."))
    return redirect("admin:subscriptions_issue_change", pk)


def _issue(request: HttpRequest, pk: int) -> Issue:
    if not _user(request).has_perm("subscriptions.view_issue"):
        raise PermissionDenied
    return get_object_or_404(Issue.objects.select_related("newsletter", "rendering", "approved_by"), pk=pk)


def _user(request: HttpRequest) -> User:
    # The admin lets nobody in who is not signed in.
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _rendered(issue: Issue) -> rendering.Rendered:
    return rendering.render(issue, at=timezone.now())


def _edition(request: HttpRequest) -> Edition:
    data = request.POST
    version = data.get("version", "")
    picks = {
        int(name[len("headline-") :]): (
            " ".join(data[name].split())[:200],
            data.get(f"blurb-{name[len('headline-') :]}", "").strip()[:1000],
        )
        for name in data
        if name.startswith("headline-") and name[len("headline-") :].isdecimal()
    }
    words = {
        "subject": " ".join(data.get("subject", "").split())[:200],
        "preheader": " ".join(data.get("preheader", "").split())[:200],
        "letter": data.get("letter", "").replace("\r\n", "\n").strip()[:10_000],
    }
    return Edition(version=int(version) if version.isdecimal() else 0, words=words, picks=picks)


def _act(text: str) -> editing.Act | None:
    match = ACT.match(text)
    if match is None or match[2] is None:
        return None
    numbers = [int(number) for number in match[2].split(",")]
    acts = {
        "up": lambda: editing.move(numbers[0], by_places=-1),
        "down": lambda: editing.move(numbers[0], by_places=1),
        "remove": lambda: editing.remove(numbers[0]),
        "add": lambda: editing.add(numbers[0]),
        "order": lambda: editing.reorder(numbers),
    }
    make_act = acts.get(match[1])
    return make_act() if make_act else None


def _page(
    model_admin: ModelAdmin,
    request: HttpRequest,
    issue: Issue,
    *,
    typed: Edition | None = None,
    conflict: editing.Conflict | None = None,
    status: int = 200,
) -> HttpResponseBase:
    at = timezone.now()
    user = _user(request)
    is_editable = issue.is_editable and user.has_perm(editing.CHANGE)
    progress = claims.progress(issue, at=at) if issue.started_at else None
    size = len(issue.rendering.mail_html.encode()) if hasattr(issue, "rendering") else _rendered(issue).html_bytes
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.model._meta,
        "original": issue,
        "title": str(issue),
        "issue": issue,
        "newsletter": issue.newsletter,
        "is_editable": is_editable,
        "subject": typed.words["subject"] if typed else issue.subject,
        "preheader": typed.words["preheader"] if typed else issue.preheader,
        "letter": typed.words["letter"] if typed else issue.letter,
        "picks": _pick_rows(issue, typed),
        "available": list(this_weeks(issue, at=at)[:60]) if is_editable else [],
        "places": [(kind.label, count) for kind, count in places(issue.newsletter).items() if count],
        "findings": checklist(issue, at=at) if issue.is_editable else [],
        "steps": [(name, one) for name, one in STEPS.items() if _is_open(name, one, issue, user, progress)],
        "size": size,
        "size_share": min(100, round(100 * size / rendering.GMAIL_CLIPS_AT)),
        "is_near_limit": size >= rendering.WARN_AT,
        "progress": progress,
        "exclusions": sorted(issue.exclusions.items()),
        "history": _history(issue),
        "conflict": conflict,
        "has_view_permission": True,
    }
    return TemplateResponse(request, "admin/subscriptions/issue/desk.html", context, status=status)


def _is_open(name: str, chosen: Step, issue: Issue, user: User, progress: claims.Progress | None) -> bool:
    has_unknown = progress is not None and progress.counts["unknown"] > 0
    return chosen.is_open(issue, user) and (name != "resend-unknown" or has_unknown)


def _history(issue: Issue) -> list[dict[str, Any]]:
    entries = entries_of(issue)[:12]
    return [
        {
            "at": entry.at,
            "words": HISTORY_WORDS.get(entry.action, entry.action),
            "actor": entry.actor,
            "reason": entry.reason,
        }
        for entry in entries
    ]


def _pick_rows(issue: Issue, typed: Edition | None) -> list[dict[str, Any]]:
    """Return the picks in order, with what the editor typed where the page comes back unsaved."""
    picks = issue.picks.in_order().select_related("article__section", "picked_by")
    rows = []
    for pick in picks.prefetch_related("article__bylines__author"):
        headline, blurb = (typed.picks.get(pick.pk) if typed else None) or (pick.headline, pick.blurb)
        rows.append({"pick": pick, "headline": headline, "blurb": blurb})
    return rows


def _question(model_admin: ModelAdmin, request: HttpRequest, issue: Issue, name: str, chosen: Step) -> HttpResponseBase:
    readers = Subscription.objects.filter(newsletter=issue.newsletter).mailable(timezone.now()).count()
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.model._meta,
        "original": issue,
        "title": chosen.label,
        "issue": issue,
        "name": name,
        "step": chosen,
        "readers": readers if name == "send-now" else None,
        "unknown": Delivery.objects.filter(issue=issue).unknown().count() if name == "resend-unknown" else None,
        "is_reason_missing": request.method == "POST" and chosen.needs_reason,
        "site_url": settings.SITE_URL,
    }
    return TemplateResponse(request, "admin/subscriptions/issue/question.html", context)
