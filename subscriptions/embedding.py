"""The sign-up form as a part of other sites' pages: the policy of its frame, and what those sites copy."""

from datetime import datetime

from csp.utils import build_policy
from django.conf import settings
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from subscriptions.models import EmbeddingHost, Newsletter
from subscriptions.statements import newsletter_statement


def allow_frame(response: HttpResponse, host: EmbeddingHost) -> HttpResponse:
    """Let the frames of one site, and of nobody else, show a page. All else of the site's policy stays."""
    response.headers["Content-Security-Policy"] = build_policy(replace={"frame-ancestors": host.origins})
    # The older header cannot name a site, and browsers that know the policy do not read it.
    response.xframe_options_exempt = True
    return response


def address_of(newsletter: Newsletter, host: EmbeddingHost) -> str:
    """Return the path of a newsletter's form for one site. The ledger names it as the page of consent."""
    return reverse("subscriptions:embedded", kwargs={"slug": newsletter.slug, "host": host.host})


def is_address(path: str, newsletter: Newsletter) -> bool:
    """Say whether a page of consent is a newsletter's form on another site, in a frame or copied without one."""
    return path.startswith(f"{newsletter.get_absolute_url()}embed/")


def frame(newsletter: Newsletter, host: EmbeddingHost) -> str:
    """Return the `<iframe>` for the other site's page."""
    with translation.override(newsletter.language):
        words = {"newsletter": newsletter, "url": settings.SITE_URL + address_of(newsletter, host)}
        return render_to_string("subscriptions/embedding/frame.html", words).strip()


def plain_form(newsletter: Newsletter, host: EmbeddingHost, *, at: datetime) -> str:
    """Return a form without a frame for the other site's page, or '' while there are no words to agree to.

    It carries the words of today. When they change it still works: the reader is asked once more, on our own page.
    """
    statement = newsletter_statement(newsletter, at=at)
    if statement is None:
        return ""
    with translation.override(newsletter.language):
        words = {
            "newsletter": newsletter,
            "statement": statement,
            "site": settings.SITE_URL,
            "page": address_of(newsletter, host),
        }
        return render_to_string("subscriptions/embedding/form.html", words).strip()
