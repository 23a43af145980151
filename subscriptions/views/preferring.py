"""The reader's own page behind the link in each newsletter mail."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from newsroom.pages import public, render_page
from subscriptions import consent, preferences, unsubscribing
from subscriptions.forms import PreferenceForm
from subscriptions.models import Consent, Subscriber, Subscription

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
    subscriber = subscription.subscriber
    if request.method != "POST":
        return _page(request, token, subscription)
    form = PreferenceForm(request.POST)
    if not form.is_valid():
        return _page(request, token, subscription, status=422)
    try:
        _change(subscriber, form, page=PAGE)
    except preferences.WordsChanged:
        return _page(request, token, subscription, have_words_changed=True, status=422)
    response = redirect("subscriptions:preferences", token=token)
    response.status_code = 303
    return response


def _change(subscriber: Subscriber, form: PreferenceForm, *, page: str) -> None:
    at = timezone.now()
    newsletter = form.cleaned_data["newsletter"]
    change = form.cleaned_data["change"]
    if change == "on":
        fingerprint = form.cleaned_data["statement"]
        preferences.switch_on(subscriber, newsletter, fingerprint=fingerprint, page=page, at=at)
        return
    own = Subscription.objects.filter(subscriber=subscriber, newsletter=newsletter).first()
    if own is None:
        return
    if change == "off":
        consent.withdraw(own, page=page, method=Consent.Method.PREFERENCES, at=at)
    elif change == "pause":
        preferences.pause(own, until=at + preferences.PAUSES[form.cleaned_data["weeks"] or 4])
    else:
        preferences.pause(own, until=None)


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
