"""How long each kind of data is kept, as staff have set it."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from newsroom.personal_data import PersonalData


class RetentionPeriod(models.Model):
    """The period of one kind of data. The kinds come from the code; the Privacy Policy states these periods."""

    kind = models.CharField(_("kind"), max_length=60, unique=True, editable=False)
    days = models.PositiveIntegerField(
        _("days"),
        validators=[MinValueValidator(1)],
        help_text=_("Change it together with the Privacy Policy, which promises it to readers."),
    )

    personal_data = PersonalData(
        not_personal={
            "kind": "A name of the code.",
        },
    )

    class Meta:
        verbose_name = _("retention period")
        verbose_name_plural = _("retention periods")
        constraints = [models.CheckConstraint(name="subscriptions_retention_days_positive", condition=Q(days__gte=1))]

    def __str__(self) -> str:
        return self.kind
