"""Everything held about a person, as a readable part of a page."""

from typing import Any

from django import template

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
    return [(_words(name), value) for name, value in row.items() if value not in (None, "", {}, [])]


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
