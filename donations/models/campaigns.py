from django.db import models
from django.utils.translation import gettext_lazy as _

from newsroom.personal_data import PersonalData


class Campaign(models.Model):
    """A word that links of the newsroom's own carry (`utm_campaign`). A word that nobody registered is not kept."""

    code = models.SlugField(_("code"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120)
    is_active = models.BooleanField(_("active"), default=True)

    personal_data = PersonalData(
        not_personal={
            "code name": "The newsroom's own words.",
        },
    )

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        constraints = [models.CheckConstraint(condition=~models.Q(code=""), name="campaign_has_a_code")]

    def __str__(self) -> str:
        return self.name
