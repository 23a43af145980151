"""Rows that public pages show without being articles."""

from typing import Any

from django.db import models

from newsroom import site_version


class ShownOnPages(models.Model):
    """A row that public pages show, such as a section or an appeal: writing it makes kept pages stale."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        site_version.pages_changed()

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        deleted = super().delete(*args, **kwargs)
        site_version.pages_changed()
        return deleted
