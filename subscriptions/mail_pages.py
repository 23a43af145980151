"""A mail as a page: at an address of its own, under a policy of its own, for an `<iframe sandbox>` or a tab alone."""

from enum import StrEnum

from django.http import HttpResponse

from subscriptions.rendering import Rendered, with_dead_links

# A mail's own styles may stand here because nothing else may: no script, no request but for the site's own images.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'self'; sandbox allow-popups"
)
# What the mail's stylesheet asks; a page cannot choose the answer for the frame that it shows.
_DARK = "@media (prefers-color-scheme: dark)"


class Look(StrEnum):
    """How a mail is looked at."""

    LIGHT = "light"
    DARK = "dark"
    TEXT = "text"

    @classmethod
    def of(cls, word: str) -> "Look":
        return cls(word) if word in list(cls) else cls.LIGHT


def mail_page(parts: Rendered, look: Look) -> HttpResponse:
    """Answer with the mail as it would arrive, with links of the reader's own that lead nowhere.

    Programs differ in what they do to a mail in the dark; this shows the colours that the mail itself asks for.
    """
    if look is Look.TEXT:
        response = HttpResponse(with_dead_links(parts.mail_text), content_type="text/plain; charset=utf-8")
    else:
        asked = "@media all" if look is Look.DARK else "@media not all"
        # In the head alone: whoever writes about stylesheets in a letter keeps the words.
        response = HttpResponse(with_dead_links(parts.mail_html).replace(_DARK, asked, 1))
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Cache-Control"] = "no-store"
    # A link in the mail tells its page neither the key of a shared preview nor that there is a draft.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
