"""A part of the readers that staff have given a name, by what readers said and did here, never by what they opened."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from newsroom.personal_data import PersonalData
from subscriptions.models.consents import Consent
from subscriptions.models.newsletters import Newsletter


class Segment(models.Model):
    """Conditions that must all hold; one that is left empty asks nothing."""

    class Donors(models.TextChoices):
        ANY = "any", _("donors and others")
        ONLY = "only", _("only donors")
        WITHOUT = "without", _("without donors, to leave them in peace")

    name = models.CharField(_("name"), max_length=80, unique=True, help_text=_("Such as: Thank you, donors of autumn."))
    newsletter = models.ForeignKey(
        Newsletter,
        verbose_name=_("newsletter"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Empty: for the issues of any newsletter."),
    )
    language = models.CharField(_("reader's language"), max_length=10, blank=True)
    signed_up_from = models.DateField(_("signed up from"), null=True, blank=True)
    signed_up_until = models.DateField(_("signed up until"), null=True, blank=True, help_text=_("This day included."))
    source = models.CharField(
        _("signed up by"),
        max_length=20,
        blank=True,
        choices=[
            (method.value, method.label)
            for method in (
                *(Consent.Method.FORM, Consent.Method.EMBED, Consent.Method.DONOR_BOX, Consent.Method.PREFERENCES),
                *(Consent.Method.IMPORT, Consent.Method.STAFF),
            )
        ],
        help_text=_("The way in of the first consent that the ledger holds."),
    )
    donors = models.CharField(
        _("donors"), max_length=8, choices=Donors.choices, default=Donors.ANY, help_text=_("A yes or no, never a sum.")
    )

    personal_data = PersonalData(not_personal={"name language": "A choice of staff's, about nobody in particular."})

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        constraints = [
            models.CheckConstraint(
                name="subscriptions_segment_dates_in_order",
                condition=Q(signed_up_from__isnull=True)
                | Q(signed_up_until__isnull=True)
                | Q(signed_up_until__gte=F("signed_up_from")),
                violation_error_message=_("The last day is before the first."),
            ),
            models.CheckConstraint(
                name="subscriptions_segment_donors_known", condition=Q(donors__in=["any", "only", "without"])
            ),
        ]

    def __str__(self) -> str:
        return self.name
