"""The standing pages of the newsletters, and their sign-up form."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from newsroom.limits import network_of
from newsroom.outlet import current_outlet
from newsroom.page_cache import cached
from newsroom.pages import public, render_page
from subscriptions import embedding, signup
from subscriptions.forms import SignupForm
from subscriptions.models import Consent, Newsletter
from subscriptions.statements import newsletter_statement


@require_safe
@cached
def newsletters(request: HttpRequest, language: str | None = None) -> HttpResponseBase:
    """Show what there is to subscribe to; with one newsletter, its own page says it all."""
    active = list(Newsletter.objects.active().order_by("position", "pk"))
    if len(active) == 1:
        return redirect(active[0])
    # Those in the page's own language stand first.
    active.sort(key=lambda one: one.language != (language or current_outlet().language))
    return render_page(
        request,
        "subscriptions/newsletters.html",
        {"newsletters": active},
        language=language,
    )


@require_safe
@cached
def newsletter(request: HttpRequest, slug: str) -> HttpResponse:
    return _form_page(request, get_object_or_404(Newsletter.objects.active(), slug=slug))


@require_http_methods(["GET", "HEAD", "POST"])
@public
def sign_up(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Take a sign-up. The answer, and the work behind it, are the same whatever is known of the address."""
    newsletter = get_object_or_404(Newsletter.objects.active(), slug=slug)
    if request.method != "POST":
        return redirect(newsletter)
    form, status = take_signup(request, newsletter)
    if status != 303:
        return _form_page(request, newsletter, form=form, status=status)
    response = redirect("subscriptions:check_mail", slug=newsletter.slug)
    response.status_code = 303
    return response


def take_signup(request: HttpRequest, newsletter: Newsletter, *, page: str = "") -> tuple[SignupForm, int]:
    """Keep the sign-up that a form asks for, and return the form and how to answer: 303, 422 or 429.

    `page` is where the form stood, where the form itself is not believed.
    """
    at = timezone.now()
    statement = newsletter_statement(newsletter, at=at)
    if statement is None:
        raise Http404
    form = SignupForm(request.POST, statement=statement)
    if not form.is_valid():
        return form, 422
    if not form.is_trapped:
        stood_on = page or form.cleaned_data["page"] or newsletter.get_absolute_url()
        try:
            signup.request_signup(
                email=form.cleaned_data["email"],
                newsletter=newsletter,
                statement=statement,
                page=stood_on,
                method=Consent.Method.EMBED if embedding.is_address(stood_on, newsletter) else Consent.Method.FORM,
                network=network_of(request),
                at=at,
            )
        except signup.TooManySignups:
            return form, 429
    return form, 303


@require_safe
@public
def check_mail(request: HttpRequest, slug: str) -> HttpResponse:
    newsletter = get_object_or_404(Newsletter, slug=slug)
    return render_page(
        request,
        "subscriptions/check_mail.html",
        {"newsletter": newsletter, "days": signup.CONFIRM_WITHIN.days},
        language=newsletter.language,
    )


def _form_page(
    request: HttpRequest, newsletter: Newsletter, *, form: SignupForm | None = None, status: int = 200
) -> HttpResponse:
    statement = form.shown if form else newsletter_statement(newsletter, at=timezone.now())
    return render_page(
        request,
        "subscriptions/newsletter.html",
        {
            "newsletter": newsletter,
            "statement": statement,
            "form": form,
            "page": form.data.get("page", "") if form else newsletter.get_absolute_url(),
            "is_too_often": status == 429,
        },
        language=newsletter.language,
        status=status,
    )
