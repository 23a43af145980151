"""The way to a gift: the standing form, one attempt's page, and the page after Stripe's."""

import uuid
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from donations import card_testing, giving, repeats, tasks
from donations.checkout import AlreadyGiven, CheckoutTrouble, Particulars, comes_back, commit_donation, open_session
from donations.forms import AttemptForm
from donations.giving import Choice, ChoiceRefused
from donations.limiting import may_start_payment
from donations.models import Appeal, Currency, Donation, appeal_for_article, current_terms
from donations.money import format_money
from donations.waiting import wait_for_the_truth
from newsroom.models import Article
from newsroom.waking import wake
from subscriptions import consent


class HttpResponseSeeOther(HttpResponseRedirect):
    """A 303: the next request is a GET, whatever this one was."""

    status_code = 303


@never_cache
@require_GET
def support(request: HttpRequest) -> HttpResponse:
    """Show the standing form, or lead a submitted one to its attempt's page. Stores nothing."""
    with translation.override(_language_of(request)):
        if not giving.has_choice(request.GET):
            return _form_page(request)
        try:
            choice = replace(giving.read_form(request.GET), campaign=_campaign(request))
        except ChoiceRefused as refusal:
            return _form_page(request, refusal=refusal)
        attempt_key = giving.attempt_from(request.GET)
        address = reverse("donations:attempt", args=[attempt_key])
        return HttpResponseRedirect(f"{address}?{choice.query()}")


def _campaign(request: HttpRequest) -> str:
    """Return the campaign that the page with the form was opened with, from our own form's own Referer alone."""
    try:
        page = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        # Anybody may send anything as a header, such as an address with half a bracket.
        return ""
    if page.hostname not in settings.ALLOWED_HOSTS:
        return ""
    return parse_qs(page.query).get("utm_campaign", [""])[0].replace("\x00", "")[:60]


def _form_page(request: HttpRequest, *, refusal: ChoiceRefused | None = None) -> HttpResponse:
    language = get_language() or "en"
    terms = current_terms()
    wanted = request.GET.get("currency", "")
    currency = wanted if wanted in Currency.values else giving.currency_for(language)
    offer = giving.offer_in(currency, language=language, chosen=request.GET) if terms.is_open else None
    article = _article(request.GET.get("article", ""))
    appeal = _chosen_appeal(request, article) or appeal_for_article(article, language=language, at=timezone.now())
    context = {
        "offer": offer,
        "appeal": appeal,
        "article": article,
        "language": language,
        "blocked_countries": terms.blocked_countries,
        "hidden": [
            ("article", article.pk if article else None),
            ("appeal", appeal.pk if appeal else None),
            ("language", language),
            ("attempt", request.GET.get("attempt", "")[:40]),
            ("reminder", request.GET.get("reminder", "")[:36]),
        ],
        "refusal": refusal,
        "switch": _switch(request),
    }
    return render(request, "donations/support.html", context)


@never_cache
@csrf_exempt
@require_http_methods(["GET", "POST"])
def attempt(request: HttpRequest, attempt_key: uuid.UUID) -> HttpResponse:
    """Show the sum and ask for the address; a POST stores the decision and leads to Stripe's page."""
    donation = Donation.objects.filter(attempt_key=attempt_key).first()
    language = donation.language if donation is not None else _language_of(request)
    with translation.override(language):
        if donation is not None and not donation.is_open:
            return HttpResponseSeeOther(reverse("donations:thanks", args=[attempt_key]))
        try:
            choice = _choice_of(request, donation)
        except ChoiceRefused:
            return HttpResponseSeeOther(giving.support_address(**_carried(request), attempt=attempt_key))
        if not current_terms().is_open:
            return HttpResponseSeeOther(giving.support_address())
        if request.method == "POST":
            return _start(request, attempt_key, choice)
        # Anybody who has the attempt's key may see its sum; what the reader wrote takes the link on Stripe's page.
        is_back = donation is not None and comes_back(attempt_key, request.GET.get("back", ""))
        form = AttemptForm(initial=_written_before(donation) if is_back else {}, box=_box(choice))
        return _attempt_page(request, attempt_key, choice, form, is_back=is_back)


