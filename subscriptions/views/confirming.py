"""The page behind the link in the confirmation mail."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from newsroom.pages import public, render_page
from newsroom.tokens import BadToken
from subscriptions import signup
from subscriptions.consent import GrantNoLongerStands
from subscriptions.models import Newsletter


@require_http_methods(["GET", "HEAD", "POST"])
@public
def confirm(request: HttpRequest, token: str) -> HttpResponseBase:
    """Show the button, and make the subscription active when it is pressed. A GET changes nothing."""
    try:
        subscription, position = signup.read_confirmation(token)
    except BadToken:
        return _expired(request)
    if subscription is None:
        return _expired(request)
    newsletter = subscription.newsletter
    if request.method != "POST":
        return render_page(
            request, "subscriptions/confirm.html", {"newsletter": newsletter}, language=newsletter.language
        )
    try:
        page = newsletter.get_absolute_url()
        signup.confirm(subscription, position=position, page=page, at=timezone.now())
    except GrantNoLongerStands:
        return _expired(request, newsletter)
    response = redirect("subscriptions:welcome", slug=newsletter.slug)
    response.status_code = 303
    return response


@require_safe
@public
def welcome(request: HttpRequest, slug: str) -> HttpResponse:
    newsletter = get_object_or_404(Newsletter, slug=slug)
    at = timezone.now()
    return render_page(
        request,
        "subscriptions/welcome.html",
        {
            "newsletter": newsletter,
            "next_issue_date": newsletter.next_issue_date(at),
        },
        language=newsletter.language,
    )


def _expired(request: HttpRequest, newsletter: Newsletter | None = None) -> HttpResponse:
    return render_page(
        request,
        "subscriptions/link_expired.html",
        {"newsletter": newsletter, "days": signup.CONFIRM_WITHIN.days},
        language=newsletter.language if newsletter else None,
        status=410,
    )
