"""The donor's own page, behind a mailed link that works once."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from donations import keeping, mine, statements, stripe_api
from donations.forms import LinkForm
from donations.giving import ChoiceRefused
from donations.limiting import may_change_card
from donations.models import Donor, RecurringGift, Span
from donations.money import InvalidAmount, format_number, parse_amount
from donations.reminder_words import disclosure
from donations.views.support import HttpResponseSeeOther
from newsroom import persons, registry
from newsroom.limits import network_of
from newsroom.pages import render_page

COOKIE = "donor"
P = ParamSpec("P")
DonorView = Callable[Concatenate[HttpRequest, Donor, P], HttpResponseBase]


def donors_own(view: DonorView[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Give a view the donor whose session this is, or lead to the form that mails a link."""

    @wraps(view)
    def answer(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        donor = mine.donor_of_session(request.COOKIES.get(COOKIE, ""))
        if donor is None:
            return HttpResponseSeeOther(reverse("donations:mine"))
        with translation.override(donor.language):
            return view(request, donor, *args, **kwargs)

    return never_cache(answer)


@never_cache
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponseBase:
    """Show the gifts of the donor whose session this is, or take the address to which a link is mailed."""
    donor = mine.donor_of_session(request.COOKIES.get(COOKIE, ""))
    if donor is not None and request.method == "GET":
        return _gifts_page(request, donor)
    form = LinkForm(request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return render_page(request, "donations/mine_ask.html", {"form": form})
    if not form.is_valid():
        return render_page(request, "donations/mine_ask.html", {"form": form}, status=422)
    try:
        mine.ask_for_link(form.cleaned_data["email"], network=network_of(request), at=timezone.now())
    except mine.TooManyRequests:
        trouble = _("Too many links were asked for. Please try again in an hour.")
        return render_page(request, "donations/mine_ask.html", {"form": form, "trouble": trouble}, status=429)
    return render_page(request, "donations/mine_sent.html", {"minutes": int(mine.LINK_LIFE.total_seconds() // 60)})


@never_cache
@require_http_methods(["GET", "POST"])
def open_link(request: HttpRequest, token: str) -> HttpResponseBase:
    """Show a button, and open the page when it is pressed: a mail scanner that follows links burns nothing."""
    at = timezone.now()
    if request.method != "POST":
        is_good = mine.is_good(token, at=at)
        return render_page(request, "donations/mine_open.html", {"is_good": is_good}, status=200 if is_good else 410)
    try:
        donor = mine.use_link(token, at=at)
    except mine.LinkSpent:
        return render_page(request, "donations/mine_open.html", {"is_good": False}, status=410)
    response = HttpResponseSeeOther(reverse("donations:mine"))
    response.set_cookie(
        COOKIE,
        mine.session_value(donor),
        max_age=mine.SESSION_LIFE,
        path=reverse("donations:mine"),
        secure=settings.USES_HTTPS,
        httponly=True,
        samesite="Lax",
    )
    return response


def _gifts_page(request: HttpRequest, donor: Donor, *, trouble: str = "", status: int = 200) -> HttpResponse:
    gifts = mine.gifts_of(donor)
    return render_page(
        request,
        "donations/mine.html",
        {
            "gifts": [
                {"gift": gift, "amount": format_number(gift.amount, gift.currency, donor.language)} for gift in gifts
            ],
            "payments": mine.payments_of(donor),
            "years": statements.years_of(donor),
            "year_now": statements.current_year(timezone.now()),
            "trouble": trouble,
            "done": "" if trouble else _done(request.GET.get("done", "")),
            "has_living": any(gift.state != RecurringGift.State.ENDED for gift in gifts),
        },
        language=donor.language,
        status=status,
    )


@require_POST
@donors_own
def change(request: HttpRequest, donor: Donor, pk: int, what: str) -> HttpResponseBase:
    """Change one of the donor's own gifts: its amount, a pause, its card, its end."""
    gift = mine.gift_of(donor, pk)
    if gift is None:
        return HttpResponseSeeOther(reverse("donations:mine"))
    if what == "card" and not may_change_card(request, donor=donor):
        trouble = _("There have been many attempts in a short time. Nothing was changed. Please try again in an hour.")
        return _gifts_page(request, donor, trouble=trouble, status=429)
    try:
        address = _change(request, gift, what)
    except ChoiceRefused as refusal:
        return _gifts_page(request, donor, trouble=refusal.message, status=422)
    except InvalidAmount:
        return _gifts_page(request, donor, trouble=_("This amount could not be read."), status=422)
    except keeping.NotPossible:
        return _gifts_page(request, donor, trouble=_("This is not possible with this gift."), status=409)
    except stripe_api.StripeError:
        trouble = _("The payment provider did not answer. Nothing was changed. Please try again in a minute.")
        return _gifts_page(request, donor, trouble=trouble, status=503)
    return HttpResponseSeeOther(address)


def _change(request: HttpRequest, gift: RecurringGift, what: str) -> str:
    at = timezone.now()
    here = reverse("donations:mine")
    if what == "amount":
        keeping.change_amount(gift, parse_amount(request.POST.get("amount", "")[:40], gift.currency), at=at)
    elif what == "pause":
        months = request.POST.get("months", "")
        keeping.pause(gift, months=int(months) if months in ("1", "2", "3") else 0, at=at)
    elif what == "resume":
        keeping.resume(gift, at=at)
    elif what == "card":
        return keeping.card_address(gift, return_url=settings.SITE_URL + here)
    elif what == "cancel":
        keeping.cancel(gift, at=at)
        return reverse("donations:mine-stopped", args=[gift.pk])
    return f"{here}?done={what}"


def _done(what: str) -> str:
    """Say that a change was made, in the donor's language; empty for anything else that stands in the address."""
    return {
        "amount": _("The amount is changed from the next gift on."),
        "pause": _("Your gift is paused."),
        "resume": _("The pause has ended."),
    }.get(what, "")


@donors_own
def ask_cancel(request: HttpRequest, donor: Donor, pk: int) -> HttpResponseBase:
    """Show the second of the two clicks that end a gift."""
    gift = mine.gift_of(donor, pk)
    if gift is None or gift.state == RecurringGift.State.ENDED:
        return HttpResponseSeeOther(reverse("donations:mine"))
    return render_page(request, "donations/mine_cancel.html", {"gift": gift}, language=donor.language)


@require_safe
@donors_own
def stopped(request: HttpRequest, donor: Donor, pk: int) -> HttpResponseBase:
    """Say that a gift has ended, and offer one reminder in three months to whoever would like it."""
    gift = mine.gift_of(donor, pk)
    if gift is None or gift.state != RecurringGift.State.ENDED:
        return HttpResponseSeeOther(reverse("donations:mine"))
    words = disclosure(donor.language, at=timezone.now())
    offered = [] if words is None else [value for value, _label in words.spans]
    context = {
        "gift": gift,
        "email": donor.email,
        "words": words,
        "in_three_months": Span.THREE_MONTHS.value,
        "can_remind": Span.THREE_MONTHS.value in offered,
    }
    return render_page(request, "donations/mine_stopped.html", context, language=donor.language)


@require_POST
@donors_own
def take_along(request: HttpRequest, donor: Donor) -> HttpResponseBase:
    """Give the donor everything held about them, as a file."""
    document: Any = persons.export(str(donor.email))
    response = HttpResponse(json.dumps(document, ensure_ascii=False, indent=2), content_type="application/json")
    response["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response


@require_POST
@donors_own
def statement(request: HttpRequest, donor: Donor, year: int) -> HttpResponseBase:
    """Give the donor the statement of one year as a PDF. It may make one, so it is a button and not a link."""
    try:
        made = statements.issue(donor, year, at=timezone.now())
    except statements.NothingGiven:
        return _gifts_page(request, donor, trouble=_("There is no gift in this year."), status=404)
    except statements.NoProfile:
        trouble = _("Statements cannot be made yet. Please write to us, and we will see to it.")
        return _gifts_page(request, donor, trouble=trouble, status=503)
    response = HttpResponse(statements.as_pdf(made), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{statements.file_name(made)}"'
    return response


@require_http_methods(["GET", "POST"])
@donors_own
def erase(request: HttpRequest, donor: Donor) -> HttpResponseBase:
    """Ask once, then end every gift and erase the person everywhere; payments stay without a person."""
    if request.method != "POST":
        return render_page(request, "donations/mine_erase.html", language=donor.language)
    at = timezone.now()
    try:
        persons.erase(str(donor.email), at=at)
    except registry.CannotLeaveNow:
        trouble = _("The payment provider did not answer, so nothing was erased. Please try again in a minute.")
        return _gifts_page(request, donor, trouble=trouble, status=503)
    response = render_page(request, "donations/mine_erased.html", language=donor.language)
    response.delete_cookie(COOKIE, path=reverse("donations:mine"))
    return response
