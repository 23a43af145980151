from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from newsroom.personal_data import PersonalData


class HistoryEntry(models.Model):
    """One change of state: who, what, when, why. A database trigger refuses its change and deletion."""

    action = models.CharField(_("action"), max_length=80)
    # The object by label and key and not by a foreign key: the entry outlives the object.
    object_type = models.CharField(_("kind of object"), max_length=80)
    object_pk = models.CharField(_("object id"), max_length=64)
    object_text = models.CharField(_("object"), max_length=200)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Empty where the product itself acted."),
    )
    reason = models.TextField(_("reason"), blank=True)
    before = models.JSONField(_("before"), null=True, blank=True)
    after = models.JSONField(_("after"), null=True, blank=True)
    at = models.DateTimeField(_("at"))

    personal_data = PersonalData(
        not_personal={
            "action object_type object_pk object_text": "Names what was changed by its kind and number.",
            "reason before after": "Staff's words and settings; addresses are taken out before they are written.",
        },
    )

    class Meta:
        verbose_name = _("history entry")
        verbose_name_plural = _("history")
        indexes = [
            models.Index(fields=["object_type", "object_pk", "-at"], name="history_of_object"),
            models.Index(fields=["-at", "-id"], name="history_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_text}"


class PersonalDataAccess(HistoryEntry):
    """The entries about looking at personal data and taking it out, seen by those who protect readers."""

    class Meta:
        proxy = True
        verbose_name = _("access to personal data")
        verbose_name_plural = _("access to personal data")
