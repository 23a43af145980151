"""The template filter for an article's text."""

from django import template
from django.utils.safestring import SafeString

from newsroom import prose
from newsroom.models import Article

register = template.Library()


@register.filter
def text(article: Article) -> SafeString:
    """Write the article's text with its pictures and notes."""
    return prose.for_page(article)
