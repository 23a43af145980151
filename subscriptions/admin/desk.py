"""The desk: one page on which editors make an issue, approve it, and watch it leave."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from newsroom import registry
from newsroom.history import entries_of
from subscriptions import claims, editing, figures, issues, rendering, segments, sharing
from subscriptions.admin.desk_access import issue_for, user_of
from subscriptions.admin.desk_form import act_of, edition_of
from subscriptions.admin.desk_preview import size_of
from subscriptions.admin.issue_steps import HISTORY_WORDS, STEPS, Step, answers
from subscriptions.assembling import this_weeks
from subscriptions.checklist import checklist, places
from subscriptions.editing import Edition
from subscriptions.models import Delivery, Issue, PreviewLink, Subscription


@require_GET
def make(request: HttpRequest, pk: int, *, model_admin: ModelAdmin) -> HttpResponseBase:
    return _page(model_admin, request, issue_for(request, pk))


@require_POST
def save(request: HttpRequest, pk: int, *, model_admin: ModelAdmin) -> HttpResponseBase:
    """Store everything in the form, whichever of its buttons was pressed, and then do what the button says."""
    issue = issue_for(request, pk)
    edition = edition_of(request)
    if edition is not None:
        try:
            editing.save(issue, edition=edition, by=user_of(request), at=timezone.now(), act=act_of(request))
        except editing.Conflict as conflict:
            return _page(model_admin, request, conflict.issue, typed=edition, conflict=conflict, status=409)
        except (editing.NotAvailable, issues.StepRefused) as refusal:
            messages.error(request, str(refusal))
            return _page(model_admin, request, issue_for(request, pk), typed=edition, status=409)
    what, _colon, which = request.POST.get("act", "").partition(":")
    if what == "step":
        return step(request, pk, which, model_admin=model_admin)
    issue.refresh_from_db()
    if what == "test":
        _send_test(request, issue, to_seeds=which == "seeds")
    elif what == "share":
        sharing.share(issue, by=user_of(request), at=timezone.now(), note=request.POST.get("note", "").strip())
        messages.success(request, _("The link is ready below the preview."))
    elif what == "revoke" and which.isascii() and which.isdecimal():
        sharing.revoke(issue, int(which), by=user_of(request), at=timezone.now())
        messages.success(request, _("The link no longer opens."))
    return redirect("admin:subscriptions_issue_change", pk)


def step(request: HttpRequest, pk: int, name: str, *, model_admin: ModelAdmin) -> HttpResponseBase:
    """Do one step, after a question where there is one to ask. A GET changes nothing."""
    issue = issue_for(request, pk)
    chosen = STEPS.get(name)
    if chosen is None:
        raise Http404
    if not user_of(request).has_perm(chosen.permission):
        raise PermissionDenied
    if "act" in request.POST and (chosen.question or chosen.needs_reason):
        return redirect("admin:subscriptions_issue_step", pk, name)
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
def progress(request: HttpRequest, pk: int, *, model_admin: ModelAdmin) -> HttpResponseBase:
    """Show how the issue is getting on, as the part of the desk that a script asks for every few seconds."""
    issue = issue_for(request, pk)
    if issue.started_at is None:
        raise Http404
    return TemplateResponse(
        request,
        "admin/subscriptions/issue/_progress.html",
        {"issue": issue, "newsletter": issue.newsletter, **_progress(issue)},
    )


def _send_test(request: HttpRequest, issue: Issue, *, to_seeds: bool) -> None:
    """Mail the issue as it is saved to the editor who asks, or to the newsletter's seed list."""
    user = user_of(request)
    to = issue.newsletter.seeds if to_seeds else [user.email] if user.email else []
    if not to:
        messages.error(request, _("There is no address to send a test to."))
        return
    count = sharing.send_tests(issue, to=to, by=user, at=timezone.now())
    messages.success(
        request, ngettext("A test is on its way.", "%(count)s tests are on their way.", count) % {"count": count}
    )


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
    user = user_of(request)
    is_editable = issue.is_editable and user.has_perm(editing.CHANGE)
    rendered = rendering.shown(issue, at=at)
    progress = _progress(issue) if issue.started_at else {}
    words = typed.words if typed else {name: getattr(issue, name) for name in editing.WORDS}
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.model._meta,
        "original": issue,
        "title": str(issue),
        "issue": issue,
        "newsletter": issue.newsletter,
        "is_editable": is_editable,
        "words": words,
        "picks": _pick_rows(issue, typed),
        "available": list(this_weeks(issue, at=at)[:60]) if is_editable else [],
        "segments": list(segments.of_newsletter(issue.newsletter)),
        "places": [(kind.label, count) for kind, count in places(issue.newsletter).items() if count],
        "running_appeal": _running_appeal(issue) if is_editable else None,
        "findings": checklist(issue, at=at, rendered=rendered) if issue.is_editable else [],
        "steps": _open_steps(issue, user, progress.get("progress")),
        "answers": answers(issue, user),
        "size": size_of(rendered),
        "seeds": len(issue.newsletter.seeds),
        "links": _links(issue, at) if user.has_perm(editing.CHANGE) else [],
        "may_share": user.has_perm(editing.CHANGE),
        "history": _history(issue),
        "conflict": conflict,
        "has_view_permission": True,
        **progress,
    }
    return TemplateResponse(request, "admin/subscriptions/issue/desk.html", context, status=status)


