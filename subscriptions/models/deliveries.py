"""One row per issue and person, and what became of it."""

import uuid
from typing import Self

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from newsroom.models import OutgoingMail
from newsroom.personal_data import Erased, PersonalData
from subscriptions.models.issues import Issue
from subscriptions.models.subscribers import Subscription


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def unfinished(self) -> Self:
        return self.filter(state__in=[Delivery.State.PENDING, Delivery.State.CLAIMED])

    def unknown(self) -> Self:
        return self.filter(state=Delivery.State.UNKNOWN)


class Delivery(models.Model):
    """What is to be sent, and was sent, to one person of one issue. It holds no address.

    `pending → claimed → accepted | refused | unknown | skipped`. A claim carries a random id and an expiry, and only
    the holder of that id writes what came of it. Statements in `subscriptions.claims` move the rows, a window at a
    time; a trigger writes each movement to DeliveryTally, so that nobody has to count a million rows.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        CLAIMED = "claimed", _("being sent")
        ACCEPTED = "accepted", _("accepted by the mail server")
        REFUSED = "refused", _("refused")
        UNKNOWN = "unknown", _("unknown")
        SKIPPED = "skipped", _("not sent")

    # The database checks this once a statement, by triggers: a constraint would look up the same issue for each of a
    # million rows, which took a fifth of the time of preparing them.
    issue = models.ForeignKey(
        Issue,
        verbose_name=_("issue"),
        on_delete=models.PROTECT,
        related_name="deliveries",
        db_constraint=False,
        db_index=False,
    )
    subscription = models.ForeignKey(
        Subscription,
        verbose_name=_("subscription"),
        # Erasing a person empties this; the row stays, so that the issue's counts stay true.
        on_delete=models.SET_NULL,
        null=True,
        related_name="deliveries",
        db_index=False,
    )
    uuid = models.UUIDField(
        _("name in the Message-ID"), unique=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False
    )
    state = models.CharField(
        _("state"), max_length=8, choices=State.choices, default=State.PENDING, db_default="pending"
    )
    reason = models.CharField(_("reason"), max_length=20, blank=True, default="", db_default="")
    tries = models.PositiveSmallIntegerField(_("tries"), default=0, db_default=0)
    not_before = models.DateTimeField(_("not before"), null=True, blank=True)
    claim_id = models.UUIDField(null=True, blank=True)
    claim_expires_at = models.DateTimeField(null=True, blank=True)
    outcome_at = models.DateTimeField(_("outcome at"), null=True, blank=True)
    reply = models.CharField(_("server's reply"), max_length=220, blank=True, default="", db_default="")

    personal_data = PersonalData(
        found_by=("subscription__subscriber__email",),
        retention="former-readers",
        exported_in="newsletters.issues_sent",
        erased=Erased.UNLINKED,
        columns={
            "uuid state reason outcome_at reply": "What was sent, and what the mail server answered.",
            "tries not_before": "When it is tried again.",
        },
        not_personal={
            "claim_id claim_expires_at": "The worker that sends.",
        },
    )

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            # In this order the index also finds everything that was sent to one person.
            models.UniqueConstraint(fields=["subscription", "issue"], name="delivery_once_per_issue_and_person"),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "claimed", "accepted", "refused", "unknown", "skipped"]),
                name="delivery_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state="claimed", claim_id__isnull=False, claim_expires_at__isnull=False)
                | (~Q(state="claimed") & Q(claim_expires_at__isnull=True)),
                name="delivery_claimed_is_fenced",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["accepted", "refused", "unknown", "skipped"], outcome_at__isnull=False)
                | (Q(state__in=["pending", "claimed"]) & Q(outcome_at__isnull=True)),
                name="delivery_outcome_has_time",
            ),
            models.CheckConstraint(condition=~Q(state="skipped") | ~Q(reason=""), name="delivery_skipped_says_why"),
        ]
        indexes = [
            models.Index(fields=["issue", "state", "id"], name="delivery_of_issue_by_state"),
            models.Index(fields=["claim_expires_at"], name="delivery_lease", condition=Q(state="claimed")),
            models.Index(fields=["issue"], name="delivery_unknown", condition=Q(state="unknown")),
        ]

    def __str__(self) -> str:
        return f"{self.uuid}"


class DeliveryTally(models.Model):
    """How one statement moved an issue's deliveries between states. Their sum is the count of each state.

    A trigger of the database writes these rows, so no path around them exists.
    """

    # Without a constraint in the database: a check of it would lock the issue's row once per window.
    issue = models.ForeignKey(
        Issue, on_delete=models.CASCADE, related_name="tallies", db_constraint=False, db_index=False
    )
    at = models.DateTimeField()
    pending = models.IntegerField()
    claimed = models.IntegerField()
    accepted = models.IntegerField()
    refused = models.IntegerField()
    unknown = models.IntegerField()
    skipped = models.IntegerField()

    personal_data = PersonalData()

    class Meta:
        verbose_name = _("movement of deliveries")
        verbose_name_plural = _("movements of deliveries")
        indexes = [models.Index(fields=["issue", "at"], name="tally_of_issue")]

    def __str__(self) -> str:
        return f"{self.issue_id} {self.at.isoformat()}"


class MailEvent(models.Model):
    """What a mail system told later about one message: delivered, bounced, complained. Facts, never changed."""

    class Kind(models.TextChoices):
        DELIVERED = "delivered", _("delivered")
        DEFERRED = "deferred", _("delayed")
        BOUNCED = "bounced", _("bounced")
        COMPLAINED = "complained", _("complaint")

    source = models.CharField(_("source"), max_length=40)
    event_id = models.CharField(_("id at the source"), max_length=200)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    # RFC 3463, such as 5.1.1. Bounces are classed by it and never by a provider's label.
    status_code = models.CharField(_("enhanced status code"), max_length=20, blank=True)
    is_permanent = models.BooleanField(_("permanent"), default=False)
    delivery = models.ForeignKey(
        Delivery, verbose_name=_("delivery"), on_delete=models.PROTECT, null=True, blank=True, related_name="events"
    )
    outgoing_mail = models.ForeignKey(
        OutgoingMail, verbose_name=_("single mail"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    happened_at = models.DateTimeField(_("happened at"))
    received_at = models.DateTimeField(_("received at"))

    personal_data = PersonalData(
        found_by=("delivery__subscription__subscriber__email", "outgoing_mail__address"),
        retention="mail-events",
        exported_in="newsletters.reports_of_mail",
        erased=Erased.UNLINKED,
        columns={
            "source event_id kind status_code is_permanent happened_at": "What a mail system told of a mail.",
            "received_at": "What a mail system told of a mail.",
        },
    )

    class Meta:
        verbose_name = _("mail event")
        verbose_name_plural = _("mail events")
        constraints = [
            models.UniqueConstraint(fields=["source", "event_id"], name="mail_event_once"),
            models.CheckConstraint(condition=~Q(event_id=""), name="mail_event_has_an_id"),
            models.CheckConstraint(
                condition=Q(kind__in=["delivered", "deferred", "bounced", "complained"]), name="mail_event_kind_known"
            ),
        ]
        indexes = [models.Index(fields=["-received_at", "-id"], name="mail_event_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class ReasonTally(models.Model):
    """How one statement changed the number of deliveries that ended without being accepted, by state and reason.

    A trigger writes these rows, and only where there is such a reason, so that nobody has to group a million rows.
    """

    # Without a constraint in the database, as for DeliveryTally.
    issue = models.ForeignKey(
        Issue, on_delete=models.CASCADE, related_name="reason_tallies", db_constraint=False, db_index=False
    )
    state = models.CharField(max_length=8)
    reason = models.CharField(max_length=20)
    count = models.IntegerField()

    personal_data = PersonalData(
        not_personal={
            "state reason": "Words of the code.",
        },
    )

    class Meta:
        verbose_name = _("movement of reasons")
        verbose_name_plural = _("movements of reasons")
        indexes = [models.Index(fields=["issue"], name="reason_tally_of_issue")]

    def __str__(self) -> str:
        return f"{self.issue_id} {self.state} {self.reason}"


class EventCount(models.Model):
    """To how many deliveries of an issue one kind of event happened; the sum of the rows is the figure.

    A trigger counts each delivery once per kind, however often a mail system tells of it. Each connection to the
    database counts in a row of its own, so that writers never wait for each other.
    """

    # Without a constraint in the database, as for DeliveryTally.
    issue = models.ForeignKey(
        Issue, on_delete=models.CASCADE, related_name="event_counts", db_constraint=False, db_index=False
    )
    kind = models.CharField(max_length=12)
    writer = models.IntegerField()
    count = models.PositiveIntegerField()

    personal_data = PersonalData(
        not_personal={
            "kind": "A word of the code.",
        },
    )

    class Meta:
        verbose_name = _("count of mail events")
        verbose_name_plural = _("counts of mail events")
        constraints = [models.UniqueConstraint(fields=["issue", "kind", "writer"], name="event_count_once_per_writer")]

    def __str__(self) -> str:
        return f"{self.issue_id} {self.kind}"
