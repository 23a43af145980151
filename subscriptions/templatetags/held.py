"""Everything held about a person, as a readable part of a page."""

from typing import Any

from django import template
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format

register = template.Library()


@register.inclusion_tag("subscriptions/_held.html")
def held(document: dict[str, Any]) -> dict[str, Any]:
    """Show the document of a person's data in groups that open, leaving out what is empty."""
    groups = []
    for name, content in document.items():
        parts = content.items() if isinstance(content, dict) else [(name, content)]
        for part, rows in parts:
            if isinstance(rows, list) and rows:
                groups.append({"title": _words(part), "rows": [_pairs(row) for row in rows]})
    return {"groups": groups}


def _pairs(row: Any) -> list[tuple[str, Any]]:
    if not isinstance(row, dict):
        return [("", row)]
    return [(_words(name), _readable(value)) for name, value in row.items() if value not in (None, "", {}, [])]


def _readable(value: Any) -> Any:
    """Show a moment in the page's language and zone; anything else as it is."""
    try:
        moment = parse_datetime(value) if isinstance(value, str) and len(value) > len("2026-01-01") else None
    except ValueError:
        return value
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT") if moment and moment.tzinfo else value


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