def _start(request: HttpRequest, attempt_key: uuid.UUID, choice: Choice) -> HttpResponse:
    form = AttemptForm(request.POST, box=_box(choice))
    if not form.is_valid():
        return _attempt_page(request, attempt_key, choice, form, status=422)
    words = form.cleaned_data
    if not may_start_payment(request, email=words["email"], attempt=str(attempt_key)):
        message = _("There have been many attempts in a short time. No money was taken. Please try again in an hour.")
        return _attempt_page(request, attempt_key, choice, form, trouble=message, status=429)
    particulars = Particulars(
        email=words["email"],
        covers_fee=words["covers_fee"],
        name=words["name"],
        is_anonymous=not words["is_public"],
        note=words["note"],
        newsletter=form.wished_newsletter,
    )
    at = timezone.now()
    try:
        donation = commit_donation(attempt_key=attempt_key, choice=choice, particulars=particulars, at=at)
        if card_testing.is_under_attack(at):
            card_testing.send_link(donation, at=at)
            return HttpResponseSeeOther(reverse("donations:sent", args=[attempt_key]))
        session = open_session(donation, at=at)
    except AlreadyGiven:
        return HttpResponseSeeOther(reverse("donations:thanks", args=[attempt_key]))
    except CheckoutTrouble:
        message = _(
            "The payment page could not be reached. No money was taken, and what you wrote is kept. "
            "Please press the button again."
        )
        return _attempt_page(request, attempt_key, choice, form, trouble=message, status=503)
    return HttpResponseSeeOther(session.url)


def _box(choice: Choice) -> consent.Box | None:
    return consent.box_for(choice.language, at=timezone.now())


@never_cache
@require_GET
def sent(request: HttpRequest, attempt_key: uuid.UUID) -> HttpResponse:
    """Say that a mailed button leads on, while cards are being tried on the form."""
    return render(request, "donations/go.html", {"is_sent": True})


@never_cache
@csrf_exempt
@require_http_methods(["GET", "POST"])
def go(request: HttpRequest, attempt_key: uuid.UUID, token: str) -> HttpResponse:
    """Show the button of a mailed link; a POST leads to Stripe's page."""
    donation = Donation.objects.filter(attempt_key=attempt_key).first()
    if donation is None or not card_testing.link_is_good(donation, token):
        return render(request, "donations/go.html", {"is_good": False}, status=410)
    with translation.override(donation.language):
        context: dict[str, Any] = {"is_good": True, "donation": donation}
        if not current_terms().is_open:
            return HttpResponseSeeOther(giving.support_address())
        if request.method != "POST":
            return render(request, "donations/go.html", context)
        if not may_start_payment(request, email=donation.email, attempt=str(attempt_key)):
            context["trouble"] = _(
                "There have been many attempts in a short time. No money was taken. Please try again in an hour."
            )
            return render(request, "donations/go.html", context, status=429)
        try:
            session = open_session(donation, at=timezone.now())
        except AlreadyGiven:
            return HttpResponseSeeOther(reverse("donations:thanks", args=[attempt_key]))
        except CheckoutTrouble:
            context["trouble"] = _(
                "The payment page could not be reached. No money was taken. Please press the button again."
            )
            return render(request, "donations/go.html", context, status=503)
        return HttpResponseSeeOther(session.url)


