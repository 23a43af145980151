"""The appeal and the form that pages carry: `{% support_line %}` and `{% donation_form article=article %}`."""

from typing import Any

from django import template
from django.utils import timezone
from django.utils.translation import get_language

from donations import giving
from donations.models import appeal_for_article, current_terms
from donations.money import format_money
from newsroom.models import Article

register = template.Library()


@register.inclusion_tag("donations/_support_line.html", takes_context=True)
def support_line(context: dict[str, Any]) -> dict[str, Any]:
    """Show the appeal's short line; nothing on a sensitive article, and nothing while no appeal runs."""
    article = context.get("article")
    appeal = appeal_for_article(article, language=get_language() or "en", at=timezone.now())
    if appeal is None or not appeal.short_line:
        return {}
    fields = {"article": article.pk if article is not None else None, "appeal": appeal.pk}
    return {"line": appeal.short_line, "address": giving.support_address(**fields)}


@register.inclusion_tag("donations/_giving.html", takes_context=True)
def donation_form(context: dict[str, Any], article: Article | None = None) -> dict[str, Any]:
    """Show the newsroom's message and the form under an article; nothing on a sensitive one."""
    language = article.language if article is not None else get_language() or "en"
    appeal = appeal_for_article(article, language=language, at=timezone.now())
    if appeal is None:
        return {}
    terms = current_terms()
    offer = giving.offer_in(giving.currency_for(language), language=language) if terms.is_open else None
    if offer is None:
        return {}
    return {
        "appeal": appeal,
        "article": article,
        "offer": offer,
        "language": language,
        "hidden": [("article", article.pk if article else None), ("appeal", appeal.pk), ("language", language)],
        "blocked_countries": terms.blocked_countries,
        "outlet": context.get("outlet"),
    }


@register.filter
def money(amount: int, currency: str) -> str:
    """Write minor units in the page's language: `{{ payment.gross|money:payment.currency }}`."""
    return format_money(amount, currency, get_language() or "en")
