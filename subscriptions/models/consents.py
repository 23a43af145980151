"""The consent ledger: append-only, gapless, chained by a keyed hash."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from newsroom.personal_data import Erased, PersonalData


class Consent(models.Model):
    """One fact: a person granted, confirmed or withdrew consent to one purpose.

    The person is named by a random UUID without a foreign key, and no address stands here, so the
    row may outlive the person's own row and still betray nobody. Triggers of the database refuse
    UPDATE, DELETE and TRUNCATE. Only `subscriptions.ledger` writes rows.
    """

    class Action(models.TextChoices):
        GRANTED = "granted", _("granted")
        CONFIRMED = "confirmed", _("confirmed")
        WITHDRAWN = "withdrawn", _("withdrawn")

    class Method(models.TextChoices):
        FORM = "form", _("form on our site")
        EMBED = "embed", _("form on another site")
        DONOR_BOX = "donor-box", _("box beside a gift")
        CONFIRMATION = "confirmation", _("button in the confirmation")
        PREFERENCES = "preferences", _("reader's preferences")
        ONE_CLICK = "one-click", _("one-click unsubscribe")
        UNSUBSCRIBE_PAGE = "unsubscribe-page", _("unsubscribe page")
        RECONSENT = "reconsent", _("renewed consent")
        DEADLINE = "deadline", _("no answer to a request for renewed consent")
        COMPLAINT = "complaint", _("complaint to the mail provider")
        ERASURE = "erasure", _("erasure")
        IMPORT = "import", _("import")
        STAFF = "staff", _("staff")

    position = models.BigIntegerField(_("position"), primary_key=True)
    subject = models.UUIDField(_("subject"))
    purpose = models.CharField(_("purpose"), max_length=80)
    action = models.CharField(_("action"), max_length=10, choices=Action.choices)
    policy_version = models.CharField(_("policy version"), max_length=20, blank=True)
    policy_hash = models.CharField(_("policy hash"), max_length=64, blank=True)
    wording = models.TextField(_("wording shown"), blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    page = models.CharField(_("page"), max_length=300, blank=True)
    method = models.CharField(_("method"), max_length=20, choices=Method.choices)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    at = models.DateTimeField(_("at"))
    key_id = models.CharField(_("key"), max_length=20)
    previous_hash = models.CharField(_("hash of the row before"), max_length=64)
    row_hash = models.CharField(_("hash of this row"), max_length=64)

    personal_data = PersonalData(
        found_by=("subject",),
        retention="consent-ledger",
        exported_in="newsletters.consent",
        erased=Erased.KEPT,
        columns={
            "subject purpose action policy_version policy_hash wording language page": "Proves what was agreed to.",
            "method reason at": "Proves what was agreed to.",
            "key_id previous_hash row_hash": "Proves that the row is as it was written.",
        },
    )

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = [
            models.CheckConstraint(name="subscriptions_consent_position_positive", condition=Q(position__gte=1)),
            models.CheckConstraint(
                name="subscriptions_consent_action_allowed",
                condition=Q(action__in=["granted", "confirmed", "withdrawn"]),
            ),
            models.CheckConstraint(
                name="subscriptions_consent_grant_names_policy_and_wording",
                condition=Q(action="withdrawn") | (~Q(policy_version="") & ~Q(policy_hash="") & ~Q(wording="")),
            ),
            models.CheckConstraint(
                name="subscriptions_consent_staff_gives_reason",
                condition=~Q(method__in=["staff", "import"]) | ~Q(reason=""),
            ),
        ]
        indexes = [
            models.Index(name="subscriptions_consent_subject", fields=["subject", "purpose", "position"]),
            # The ledger grows in the order of time, so a few pages of summary lead to any week of it.
            BrinIndex(name="subscriptions_consent_at", fields=["at"], autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.position}"


class ConsentHead(models.Model):
    """The one row whose lock orders the writers of the ledger, with the chain's last position."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    position = models.BigIntegerField(default=0)
    row_hash = models.CharField(max_length=64)

    personal_data = PersonalData(
        not_personal={
            "row_hash": "A link of the chain.",
        },
    )

    class Meta:
        verbose_name = _("head of the consent ledger")
        verbose_name_plural = _("head of the consent ledger")
        constraints = [models.CheckConstraint(name="subscriptions_consenthead_single", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"{self.position}"


class ConsentCheckpoint(models.Model):
    """Where the ledger begins since its expired beginning was removed, signed so that nobody else can say so.

    Only `manage.py prune_consent` writes one, as the role that owns the tables.
    """

    position = models.BigIntegerField(_("last position removed"), primary_key=True)
    row_hash = models.CharField(_("hash of the last row removed"), max_length=64)
    older_than = models.DateTimeField(_("all removed rows are older than"))
    made_at = models.DateTimeField(_("made at"))
    key_id = models.CharField(_("key"), max_length=20)
    signature = models.CharField(_("signature"), max_length=64)

    personal_data = PersonalData(
        not_personal={
            "row_hash key_id signature": "A link of the chain.",
        },
    )

    class Meta:
        verbose_name = _("checkpoint of the consent ledger")
        verbose_name_plural = _("checkpoints of the consent ledger")
        constraints = [
            models.CheckConstraint(name="subscriptions_checkpoint_position_positive", condition=Q(position__gte=1))
        ]

    def __str__(self) -> str:
        return f"{self.position}"
