from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from newsroom.personal_data import PersonalData


class RestorationQuerySet(models.QuerySet["Restoration"]):
    def holding(self) -> "RestorationQuerySet":
        """Return the restorations that nobody has released yet. While there is one, nothing is sent."""
        return self.filter(released_at__isnull=True)

    def that_lost(self, moment: datetime) -> "RestorationQuerySet":
        """Return the restorations whose lost time covers a moment."""
        return self.filter(lost_from__lte=moment, lost_until__gte=moment)


class Restoration(models.Model):
    """One return of the database to a backup: the time that was lost with it, and whether mail may leave again.

    What happened between `lost_from` and `lost_until` happened in the world: its mails were sent, and the rows that say
    so are gone.
    """

    restored_at = models.DateTimeField(_("restored"))
    lost_from = models.DateTimeField(_("lost from"), help_text=_("When the backup began."))
    lost_until = models.DateTimeField(_("lost until"), help_text=_("When what was restored over was last alive."))
    released_at = models.DateTimeField(_("sending released"), null=True, blank=True)
    report = models.TextField(_("what was done"), blank=True)

    personal_data = PersonalData(not_personal={"report": "Counts."})

    objects = RestorationQuerySet.as_manager()

    class Meta:
        verbose_name = _("restoration")
        verbose_name_plural = _("restorations")
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=models.Q(lost_from__lte=models.F("lost_until")), name="restoration_lost_time_is_a_time"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], name="restoration_holding", condition=models.Q(released_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.restored_at:%Y-%m-%d %H:%M}"


class OffsiteLine(models.Model):
    """A line on its way to the list that is kept outside the database; its row goes once it is written there."""

    line = models.CharField(_("line"), max_length=400)
    made_at = models.DateTimeField(_("made"))

    personal_data = PersonalData(not_personal={"line": "Holds a keyed hash at most, and is deleted within a minute."})

    class Meta:
        verbose_name = _("line of the off-site list")
        verbose_name_plural = _("lines of the off-site list")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.pk)
