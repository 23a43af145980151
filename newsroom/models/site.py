from django.db import models

from newsroom.personal_data import PersonalData


class SiteVersion(models.Model):
    """The number of the public site's present state. There is one row.

    `number` grows with every change readers can see. `epoch` grows when what was there before must not be shown to
    anyone for even a moment longer, as after a withdrawal.
    """

    number = models.PositiveBigIntegerField(default=0)
    epoch = models.PositiveBigIntegerField(default=0)

    personal_data = PersonalData()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="site_version_is_one_row")]

    def __str__(self) -> str:
        return f"{self.epoch}.{self.number}"
