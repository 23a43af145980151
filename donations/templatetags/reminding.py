"""The disclosure under the donation form: `{% remind_form article=article %}`."""

from typing import Any

from django import template
from django.utils import timezone
from django.utils.translation import get_language

from donations.reminder_words import disclosure
from newsroom.models import Article

register = template.Library()


@register.inclusion_tag("donations/_remind_form.html", takes_context=True)
def remind_form(context: dict[str, Any], article: Article | None = None) -> dict[str, Any]:
    """Show “Not ready to support today? Remind me later.”, with the page's `appeal` and `choice` where it has them."""
    shown = disclosure(
        get_language() or "en",
        at=timezone.now(),
        article=article or None,
        appeal=context.get("appeal"),
        choice=context.get("choice"),
    )
    return {"disclosure": shown, "chosen": shown.default} if shown is not None else {}
