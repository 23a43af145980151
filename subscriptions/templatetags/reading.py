from django import template

from subscriptions.plain_text import plain_text

register = template.Library()


@register.filter
def as_text(html: str, base: str) -> str:
    """Turn sanitised HTML into paragraphs of text, with `base` before the site's own paths."""
    return plain_text(html, base=base)
