from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from donations.models.gifts import RecurringGift
from donations.models.payments import Payment
from newsroom.personal_data import PersonalData


class SafetyReturn(models.Model):
    """A gift that would endanger its giver and goes back: the work to be done at Stripe, repeated until it is done.

    It is about a payment to be returned, or about a recurring gift whose new card would be charged next. It names no
    person. The payment's ids stay, so that a refund that fails or a dispute is still recognised.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Done")

    payment = models.OneToOneField(
        Payment,
        verbose_name=_("payment"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="safety_return",
    )
    recurring_gift = models.OneToOneField(
        RecurringGift,
        verbose_name=_("recurring gift"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="safety_return",
    )
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.WAITING)
    country = models.CharField(_("card country"), max_length=2)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    error = models.CharField(_("last error"), max_length=200, blank=True)
    not_before = models.DateTimeField(_("next try"), default=timezone.now)
    created_at = models.DateTimeField(_("since"), default=timezone.now)
    done_at = models.DateTimeField(_("done at"), null=True, blank=True)

    personal_data = PersonalData(
        not_personal={
            "country error": "The giver was forgotten before the row was made.",
        },
    )

    class Meta:
        verbose_name = _("gift returned for safety")
        verbose_name_plural = _("gifts returned for safety")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="waiting", done_at__isnull=True)
                | models.Q(state="done", done_at__isnull=False),
                name="safety_return_end_has_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(payment__isnull=False, recurring_gift__isnull=True)
                | models.Q(payment__isnull=True, recurring_gift__isnull=False),
                name="safety_return_of_one_thing",
            ),
        ]
        indexes = [
            models.Index(fields=["not_before", "id"], name="safety_return_due", condition=models.Q(state="waiting")),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"
