"""The figures of the staff's first page, prepared once a day and whenever somebody asks."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import translation

from newsroom import registry
from newsroom.models import PreparedPanel
from newsroom.registry import Panel


def prepare(*, at: datetime) -> str:
    """Count every panel that is prepared, each for itself, and write it down."""
    for position, (name, make) in enumerate(registry.prepared_panels.items()):
        words: dict[str, dict[str, Any]] = {}
        for language, _name in settings.LANGUAGES:
            with translation.override(language):
                panel = make(at)
            words[language] = {one.name: getattr(panel, one.name) for one in fields(Panel) if one.name != "permission"}
        PreparedPanel.objects.update_or_create(
            name=name,
            defaults={"position": position, "permission": panel.permission, "words": words, "prepared_at": at},
        )
    PreparedPanel.objects.exclude(name__in=registry.prepared_panels).delete()
    return f"{len(registry.prepared_panels)} panels"


def shown(rows: Iterable[PreparedPanel]) -> list[Panel]:
    """Return prepared panels as the page shows them, in the language of who looks."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    return [Panel(permission=row.permission, **row.words[language]) for row in rows if language in row.words]
