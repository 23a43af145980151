from datetime import datetime, timedelta

from django.db import models
from django.db.models import Exists, Q
from django.utils.translation import gettext_lazy as _

from newsroom.models.restoring import Restoration
from newsroom.personal_data import Erased, PersonalData


class OutgoingMailQuerySet(models.QuerySet["OutgoingMail"]):
    def due(self, at: object) -> "OutgoingMailQuerySet":
        """Return what may be claimed: the queued, the unknown with a second try, expired leases; nothing on hold."""
        waiting = Q(state__in=[OutgoingMail.State.QUEUED, OutgoingMail.State.UNKNOWN], not_before__lte=at)
        due = self.filter(waiting | Q(state=OutgoingMail.State.SENDING, claim_expires_at__lte=at))
        return due.filter(~Exists(Restoration.objects.holding()))


class OutgoingMail(models.Model):
    """One transactional message to one person: the outbox.

    `queued → sending → sent | failed | unknown | cancelled`. However many events ask for a message, its unique key is
    one row, and the Message-ID is fixed with the row, so that a repeat after a crash is recognised as the same message.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        SENDING = "sending", _("sending")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        UNKNOWN = "unknown", _("unknown")
        CANCELLED = "cancelled", _("cancelled")

    key = models.CharField(_("key"), max_length=200, unique=True)
    template = models.CharField(_("template"), max_length=80)
    language = models.CharField(_("language"), max_length=10, default="en")
    address = models.EmailField(_("to"), max_length=320, blank=True, help_text=_("Emptied 30 days after the end."))
    context = models.JSONField(_("context"), default=dict)
    message_id = models.CharField(_("Message-ID"), max_length=200, unique=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.QUEUED)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    not_before = models.DateTimeField(_("not before"))
    claim_id = models.UUIDField(null=True, blank=True)
    claim_expires_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(_("error"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("created"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    personal_data = PersonalData(
        found_by=("address",),
        retention="ended-mail",
        exported_in="mails",
        erased=Erased.EMPTIED,
        columns={
            "address": "Whom the mail is to.",
            "language template context message_id key": "What the mail says.",
            "state tries error created_at not_before ended_at": "What became of it.",
        },
        not_personal={
            "claim_id claim_expires_at": "The worker that sends.",
        },
    )

    objects = OutgoingMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("outgoing mail")
        verbose_name_plural = _("outgoing mail")
        permissions = [("resend_mail", "Can send a failed or unknown mail again")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "sending", "sent", "failed", "unknown", "cancelled"]),
                name="outgoing_mail_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state="sending", claim_id__isnull=False, claim_expires_at__isnull=False)
                | (~Q(state="sending") & Q(claim_expires_at__isnull=True)),
                name="outgoing_mail_sending_is_claimed",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["sent", "failed", "cancelled"], ended_at__isnull=False)
                | (~Q(state__in=["sent", "failed", "cancelled"]) & Q(ended_at__isnull=True)),
                name="outgoing_mail_end_has_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["not_before", "id"],
                name="outgoing_mail_due",
                condition=Q(state__in=["queued", "unknown", "sending"]),
            ),
            models.Index(fields=["-created_at", "-id"], name="outgoing_mail_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.template} {self.pk}"

    @property
    def report_key(self) -> str:
        """Return the random name by which reports about this mail find it: the Message-ID without its domain."""
        return self.message_id.strip("<>").partition("@")[0]


class Suppression(models.Model):
    """An address that is not written to, kept as a keyed hash so that it survives the erasure of the person."""

    class Reason(models.TextChoices):
        ERASED = "erased", _("erased")
        UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
        BOUNCED = "bounced", _("bounced")
        COMPLAINED = "complained", _("complained")
        # The person reads at another address now, and a list made before must not bring this one back beside it.
        MOVED = "moved", _("moved to another address")

    class Scope(models.TextChoices):
        NEWSLETTERS = "newsletters", _("newsletters and reminders")
        EVERYTHING = "everything", _("everything")

    address_hash = models.CharField(_("keyed hash"), max_length=100)
    reason = models.CharField(_("reason"), max_length=12, choices=Reason.choices)
    scope = models.CharField(_("scope"), max_length=12, choices=Scope.choices)
    created_at = models.DateTimeField(_("since"))
    expires_at = models.DateTimeField(_("until"), null=True, blank=True)

    personal_data = PersonalData(
        found_by=("address_hash",),
        retention="suppressions",
        exported_in="suppressions",
        erased=Erased.KEPT,
        columns={
            "address_hash reason scope": "Keeps mail and imports from an address that does not want them.",
            "created_at expires_at": "Keeps mail and imports from an address that does not want them.",
        },
    )

    class Meta:
        verbose_name = _("suppression")
        verbose_name_plural = _("suppressions")
        constraints = [
            models.UniqueConstraint(fields=["address_hash", "reason"], name="suppression_once_per_reason"),
            models.CheckConstraint(
                condition=Q(reason__in=["erased", "unsubscribed", "bounced", "complained", "moved"]),
                name="suppression_reason_known",
            ),
            models.CheckConstraint(
                condition=Q(scope__in=["newsletters", "everything"]), name="suppression_scope_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} {self.pk}"


class SoftBounces(models.Model):
    """How often in a row mail to an address failed for a reason that may pass, such as a full mailbox.

    A delivery ends the row; so does time. The address is a keyed hash, as in Suppression.
    """

    address_hash = models.CharField(_("keyed hash"), max_length=100, unique=True)
    count = models.PositiveSmallIntegerField(_("count"), default=0)
    last_at = models.DateTimeField(_("last at"))

    personal_data = PersonalData(
        found_by=("address_hash",),
        retention="soft-bounces",
        exported_in="mail_that_failed",
        erased=Erased.DELETED,
        columns={
            "address_hash count last_at": "Tells when a mailbox should be given a rest.",
        },
    )

    class Meta:
        verbose_name = _("soft bounces")
        verbose_name_plural = _("soft bounces")
        indexes = [models.Index(fields=["last_at"], name="soft_bounces_by_time")]

    def __str__(self) -> str:
        return f"{self.count} {self.pk}"


class Job(models.Model):
    """A job that runs once a day: when it last began, ended well, and what went wrong. Beats share it as a lock."""

    # Longer than any task may take.
    LONGEST = timedelta(hours=2)

    name = models.CharField(_("job"), max_length=80, unique=True)
    last_date = models.DateField(_("last day"), null=True, blank=True)
    started_at = models.DateTimeField(_("last start"), null=True, blank=True)
    succeeded_at = models.DateTimeField(_("last success"), null=True, blank=True)
    error = models.TextField(_("last error"), blank=True)
    report = models.TextField(_("last report"), blank=True)

    personal_data = PersonalData(
        not_personal={
            "name error report": "Kinds of errors and counts.",
        },
    )

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")

    def __str__(self) -> str:
        return self.name

    @classmethod
    def cut_off(cls, at: datetime) -> Q:
        """Find what ended in the middle: begun so long ago that no task runs on, and neither done nor failed."""
        unended = Q(succeeded_at__isnull=True) | Q(succeeded_at__lt=models.F("started_at"))
        return unended & Q(error="", started_at__lte=at - cls.LONGEST)
