"""Links that show an unpublished article to someone outside, such as a lawyer or a source, for a limited time."""

from datetime import timedelta

from django.conf import settings
from django.urls import reverse

from newsroom import tokens
from newsroom.models import Article

PURPOSE = "article-preview"
MAX_AGE = timedelta(days=7)


def preview_url(article: Article) -> str:
    """Return an address under which anyone who has it reads the article as it stands, for seven days."""
    return f"{settings.SITE_URL}{reverse('preview', args=[tokens.sign(PURPOSE, article.pk)])}"


def read_preview(token: str) -> int:
    """Return the key of the article behind a preview link. Raises `tokens.BadToken`."""
    return int(tokens.read(PURPOSE, token, max_age=MAX_AGE))
