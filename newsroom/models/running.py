"""What the product knows of its own running: who is alive, and what is wrong."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from newsroom.personal_data import PersonalData


class Heartbeat(models.Model):
    """When one process last said that it runs. A row that is no longer renewed is a process that stopped."""

    class Kind(models.TextChoices):
        BEAT = "beat", _("beat")
        WORKER = "worker", _("worker")
        # Written by the task that beat asks for and a worker does: it proves the whole way from one to the other.
        TICK = "tick", _("tick")

    kind = models.CharField(_("kind"), max_length=6, choices=Kind.choices)
    name = models.CharField(_("machine and process"), max_length=120)
    at = models.DateTimeField(_("last heard"))

    personal_data = PersonalData(not_personal={"kind name at": "A machine of the operator's and its process."})

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["kind", "name"], name="heartbeat_once_per_process"),
            models.CheckConstraint(condition=Q(kind__in=["beat", "worker", "tick"]), name="heartbeat_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class AlarmQuerySet(models.QuerySet["Alarm"]):
    def ringing(self) -> Self:
        return self.filter(ended_at__isnull=True)

    def to_post(self, at: datetime) -> Self:
        """Keep what the operator's URL has not been told yet, its beginning or its end, and nobody is telling now."""
        begun = Q(posted_at__isnull=True)
        ended = Q(ended_at__isnull=False, end_posted_at__isnull=True)
        return self.filter(begun | ended).filter(Q(posting_until__isnull=True) | Q(posting_until__lte=at))


class Alarm(models.Model):
    """One time that something was wrong, from when it was noticed until it was well again.

    People are told once when it begins and once when it ends, by mail and at the operator's URL.
    """

    name = models.CharField(_("alarm"), max_length=60)
    detail = models.CharField(_("what is wrong"), max_length=300)
    began_at = models.DateTimeField(_("since"))
    seen_at = models.DateTimeField(_("last seen"), null=True, blank=True)
    ended_at = models.DateTimeField(_("until"), null=True, blank=True)
    posted_at = models.DateTimeField(_("told at the URL"), null=True, blank=True)
    end_posted_at = models.DateTimeField(_("end told at the URL"), null=True, blank=True)
    posting_until = models.DateTimeField(null=True, blank=True, editable=False)

    personal_data = PersonalData(
        not_personal={
            "name detail": "What is wrong with the product, in words and numbers of its own.",
            "began_at seen_at ended_at posted_at end_posted_at posting_until": "When, and when people were told.",
        }
    )

    objects = AlarmQuerySet.as_manager()

    class Meta:
        verbose_name = _("alarm")
        verbose_name_plural = _("alarms")
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=Q(ended_at__isnull=True), name="alarm_rings_once_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=models.F("began_at")),
                name="alarm_ends_after_start",
            ),
        ]
        indexes = [models.Index(fields=["-began_at", "-id"], name="alarm_newest")]

    def __str__(self) -> str:
        return f"{self.name} {self.pk}"
