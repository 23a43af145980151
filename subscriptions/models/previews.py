"""Links under which somebody without an account sees an issue before it leaves."""

import uuid
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from newsroom.personal_data import PersonalData
from subscriptions.models.issues import Issue


class PreviewLinkQuerySet(models.QuerySet["PreviewLink"]):
    def open(self, at: datetime) -> Self:
        return self.filter(revoked_at__isnull=True, expires_at__gt=at)


class PreviewLink(models.Model):
    """One shared preview of one issue: it opens until it expires or is revoked."""

    # A link to an issue has no meaning without it.
    issue = models.ForeignKey(
        Issue, verbose_name=_("issue"), on_delete=models.CASCADE, related_name="preview_links", db_index=True
    )
    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    note = models.CharField(_("for whom"), max_length=100, blank=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("made by"), on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField(_("made at"))
    expires_at = models.DateTimeField(_("open until"))
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    personal_data = PersonalData(
        not_personal={
            "key note": "Whom staff gave the link to, in their words; the rule preview-links ends it.",
        },
    )

    objects = PreviewLinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("shared preview")
        verbose_name_plural = _("shared previews")
        constraints = [
            models.CheckConstraint(condition=models.Q(expires_at__gt=models.F("made_at")), name="preview_link_expires")
        ]

    def __str__(self) -> str:
        return f"{self.pk}"
