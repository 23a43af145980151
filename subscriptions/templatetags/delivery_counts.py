"""Counts of deliveries in the words and digits that staff read."""

from typing import Any

from django import template

from subscriptions.claims import Progress
from subscriptions.models import Delivery

register = template.Library()


@register.filter
def by_state(progress: Progress) -> list[tuple[str, Any, int]]:
    """Return each state with its label and count, in the order in which a delivery passes through them."""
    return [(state.value, state.label, progress.counts[state.value]) for state in Delivery.State]


@register.filter
def state_label(state: str) -> Any:
    return Delivery.State(state).label


@register.filter
def grouped(count: int | None) -> str:
    """Write a count with a thin space between the thousands, as every language of the house reads it."""
    return f"{count or 0:,}".replace(",", "\u202f")
