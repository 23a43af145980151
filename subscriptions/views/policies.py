"""The Privacy Policy: the version in force, and every former one."""

from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_safe

from newsroom.outlet import current_outlet
from newsroom.page_cache import cached
from newsroom.pages import render_page
from subscriptions.models import PolicyText, PrivacyPolicy
from subscriptions.policies import compare, text_in_force, text_of


@require_safe
@cached
def current_policy(request: HttpRequest, language: str | None = None) -> HttpResponseBase:
    """Show the text in force, in an edition's language or the outlet's own."""
    text = text_in_force(language or current_outlet().language, at=timezone.now())
    if text is None:
        raise Http404
    return _page(request, text)


@require_safe
@cached
def policy(request: HttpRequest, version: str) -> HttpResponseBase:
    found = get_object_or_404(PrivacyPolicy.objects.published(), version=version)
    text = text_of(found, current_outlet().language)
    if text is None:
        raise Http404
    return redirect(text)


@require_safe
@cached
def policy_text(request: HttpRequest, version: str, language: str) -> HttpResponse:
    text = get_object_or_404(
        PolicyText.objects.select_related("policy").filter(policy__published_at__isnull=False),
        policy__version=version,
        language=language,
    )
    return _page(request, text)


@require_safe
@cached
def policy_changes(request: HttpRequest, version: str, language: str) -> HttpResponse:
    """Show what a version changed against the one before it."""
    text = get_object_or_404(
        PolicyText.objects.select_related("policy").filter(policy__published_at__isnull=False),
        policy__version=version,
        language=language,
    )
    before = PrivacyPolicy.objects.before(text.policy)
    old = PolicyText.objects.filter(policy=before, language=language).first() if before else None
    if before is None or old is None:
        raise Http404
    return render_page(
        request,
        "subscriptions/policy_changes.html",
        {"text": text, "old_version": before.version, "lines": compare(old.body, text.body)},
        language=language,
    )


def _page(request: HttpRequest, text: PolicyText) -> HttpResponse:
    at = timezone.now()
    in_force = PrivacyPolicy.objects.in_force(at)
    others = PolicyText.objects.filter(policy=text.policy).exclude(pk=text.pk).order_by("language")
    same_language = PolicyText.objects.filter(policy=OuterRef("pk"), language=text.language)
    versions = PrivacyPolicy.objects.published().annotate(is_in_this_language=Exists(same_language))
    return render_page(
        request,
        "subscriptions/policy.html",
        {
            "text": text,
            "policy": text.policy,
            "is_in_force": in_force == text.policy,
            "is_coming": text.policy.in_force_from is not None and text.policy.in_force_from > at,
            "others": others,
            "versions": versions.order_by("-in_force_from", "-pk"),
            "has_changes": PrivacyPolicy.objects.before(text.policy) is not None,
        },
        language=text.language,
    )
