import uuid

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models.functions import Lower, Upper
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from newsroom.personal_data import Erased, PersonalData


class Donor(models.Model):
    """A person who gave, under one normalised address. Erasure empties the row and keeps it for its payments."""

    # Empty once the person is erased; the payments stay, as the law on bookkeeping demands.
    email = models.CharField(_("address"), max_length=254, null=True, blank=True)  # noqa: DJ001 - one per person.
    name = models.CharField(_("name"), max_length=120, blank=True)
    language = models.CharField(_("language"), max_length=16, default="en")
    created_at = models.DateTimeField(_("since"), default=timezone.now)
    email_confirmed_at = models.DateTimeField(
        _("address proven"), null=True, blank=True, help_text=_("When a link mailed to the address was used.")
    )
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True)

    personal_data = PersonalData(
        found_by=("email",),
        retention="former-donors",
        exported_in="gifts.donor",
        erased=Erased.EMPTIED,
        columns={
            "email name language": "Where receipts go, and what they say.",
            "created_at email_confirmed_at erased_at": "Whether the address was proven.",
        },
    )

    class Meta:
        verbose_name = _("donor")
        verbose_name_plural = _("donors")
        permissions = [("export_donor", "Can export donors")]
        constraints = [
            models.UniqueConstraint(fields=["email"], name="donor_one_per_address"),
            models.CheckConstraint(
                condition=models.Q(erased_at__isnull=True, email__isnull=False)
                | models.Q(erased_at__isnull=False, email__isnull=True, name=""),
                name="donor_has_an_address_until_erased",
            ),
            models.CheckConstraint(condition=~models.Q(email=""), name="donor_address_is_not_empty"),
            models.CheckConstraint(
                condition=models.Q(email__isnull=True) | models.Q(email=Lower("email")),
                name="donor_address_is_lower_case",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="donor_newest"),
            # Staff look for the beginning of a name, in upper or lower case.
            models.Index(OpClass(Upper("name"), name="text_pattern_ops"), name="donor_by_name"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class StripeCustomer(models.Model):
    """A customer object at Stripe. One donor may have several: each Checkout for a recurring gift makes its own."""

    stripe_id = models.CharField(_("Stripe id"), max_length=255, unique=True)
    donor = models.ForeignKey(Donor, verbose_name=_("donor"), on_delete=models.PROTECT, related_name="customers")
    livemode = models.BooleanField(_("live"))
    created_at = models.DateTimeField(_("since"), default=timezone.now)

    personal_data = PersonalData(
        found_by=("donor__email",),
        retention="former-donors",
        exported_in="gifts.customers_at_stripe",
        erased=Erased.UNLINKED,
        columns={
            "stripe_id livemode created_at": "Names the person at Stripe.",
        },
    )

    class Meta:
        verbose_name = _("Stripe customer")
        verbose_name_plural = _("Stripe customers")
        constraints = [models.CheckConstraint(condition=~models.Q(stripe_id=""), name="stripe_customer_has_an_id")]
        indexes = [models.Index(fields=["-created_at", "-id"], name="stripe_customer_newest")]

    def __str__(self) -> str:
        return self.stripe_id


def new_attempt_key() -> uuid.UUID:
    """Return the random key of one attempt to give. It is in the address of its pages, so it must not be guessable."""
    return uuid.uuid4()
