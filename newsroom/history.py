"""The record of who changed what, when and why."""

import re
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.utils import timezone

from newsroom.models.history import HistoryEntry

ADDRESS = re.compile(r"[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+")


def record(
    obj: models.Model,
    *,
    action: str,
    actor: AbstractBaseUser | AnonymousUser | None = None,
    reason: str = "",
    before: Any = None,
    after: Any = None,
    at: datetime | None = None,
) -> HistoryEntry:
    """Write one history entry, in the caller's transaction.

    `action` is a dotted lower-case word such as `article.published`. The log outlives an erasure and can never be
    changed, so `before` and `after` hold no reader's address, and one that staff wrote into a reason is taken out.
    """
    return HistoryEntry.objects.create(
        action=action,
        object_type=obj._meta.label_lower,
        object_pk=str(obj.pk),
        object_text=_label(obj),
        actor_id=None if actor is None else actor.pk,
        reason=without_addresses(reason),
        before=before,
        after=after,
        at=at or timezone.now(),
    )


def without_addresses(text: str) -> str:
    """Put a mark where staff wrote somebody's address into words that are kept for good."""
    return ADDRESS.sub("[…@…]", text)


def entries_of(obj: models.Model) -> models.QuerySet[HistoryEntry]:
    """Return the entries about one object, newest first."""
    return (
        HistoryEntry.objects.filter(object_type=obj._meta.label_lower, object_pk=str(obj.pk))
        .select_related("actor")
        .order_by("-at", "-pk")
    )


def _label(obj: models.Model) -> str:
    """Name the object without a reader's data: its `history_label` where it has one, else its kind and key."""
    return str(getattr(obj, "history_label", None) or f"{obj._meta.verbose_name} {obj.pk}")[:200]