def _progress(issue: Issue) -> dict[str, Any]:
    """Return the figures of an issue that has begun to leave, all of them from rows that are summed already."""
    return {
        "progress": claims.progress(issue, at=timezone.now()),
        "reasons": figures.reasons(issue),
        "aftermath": figures.aftermath(issue),
    }


def _running_appeal(issue: Issue) -> str:
    """Return the title of the appeal that will run when the issue leaves, or ''."""
    found = (make(issue.newsletter.language, issue.send_at) for make in registry.issue_appeals)
    return next((appeal.title for appeal in found if appeal is not None), "")


def _open_steps(issue: Issue, user: User, progress: claims.Progress | None) -> list[tuple[str, Step]]:
    has_unknown = progress is not None and progress.counts["unknown"] > 0
    return [
        (name, one)
        for name, one in STEPS.items()
        if not one.is_only_answer and one.is_open(issue, user) and (name != "resend-unknown" or has_unknown)
    ]


def _links(issue: Issue, at: datetime) -> list[dict[str, Any]]:
    shared = PreviewLink.objects.open(at).filter(issue=issue).select_related("made_by").order_by("-made_at", "-pk")
    return [{"link": link, "url": sharing.preview_url(link)} for link in shared[:20]]


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


def _audience(issue: Issue, at: datetime) -> int:
    """Count whom the issue reaches if it leaves now."""
    if issue.segment is not None:
        return segments.count(issue.segment, issue.newsletter, at=at)
    return Subscription.objects.filter(newsletter=issue.newsletter).mailable(at).count()


def _question(model_admin: ModelAdmin, request: HttpRequest, issue: Issue, name: str, chosen: Step) -> HttpResponseBase:
    at = timezone.now()
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.model._meta,
        "original": issue,
        "title": chosen.label,
        "issue": issue,
        "name": name,
        "step": chosen,
        "readers": _audience(issue, at) if name == "send-now" else None,
        "unsent": claims.progress(issue, at=at).counts["pending"] if name == "cancel" and issue.started_at else None,
        "findings": checklist(issue, at=at) if name == "send-now" else [],
        "unknown": Delivery.objects.filter(issue=issue).unknown().count() if name == "resend-unknown" else None,
        "is_reason_missing": request.method == "POST" and chosen.needs_reason,
    }
    return TemplateResponse(request, "admin/subscriptions/issue/question.html", context)
