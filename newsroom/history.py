"""The record of who changed what, when and why."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.utils import timezone

from newsroom.models.history import HistoryEntry


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

    `action` is a dotted lower-case word such as `article.published`. `before` and `after` are JSON and never hold a
    reader's address: the log outlives an erasure.
    """
    return HistoryEntry.objects.create(
        action=action,
        object_type=obj._meta.label_lower,
        object_pk=str(obj.pk),
        object_text=_label(obj),
        actor_id=None if actor is None else actor.pk,
        reason=reason,
        before=before,
        after=after,
        at=at or timezone.now(),
    )


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