def _attempt_page(
    request: HttpRequest,
    attempt_key: uuid.UUID,
    choice: Choice,
    form: AttemptForm,
    *,
    is_back: bool = False,
    trouble: str = "",
    status: int = 200,
) -> HttpResponse:
    fee = giving.covering_fee(choice.amount, choice.currency)
    language = choice.language
    context = {
        "attempt_key": attempt_key,
        "choice": choice,
        "form": form,
        "trouble": trouble,
        "is_back": is_back,
        "fee": format_money(fee, choice.currency, language) if fee else "",
        "with_fee": format_money(choice.amount + fee, choice.currency, language),
        "hidden": giving.hidden_fields(choice),
        "change_address": giving.support_address(
            frequency=choice.frequency,
            amount=choice.amount,
            currency=choice.currency,
            article=choice.article,
            appeal=choice.appeal,
            attempt=attempt_key,
            reminder=choice.reminder,
        ),
        "methods": giving.method_labels(giving.methods_for(choice.currency, choice.frequency)),
        "blocked_countries": current_terms().blocked_countries,
    }
    return render(request, "donations/attempt.html", context, status=status)


@never_cache
@require_GET
def thanks(request: HttpRequest, attempt_key: uuid.UUID) -> HttpResponse:
    """Tell what became of an attempt, from the database alone, and have a worker ask Stripe while it is open."""
    donation = get_object_or_404(Donation.objects.select_related("article"), attempt_key=attempt_key)
    is_settled = donation.state in (Donation.State.GIVEN, Donation.State.ENDED, Donation.State.RETURNED)
    if not is_settled:
        wake(tasks.learn_donation, donation.pk)
        wait_for_the_truth(donation)
    with translation.override(donation.language):
        context = {
            "donation": donation,
            "again": _address_to_try_again(donation),
            "minutes_before": repeats.minutes_before(donation) if donation.state == Donation.State.GIVEN else None,
        }
        return render(request, "donations/thanks.html", context)


def _address_to_try_again(donation: Donation) -> str:
    """Return the attempt's page, or that of a new attempt with the same choice where this one is over."""
    if donation.is_open:
        return donation.get_absolute_url()
    return f"{reverse('donations:attempt', args=[uuid.uuid4()])}?{_remembered(donation).query()}"


def _language_of(request: HttpRequest) -> str:
    wanted = request.GET.get("language") or request.POST.get("language") or ""
    return wanted if wanted in dict(settings.LANGUAGES) else (get_language() or "en")


def _article(text: str) -> Article | None:
    pk = giving.whole_number(text)
    if pk is None:
        return None
    return Article.objects.published(timezone.now()).filter(pk=pk).defer("body").first()


def _chosen_appeal(request: HttpRequest, article: Article | None) -> Appeal | None:
    pk = giving.whole_number(request.GET.get("appeal", ""))
    if pk is None or (article is not None and article.is_sensitive):
        return None
    return Appeal.objects.running(timezone.now()).filter(pk=pk).first()


def _switch(request: HttpRequest) -> str:
    """Return the query that the links to other currencies keep."""
    return giving.support_address(
        **{
            name: request.GET.get(name, "")[:60]
            for name in ("frequency", "article", "appeal", "language", "attempt", "campaign", "reminder")
        }
    )


def _choice_of(request: HttpRequest, donation: Donation | None) -> Choice:
    """Read what the address or the form says, or else what the donation remembers. Raises ChoiceRefused."""
    data = request.POST if request.method == "POST" and request.POST.get("amount") else request.GET
    if data.get("amount") or donation is None:
        return giving.read_choice(data)
    return _remembered(donation)


def _remembered(donation: Donation) -> Choice:
    return Choice(
        frequency=donation.frequency,
        amount=donation.amount,
        currency=donation.currency,
        language=donation.language,
        article=donation.article_id,
        appeal=donation.appeal_id,
        campaign=donation.campaign,
    )


def _written_before(donation: Donation | None) -> dict[str, Any]:
    if donation is None:
        return {}
    return {
        "email": donation.email,
        "name": donation.name,
        "note": donation.note,
        "is_public": not donation.is_anonymous,
        "covers_fee": donation.fee_cover > 0,
    }


def _carried(request: HttpRequest) -> dict[str, str]:
    names = ("frequency", "currency", "article", "appeal", "language", "reminder")
    return {name: request.GET.get(name, "")[:60] for name in names}
