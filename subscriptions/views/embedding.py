"""The sign-up form in a frame on another site: no cookie, no script, and no way around the mail to confirm."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from newsroom.pages import public, render_page
from subscriptions import embedding, signup
from subscriptions.forms import SignupForm
from subscriptions.models import EmbeddingHost, Newsletter
from subscriptions.statements import newsletter_statement
from subscriptions.views.signing_up import take_signup


@require_http_methods(["GET", "HEAD", "POST"])
@public
def embedded(request: HttpRequest, slug: str, host: str) -> HttpResponseBase:
    """Show the form, and take a sign-up as the newsletter's own page does. Everything stays inside the frame."""
    newsletter, site = _of(slug, host)
    if request.method != "POST":
        return _form_page(request, newsletter, site)
    form, status = take_signup(request, newsletter, page=embedding.address_of(newsletter, site))
    if status != 303:
        return _form_page(request, newsletter, site, form=form, status=status)
    response = redirect("subscriptions:embedded_check_mail", slug=newsletter.slug, host=site.host)
    response.status_code = 303
    # A browser that leaves the frame's policy out of an answer without a page would show nothing at all.
    return embedding.allow_frame(response, site)


@require_safe
@public
def check_mail(request: HttpRequest, slug: str, host: str) -> HttpResponse:
    newsletter, site = _of(slug, host)
    words = {"newsletter": newsletter, "days": signup.CONFIRM_WITHIN.days}
    page = render_page(request, "subscriptions/embedding/check_mail.html", words, language=newsletter.language)
    return embedding.allow_frame(page, site)


def _of(slug: str, host: str) -> tuple[Newsletter, EmbeddingHost]:
    newsletter = get_object_or_404(Newsletter.objects.active(), slug=slug)
    return newsletter, get_object_or_404(EmbeddingHost.objects.allowed(), host=host)


def _form_page(
    request: HttpRequest,
    newsletter: Newsletter,
    site: EmbeddingHost,
    *,
    form: SignupForm | None = None,
    status: int = 200,
) -> HttpResponse:
    words = {
        "newsletter": newsletter,
        "statement": newsletter_statement(newsletter, at=timezone.now()),
        "form": form,
        "action": embedding.address_of(newsletter, site),
        "is_too_often": status == 429,
    }
    page = render_page(request, "subscriptions/embedding/page.html", words, language=newsletter.language, status=status)
    return embedding.allow_frame(page, site)
