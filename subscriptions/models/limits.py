"""How fast mail may leave, for everything and for each recipient domain."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class SendingLimitQuerySet(models.QuerySet["SendingLimit"]):
    def resting(self, at: datetime) -> Self:
        return self.filter(rests_until__gt=at)


class SendingLimit(models.Model):
    """The most messages a minute to one recipient domain, or to everybody where the domain is empty.

    A domain that answered that we are too fast rests until a time; the product writes that, and lifts it by passing.
    """

    domain = models.CharField(
        _("recipient domain"),
        max_length=253,
        unique=True,
        blank=True,
        help_text=_("Such as gmail.com. Empty: everything that leaves."),
    )
    per_minute = models.PositiveIntegerField(
        _("messages a minute"), null=True, blank=True, help_text=_("Empty: as fast as the server takes them.")
    )
    rests_until = models.DateTimeField(_("rests until"), null=True, blank=True, editable=False)
    rest_reason = models.CharField(_("why it rests"), max_length=220, blank=True, editable=False)

    objects = SendingLimitQuerySet.as_manager()

    class Meta:
        verbose_name = _("sending limit")
        verbose_name_plural = _("sending limits")
        constraints = [
            models.CheckConstraint(
                condition=Q(per_minute__isnull=True) | Q(per_minute__gte=1), name="limit_lets_some_by"
            ),
            models.CheckConstraint(condition=Q(domain=Lower(F("domain"))), name="limit_domain_is_lower_case"),
        ]

    def __str__(self) -> str:
        return self.domain or str(_("everything"))
