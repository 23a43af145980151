from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from newsroom.personal_data import PersonalData


class PreparedPanel(models.Model):
    """One block of the staff's first page, counted ahead, so that opening the page reads rows and counts nothing."""

    name = models.CharField(_("name"), max_length=60, unique=True)
    position = models.PositiveSmallIntegerField(_("position"))
    permission = models.CharField(_("permission"), max_length=120, blank=True)
    # By language: title, lines, note and charts as `registry.Panel` has them.
    words = models.JSONField(_("words"), encoder=DjangoJSONEncoder)
    prepared_at = models.DateTimeField(_("prepared at"))

    personal_data = PersonalData(
        not_personal={"name position permission words prepared_at": "Sums of the newsroom; a single reader is in none."}
    )

    class Meta:
        verbose_name = _("prepared panel")
        verbose_name_plural = _("prepared panels")
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
