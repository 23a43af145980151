"""The reader's own page: everything held, and every switch, behind a mailed link that is used once."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from newsroom import persons, registry
from newsroom.limits import network_of
from newsroom.outlet import current_outlet
from newsroom.pages import public, render_page
from subscriptions import preferences, visits
from subscriptions.forms import AddressForm, LanguageForm, PreferenceForm
from subscriptions.models import Subscriber

COOKIE = "reader"
PAGE = "/newsletter/mine/"

P = ParamSpec("P")
OwnView = Callable[Concatenate[HttpRequest, visits.Visit, P], HttpResponseBase]


def own(view: OwnView[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Give a view the open visit, or send the reader to ask for a link. A POST must prove that its form is ours.

    The proof is derived from the visit's own secret, so no second cookie is needed, and none outlives the visit.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        visit = visits.find(request.COOKIES.get(COOKIE, ""), at=timezone.now())
        is_forged = request.method == "POST" and (
            visit is None or not visits.is_own_form(visit, request.POST.get("proof", ""))
        )
        if visit is None or is_forged:
            return see_other("subscriptions:mine")
        return view(request, visit, *args, **kwargs)

    return public(answer)


@require_safe
@public
def mine(request: HttpRequest) -> HttpResponse:
    """Show the reader's page to an open visit, and to anyone else the form that asks for a link."""
    visit = visits.find(request.COOKIES.get(COOKIE, ""), at=timezone.now())
    return _own_page(request, visit) if visit else _ask_page(request)


@require_POST
@public
def ask(request: HttpRequest) -> HttpResponseBase:
    """Take the wish for a link. The answer is the same whether or not the address is known."""
    form = AddressForm(request.POST)
    if not form.is_valid():
        return _ask_page(request, form=form, status=422)
    try:
        visits.request_link(
            address=form.cleaned_data["email"],
            language=current_outlet().language,
            network=network_of(request),
            at=timezone.now(),
        )
    except visits.TooManyVisits:
        return _ask_page(request, form=form, status=429)
    return see_other("subscriptions:visit_asked")


