"""The description of an article for machines, as schema.org JSON-LD."""

import json
from typing import Any

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

from newsroom.models import Article, Outlet

# Inside a script element only these can end the element or open another; JSON may write them as escapes anywhere.
_ESCAPES = {ord(">"): "\\u003E", ord("<"): "\\u003C", ord("&"): "\\u0026"}


def news_article(article: Article, *, outlet: Outlet, image_url: str = "") -> SafeString:
    """Return the `NewsArticle` block of an article that has its bylines loaded. Nothing in it can leave its element."""
    url = f"{settings.SITE_URL}{article.get_absolute_url()}"
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "OpinionNewsArticle" if article.section.kind == "opinion" else "NewsArticle",
        "headline": article.headline,
        "description": article.standfirst,
        "url": url,
        "mainEntityOfPage": url,
        "inLanguage": article.language,
        "articleSection": article.section.name,
        "isAccessibleForFree": True,
        "author": [
            {
                "@type": "Person",
                "name": byline.author.name,
                "url": f"{settings.SITE_URL}{byline.author.get_absolute_url()}",
            }
            for byline in article.bylines.all()
        ]
        or [{"@type": "Organization", "name": outlet.name}],
        "publisher": {"@type": "NewsMediaOrganization", "name": outlet.name, "url": f"{settings.SITE_URL}/"},
    }
    if article.published_at is not None:
        data["datePublished"] = article.published_at.isoformat()
        data["dateModified"] = (article.corrected_at or article.published_at).isoformat()
    if image_url:
        data["image"] = [image_url]
    return mark_safe(json.dumps(data, ensure_ascii=False).translate(_ESCAPES))  # noqa: S308 - escaped just above.
