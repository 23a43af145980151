"""The sign-up form under an article."""

from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.safestring import SafeString

from newsroom.furniture import furniture
from newsroom.models import Article
from subscriptions.models import Newsletter
from subscriptions.statements import newsletter_statement, schedule_in_words

register = template.Library()


@register.simple_tag(takes_context=True)
def signup_form(context: dict[str, Any], article: Article | None = None) -> SafeString | str:
    """Show the form of the newsletter in the article's language, in that newsletter's language.

    Nothing is shown while there is no active newsletter, or no Privacy Policy in force to which a reader could agree.
    """
    language = article.language if article is not None else translation.get_language() or "en"
    newsletter = _newsletter(language)
    statement = newsletter_statement(newsletter, at=timezone.now()) if newsletter is not None else None
    if newsletter is None or statement is None:
        return ""
    with translation.override(newsletter.language):
        return render_to_string(
            "subscriptions/_signup.html",
            {
                "newsletter": newsletter,
                "statement": statement,
                "page": article.get_absolute_url() if article is not None else "",
                "is_other_language": newsletter.language != language,
            },
        )


@furniture
def _newsletter(language: str) -> Newsletter | None:
    return Newsletter.objects.for_language(language)


@register.simple_tag
def schedule(newsletter: Newsletter) -> str:
    """Return how often a newsletter comes, in words."""
    return schedule_in_words(newsletter)
