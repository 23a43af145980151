from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from donations.models.donors import Donor
from newsroom.personal_data import Erased, PersonalData


class DonorLink(models.Model):
    """A single-use link to a donor's own page, kept as a hash: reading the table opens nothing."""

    donor = models.ForeignKey(Donor, verbose_name=_("donor"), on_delete=models.CASCADE, related_name="links")
    token_hash = models.CharField(_("hash"), max_length=64, unique=True)
    created_at = models.DateTimeField(_("made at"), default=timezone.now)
    expires_at = models.DateTimeField(_("good until"))
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)

    personal_data = PersonalData(
        found_by=("donor__email",),
        retention="spent-links",
        exported_in="gifts.links",
        erased=Erased.DELETED,
        columns={
            "created_at expires_at used_at": "Opens the donor's own page.",
        },
        withheld={
            "token_hash": "The hash of a secret that only the mail holds.",
        },
    )

    class Meta:
        verbose_name = _("donor's link")
        verbose_name_plural = _("donors' links")
        constraints = [
            models.CheckConstraint(condition=~models.Q(token_hash=""), name="donor_link_has_a_hash"),
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("created_at")), name="donor_link_ends_after_it_starts"
            ),
        ]
        indexes = [models.Index(fields=["expires_at"], name="donor_link_by_age")]

    def __str__(self) -> str:
        return f"#{self.pk}"


class LinkRequest(models.Model):
    """Someone asked for a link. Every address is kept alike for the moment until a worker has looked."""

    email = models.CharField(_("address"), max_length=254)
    requested_at = models.DateTimeField(_("at"), default=timezone.now)

    personal_data = PersonalData(
        found_by=("email",),
        retention="spent-links",
        exported_in="gifts.requests_for_links",
        erased=Erased.DELETED,
        columns={
            "email requested_at": "Where the link goes.",
        },
    )

    class Meta:
        verbose_name = _("request for a donor's link")
        verbose_name_plural = _("requests for donors' links")
        constraints = [models.CheckConstraint(condition=~models.Q(email=""), name="link_request_has_an_address")]

    def __str__(self) -> str:
        return f"#{self.pk}"
