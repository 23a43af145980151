"""How fast mail may leave, for everything and for each recipient domain."""

from datetime import UTC, datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from newsroom.personal_data import PersonalData

# A sender that nobody knows begins with so many messages a day, grows by a fifth each day, and is through in six weeks.
WARM_UP_FIRST_DAY = 200
WARM_UP_GROWTH = 1.2
WARM_UP_DAYS = 42
# After a rest mail begins slowly, a message a second, and doubles every five minutes for an hour (Google's advice at
# 4.7.28 is one connection first, then one more at a time: support.google.com/a/answer/14229414).
EASY_PER_MINUTE = 60.0
EASY_DOUBLES_AFTER = timedelta(minutes=5)
EASY_FOR = timedelta(hours=1)


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
    warms_up_from = models.DateField(
        _("warms up from"),
        null=True,
        blank=True,
        help_text=_(
            "The first day of a new sender: 200 messages spread over that day, and a fifth more each day for six weeks."
        ),
    )
    rests_until = models.DateTimeField(_("rests until"), null=True, blank=True, editable=False)
    rests = models.PositiveSmallIntegerField(_("rests in a row"), default=0, db_default=0, editable=False)
    rest_reason = models.CharField(_("why it rests"), max_length=220, blank=True, editable=False)

    personal_data = PersonalData(
        not_personal={
            "domain rest_reason": "A mail provider, never a mailbox.",
        },
    )

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

    def rate(self, at: datetime) -> float | None:
        """Return the messages a minute at a moment, by the limit, the warm-up and an easy start after a rest."""
        rates = [float(self.per_minute)] if self.per_minute else []
        if self.warms_up_from is not None:
            days = (at.astimezone(UTC).date() - self.warms_up_from).days
            if days < WARM_UP_DAYS:
                rates.append(WARM_UP_FIRST_DAY * WARM_UP_GROWTH ** max(0, days) / (24 * 60))
        if self.rests_until is not None and self.rests_until <= at < self.rests_until + EASY_FOR:
            rates.append(EASY_PER_MINUTE * 2 ** ((at - self.rests_until) / EASY_DOUBLES_AFTER))
        return min(rates, default=None)
