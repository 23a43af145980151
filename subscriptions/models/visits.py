"""What a reader does about their own data: visits by a mailed link, changes of address, and erasures."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from newsroom.personal_data import Erased, PersonalData
from subscriptions.models.subscribers import Subscriber


class ReaderVisit(models.Model):
    """A reader's wish to see their own page: asked for, then mailed as a link, then opened once.

    `token_hash` and `session_hash` are SHA-256 of random secrets that only the mail and the reader's browser hold.
    """

    address = models.CharField(_("email address"), max_length=254)
    language = models.CharField(_("language"), max_length=10)
    requested_at = models.DateTimeField(_("requested at"))
    # Unknown until the limit of the address was asked, which is done once for each wish, however often it is tried.
    is_within_limit = models.BooleanField(_("within the limit"), null=True, editable=False)
    token_hash = models.CharField(max_length=64, unique=True, null=True, blank=True)
    expires_at = models.DateTimeField(_("link ends at"), null=True, blank=True)
    opened_at = models.DateTimeField(_("opened at"), null=True, blank=True)
    session_hash = models.CharField(max_length=64, unique=True, null=True, blank=True)
    session_expires_at = models.DateTimeField(_("visit ends at"), null=True, blank=True)

    personal_data = PersonalData(
        found_by=("address",),
        retention="visits",
        exported_in="newsletters.visits",
        erased=Erased.DELETED,
        columns={
            "address language": "Where the link to the reader's own page goes.",
            "requested_at is_within_limit expires_at opened_at session_expires_at": "Whether the page is open.",
        },
        withheld={
            "token_hash session_hash": "Hashes of secrets that only the mail and the browser hold.",
        },
    )

    class Meta:
        verbose_name = _("reader's visit")
        verbose_name_plural = _("readers' visits")
        constraints = [
            models.CheckConstraint(
                name="subscriptions_visit_link_has_end",
                condition=Q(token_hash__isnull=True) | Q(expires_at__isnull=False),
            ),
            models.CheckConstraint(
                name="subscriptions_visit_session_was_opened",
                condition=Q(session_hash__isnull=True) | Q(opened_at__isnull=False, session_expires_at__isnull=False),
            ),
        ]
        indexes = [models.Index(name="subscriptions_visit_requested", fields=["requested_at"])]

    def __str__(self) -> str:
        return f"{self.pk}"


class AddressChange(models.Model):
    """A reader's wish for another address, waiting for the button in the mail to the new one."""

    # A wish of the person, without meaning once the person is gone.
    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="+")
    new_address = models.CharField(_("new address"), max_length=254)
    token_hash = models.CharField(max_length=64, unique=True)
    requested_at = models.DateTimeField(_("requested at"))
    expires_at = models.DateTimeField(_("link ends at"))

    personal_data = PersonalData(
        found_by=("subscriber__email", "new_address"),
        retention="visits",
        exported_in="newsletters.address_changes",
        erased=Erased.DELETED,
        columns={
            "new_address requested_at expires_at": "The address that the reader wants to change to.",
        },
        withheld={
            "token_hash": "The hash of a secret that only the mail holds.",
        },
    )

    class Meta:
        verbose_name = _("change of address")
        verbose_name_plural = _("changes of address")

    def __str__(self) -> str:
        return f"{self.pk}"


class Erasure(models.Model):
    """The proof that a person was erased. It holds nothing personal but a keyed hash.

    Who presents the address can be shown the evidence: the hash finds this row, and the subject finds the ledger's.
    """

    address_hash = models.CharField(_("keyed hash"), max_length=100, db_index=True)
    subject = models.UUIDField(_("subject"), null=True, blank=True)
    erased_at = models.DateTimeField(_("erased at"))

    personal_data = PersonalData(
        found_by=("address_hash",),
        retention="erasure-proofs",
        exported_in="newsletters.erasures",
        erased=Erased.KEPT,
        columns={
            "address_hash subject": "Proves the erasure, and finds the evidence for who presents the address.",
            "erased_at": "Proves the erasure, and finds the evidence for who presents the address.",
        },
    )

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")

    def __str__(self) -> str:
        return f"{self.pk}"
