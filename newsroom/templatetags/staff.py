from typing import Any

from django import template

from newsroom import registry
from newsroom.history import entries_of
from newsroom.models import HistoryEntry
from newsroom.pseudonyms import without_names

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


@register.simple_tag(takes_context=True)
def history_of(context: template.Context, obj: Any) -> list[HistoryEntry]:
    """Return what the history says of an object to who looks at the page, newest first."""
    return without_names(entries_of(obj)[:MOST_ENTRIES], viewer=context["request"].user)
