"""The reader's own page behind the link in each newsletter mail."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from newsroom.pages import public, render_page
from subscriptions import preferences, unsubscribing
from subscriptions.forms import PreferenceForm
from subscriptions.models import Subscription

# The ledger names the page without the token of the person who used it.
PAGE = "/newsletter/preferences/"


@require_http_methods(["GET", "HEAD", "POST"])
@public
def preferences_page(request: HttpRequest, token: str) -> HttpResponseBase:
    """Show the newsletters and their switches; take one change by POST. The page never shows the address."""
    try:
        subscription = unsubscribing.find(unsubscribing.read(token))
    except unsubscribing.BadToken:
        return render_page(request, "subscriptions/bad_link.html", status=404)
    if subscription is None:
        return render_page(request, "subscriptions/bad_link.html", {"is_erased": True}, status=410)
    if request.method != "POST":
        return _page(request, token, subscription)
    form = PreferenceForm(request.POST)
    if not form.is_valid():
        return _page(request, token, subscription, status=422)
    try:
        preferences.change(subscription.subscriber, form.wish(), page=PAGE, at=timezone.now())
    except preferences.WordsChanged:
        return _page(request, token, subscription, have_words_changed=True, status=422)
    response = redirect("subscriptions:preferences", token=token)
    response.status_code = 303
    return response


def _page(
    request: HttpRequest, token: str, subscription: Subscription, *, have_words_changed: bool = False, status: int = 200
) -> HttpResponse:
    return render_page(
        request,
        "subscriptions/preferences.html",
        {
            "token": token,
            "choices": preferences.choices(subscription.subscriber, at=timezone.now()),
            "pauses": list(preferences.PAUSES),
            "have_words_changed": have_words_changed,
        },
        language=subscription.subscriber.language,
        status=status,
    )