@require_safe
@public
def asked(request: HttpRequest) -> HttpResponse:
    minutes = int(visits.LINK_LASTS.total_seconds() // 60)
    return render_page(request, "subscriptions/mine_asked.html", {"minutes": minutes})


@require_http_methods(["GET", "HEAD", "POST"])
@public
def open_visit(request: HttpRequest, token: str) -> HttpResponseBase:
    """Show a button, and open the visit when it is pressed. A GET uses nothing up."""
    at = timezone.now()
    if request.method != "POST":
        template = "mine_open" if visits.can_open(token, at=at) else "mine_ended"
        return render_page(request, f"subscriptions/{template}.html", status=200 if template == "mine_open" else 410)
    try:
        secret = visits.open_visit(token, at=at)
    except visits.LinkEnded:
        return render_page(request, "subscriptions/mine_ended.html", status=410)
    response = see_other("subscriptions:mine")
    response.set_cookie(
        COOKIE,
        secret,
        max_age=visits.VISIT_LASTS,
        path=PAGE,
        httponly=True,
        samesite="Lax",
        secure=settings.USES_HTTPS,
    )
    return response


@require_POST
@own
def change_newsletter(request: HttpRequest, visit: visits.Visit) -> HttpResponseBase:
    subscriber = Subscriber.objects.filter(email=visit.address).first()
    form = PreferenceForm(request.POST)
    if subscriber is None or not form.is_valid():
        return _own_page(request, visit, status=422)
    try:
        preferences.change(subscriber, form.wish(), page=PAGE, at=timezone.now())
    except preferences.WordsChanged:
        return _own_page(request, visit, have_words_changed=True, status=422)
    return see_other("subscriptions:mine")


@require_POST
@own
def change_language(request: HttpRequest, visit: visits.Visit) -> HttpResponseBase:
    form = LanguageForm(request.POST)
    if form.is_valid():
        Subscriber.objects.filter(email=visit.address).update(language=form.cleaned_data["language"])
    return see_other("subscriptions:mine")


@require_POST
@own
def change_address(request: HttpRequest, visit: visits.Visit) -> HttpResponseBase:
    """Take the wish for another address; the button in the mail to it decides."""
    subscriber = Subscriber.objects.filter(email=visit.address).first()
    form = AddressForm(request.POST)
    if subscriber is None or not form.is_valid():
        return _own_page(request, visit, address_form=form, status=422)
    visits.request_address_change(subscriber, new_address=form.cleaned_data["email"], at=timezone.now())
    return see_other("subscriptions:address_asked")


@require_safe
@public
def address_asked(request: HttpRequest) -> HttpResponse:
    return render_page(request, "subscriptions/address_asked.html")


@require_http_methods(["GET", "HEAD", "POST"])
@public
def confirm_address(request: HttpRequest, token: str) -> HttpResponseBase:
    """Show the button that the new address was mailed, and change the address when it is pressed."""
    at = timezone.now()
    if request.method != "POST":
        template = "address_confirm" if visits.can_change(token, at=at) else "mine_ended"
        return render_page(request, f"subscriptions/{template}.html", status=410 if template == "mine_ended" else 200)
    try:
        visits.change_address(token, at=at)
    except visits.LinkEnded:
        return render_page(request, "subscriptions/mine_ended.html", status=410)
    except visits.AddressTaken:
        return render_page(request, "subscriptions/address_taken.html", status=409)
    return render_page(request, "subscriptions/address_changed.html")


@require_safe
@own
def data(request: HttpRequest, visit: visits.Visit) -> HttpResponseBase:
    """Give everything held about the reader as one JSON file."""
    response = JsonResponse(persons.export(visit.address), json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@own
def erase(request: HttpRequest, visit: visits.Visit) -> HttpResponseBase:
    """Ask once more, then erase everything that may be erased."""
    if request.method != "POST":
        return render_page(request, "subscriptions/mine_erase.html", {"visit": visit}, language=visit.language)
    try:
        visits.erase(visit, at=timezone.now())
    except registry.CannotLeaveNow:
        words = {"visit": visit, "is_in_trouble": True}
        return render_page(request, "subscriptions/mine_erase.html", words, language=visit.language, status=503)
    response = render_page(request, "subscriptions/mine_erased.html", language=visit.language)
    response.delete_cookie(COOKIE, path=PAGE, samesite="Lax")
    return response


@require_POST
@own
def leave(request: HttpRequest, visit: visits.Visit) -> HttpResponseBase:
    visits.close(visit)
    response = see_other("subscriptions:mine")
    response.delete_cookie(COOKIE, path=PAGE, samesite="Lax")
    return response


def see_other(name: str) -> HttpResponse:
    response = redirect(reverse(name))
    response.status_code = 303
    return response


def _ask_page(request: HttpRequest, *, form: AddressForm | None = None, status: int = 200) -> HttpResponse:
    is_too_often = status == 429
    return render_page(
        request, "subscriptions/mine_ask.html", {"form": form, "is_too_often": is_too_often}, status=status
    )


def _own_page(
    request: HttpRequest,
    visit: visits.Visit,
    *,
    address_form: AddressForm | None = None,
    have_words_changed: bool = False,
    status: int = 200,
) -> HttpResponse:
    subscriber = Subscriber.objects.filter(email=visit.address).first()
    return render_page(
        request,
        "subscriptions/mine.html",
        {
            "visit": visit,
            "subscriber": subscriber,
            "choices": preferences.choices(subscriber, at=timezone.now()) if subscriber else [],
            "pauses": list(preferences.PAUSES),
            "languages": settings.LANGUAGES,
            "held": persons.export(visit.address),
            "address_form": address_form,
            "have_words_changed": have_words_changed,
        },
        language=subscriber.language if subscriber else visit.language,
        status=status,
    )
