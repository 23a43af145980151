"""Unsubscribing: one page for people, and one click for mail programs (RFC 8058)."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from newsroom.pages import public, render_page
from subscriptions import unsubscribing
from subscriptions.forms import ReasonForm
from subscriptions.models import Consent, Newsletter, Subscription, UnsubscribeReason
from subscriptions.statements import newsletter_statement

# The ledger names the page without the token of the person who used it.
PAGE = "/newsletter/unsubscribe/"


@require_http_methods(["GET", "HEAD", "POST"])
@public
def unsubscribe(request: HttpRequest, token: str) -> HttpResponseBase:
    """Show a button to people; unsubscribe at once by POST.

    The POST answers 200 without a redirect, takes both content types of RFC 8058 section 3.2, reads no cookie, and says
    the same however often it comes, also when the person was erased since.
    """
    try:
        link_id = unsubscribing.read(token)
    except unsubscribing.BadToken:
        return render_page(request, "subscriptions/bad_link.html", status=404)
    if request.method != "POST":
        return _page(request, "subscriptions/unsubscribe.html", token, unsubscribing.find(link_id))
    method = Consent.Method.UNSUBSCRIBE_PAGE if _has_pressed_button(request) else Consent.Method.ONE_CLICK
    subscription = unsubscribing.unsubscribe(link_id, page=PAGE, method=method, at=timezone.now())
    return _page(request, "subscriptions/goodbye.html", token, subscription)


def _has_pressed_button(request: HttpRequest) -> bool:
    """Tell our own button from a mail program's click. A body that cannot be read is a mail program's."""
    try:
        return "button" in request.POST
    except MultiPartParserError:
        return False


@require_POST
@public
def give_reason(request: HttpRequest, slug: str) -> HttpResponse:
    """Count why someone left. The form carries no token, so the count cannot be joined to a person."""
    newsletter = get_object_or_404(Newsletter, slug=slug)
    form = ReasonForm(request.POST)
    if form.is_valid():
        reason = UnsubscribeReason.Reason(form.cleaned_data["reason"])
        unsubscribing.count_reason(newsletter, reason=reason, at=timezone.now())
    return render_page(
        request, "subscriptions/reason_taken.html", {"newsletter": newsletter}, language=newsletter.language
    )


def _page(request: HttpRequest, template: str, token: str, subscription: Subscription | None) -> HttpResponse:
    newsletter = subscription.newsletter if subscription else None
    return render_page(
        request,
        template,
        {
            "token": token,
            "newsletter": newsletter,
            "statement": newsletter_statement(newsletter, at=timezone.now()) if newsletter else None,
            "reason_form": ReasonForm(),
            "is_subscribed": subscription is not None and subscription.state != Subscription.State.UNSUBSCRIBED,
        },
        language=newsletter.language if newsletter else None,
    )
