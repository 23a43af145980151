"""The page behind the link of a mail that asks for consent anew."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from newsroom.pages import public, render_page
from newsroom.tokens import BadToken
from subscriptions import renewing, unsubscribing
from subscriptions.statements import newsletter_statement


@require_http_methods(["GET", "HEAD", "POST"])
@public
def renew_consent(request: HttpRequest, token: str) -> HttpResponseBase:
    """Show the words and the button, and record the consent when it is pressed. A GET changes nothing."""
    try:
        subscription, number = renewing.read_answer(token)
    except BadToken:
        return _ended(request)
    at = timezone.now()
    statement = newsletter_statement(subscription.newsletter, at=at) if subscription is not None else None
    if subscription is None or statement is None:
        return _ended(request)
    newsletter = subscription.newsletter
    # Words that changed since the page was shown are shown again, and nothing is recorded.
    is_agreed = request.method == "POST" and request.POST.get("statement") == statement.fingerprint
    if is_agreed:
        renewing.agree(subscription, number, statement, page=newsletter.get_absolute_url(), at=at)
    context = {
        "newsletter": newsletter,
        "statement": statement,
        "is_agreed": is_agreed,
        "leave": unsubscribing.token(subscription.link_id),
    }
    return render_page(request, "subscriptions/renew_consent.html", context, language=newsletter.language)


def _ended(request: HttpRequest) -> HttpResponse:
    return render_page(request, "subscriptions/bad_link.html", status=410)
