from typing import Any

from django import template
from django.db.models import QuerySet

from newsroom import registry
from newsroom.history import entries_of
from newsroom.models import HistoryEntry

register = template.Library()
MOST_ENTRIES = 200


@register.inclusion_tag("admin/_screen.html")
def screen_words(opts: Any, changes: Any = None) -> dict[str, Any]:
    """Say what a screen is for, and on an empty list what to do first."""
    screen = registry.screens.get(opts.label_lower)
    is_empty = (
        changes is not None and not changes.result_count and not changes.get_filters_params() and not changes.query
    )
    return {"screen": screen, "is_empty": is_empty}


@register.simple_tag
def history_of(obj: Any) -> QuerySet[HistoryEntry]:
    """Return what the history says of an object, newest first."""
    return entries_of(obj)[:MOST_ENTRIES]
