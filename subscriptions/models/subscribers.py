"""Subscribers, what they are subscribed to, and the requests that wait to be handled."""

import uuid
from datetime import datetime
from typing import Self

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from newsroom.personal_data import Erased, PersonalData
from subscriptions.models.newsletters import Newsletter
from subscriptions.models.policies import PolicyText


class Subscriber(models.Model):
    """A person who asked for a newsletter. The only row that holds a reader's address for it."""

    email = models.CharField(
        _("email address"),
        max_length=254,
        unique=True,
        help_text=_("Normalised: lower case, the domain in its ASCII form."),
    )
    language = models.CharField(_("language"), max_length=10, default="en")
    subject = models.UUIDField(
        _("subject"),
        unique=True,
        default=uuid.uuid4,
        db_default=RandomUUID(),
        editable=False,
        help_text=_("The random name of this person in the consent ledger."),
    )
    created_at = models.DateTimeField(_("created at"))
    confirmed_at = models.DateTimeField(
        _("confirmed at"),
        null=True,
        blank=True,
        help_text=_("When the person first proved that the address is theirs."),
    )

    personal_data = PersonalData(
        found_by=("email",),
        retention="former-readers",
        exported_in="newsletters.subscriber",
        erased=Erased.DELETED,
        columns={
            "email language": "Where newsletters go, and the language of mails.",
            "subject": "Names the person in the consent ledger.",
            "created_at confirmed_at": "When the address was proven.",
        },
    )

    class Meta:
        verbose_name = _("subscriber")
        verbose_name_plural = _("subscribers")
        permissions = [("export_subscribers", "Can export subscribers")]
        constraints = [
            models.CheckConstraint(
                name="subscriptions_subscriber_email_normalised",
                condition=Q(email=Lower(F("email"))) & Q(email__contains="@"),
            )
        ]
        indexes = [
            models.Index(
                name="subscriptions_unconfirmed",
                fields=["created_at"],
                condition=Q(confirmed_at__isnull=True),
            ),
            models.Index(name="subscriptions_subscriber_new", fields=["-created_at", "-id"]),
        ]

    def __str__(self) -> str:
        return self.email


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def active(self) -> Self:
        return self.filter(state=Subscription.State.ACTIVE)

    def mailable(self, at: datetime) -> Self:
        """Keep the subscriptions that an issue sent at this moment is for."""
        return self.active().filter(Q(paused_until__isnull=True) | Q(paused_until__lte=at))


class Subscription(models.Model):
    """One subscriber's relation to one newsletter. Only `subscriptions.consent` writes its state."""

    class State(models.TextChoices):
        PENDING = "pending", _("waiting for confirmation")
        ACTIVE = "active", _("active")
        UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
        SUPPRESSED = "suppressed", _("suppressed")

    subscriber = models.ForeignKey(Subscriber, on_delete=models.PROTECT, related_name="subscriptions")
    newsletter = models.ForeignKey(Newsletter, on_delete=models.PROTECT, related_name="subscriptions")
    link_id = models.UUIDField(
        _("name in links"),
        unique=True,
        default=uuid.uuid4,
        db_default=RandomUUID(),
        editable=False,
        help_text=_("Random, so that a link tells neither a person nor the size of the list."),
    )
    state = models.CharField(_("state"), max_length=20, choices=State.choices, default=State.PENDING)
    requested_at = models.DateTimeField(_("requested at"))
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True)
    unsubscribed_at = models.DateTimeField(_("unsubscribed at"), null=True, blank=True)
    suppressed_at = models.DateTimeField(_("suppressed at"), null=True, blank=True)
    paused_until = models.DateTimeField(_("paused until"), null=True, blank=True)

    personal_data = PersonalData(
        found_by=("subscriber__email",),
        retention="former-readers",
        exported_in="newsletters.subscriptions",
        erased=Erased.DELETED,
        columns={
            "state requested_at confirmed_at unsubscribed_at suppressed_at": "Whether the newsletter is wanted.",
            "paused_until": "Whether the newsletter is wanted.",
            "link_id": "Names the subscription in the links of mails.",
        },
    )

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        constraints = [
            models.UniqueConstraint(
                name="subscriptions_one_subscription_per_newsletter",
                fields=["subscriber", "newsletter"],
            ),
            models.CheckConstraint(
                name="subscriptions_subscription_state_allowed",
                condition=Q(state__in=["pending", "active", "unsubscribed", "suppressed"]),
            ),
            models.CheckConstraint(
                name="subscriptions_subscription_state_has_time",
                condition=Q(state="pending")
                | Q(state="active", confirmed_at__isnull=False)
                | Q(state="unsubscribed", unsubscribed_at__isnull=False)
                | Q(state="suppressed", suppressed_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                name="subscriptions_active",
                fields=["newsletter", "subscriber"],
                condition=Q(state="active"),
            ),
            models.Index(
                name="subscriptions_pending",
                fields=["requested_at"],
                condition=Q(state="pending"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class SignupRequest(models.Model):
    """A sign-up as it was sent, waiting for the task that decides what is mailed.

    The request writes this one row whatever we know of the address, so the answer takes the same
    work for everyone. The task deletes the row in the transaction that handles it.
    """

    email = models.CharField(_("email address"), max_length=254)
    newsletter = models.ForeignKey(Newsletter, on_delete=models.PROTECT, related_name="+")
    policy_text = models.ForeignKey(PolicyText, on_delete=models.PROTECT, related_name="+")
    wording = models.TextField(_("wording shown"))
    language = models.CharField(_("language"), max_length=10)
    page = models.CharField(_("page"), max_length=300)
    method = models.CharField(_("method"), max_length=20)
    requested_at = models.DateTimeField(_("requested at"))
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    not_before = models.DateTimeField(_("not before"))
    held_for = models.CharField(
        _("held for"),
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text=_("What has to be known before anything is mailed; empty where nothing has."),
    )

    personal_data = PersonalData(
        found_by=("email",),
        retention="signup-requests",
        exported_in="newsletters.sign_ups_in_waiting",
        erased=Erased.DELETED,
        columns={
            "email": "Where the confirmation goes.",
            "wording language page method requested_at": "What was agreed to, for the ledger.",
        },
        not_personal={
            "tries not_before held_for": "The worker that answers, and what it waits for.",
        },
    )

    class Meta:
        verbose_name = _("sign-up in waiting")
        verbose_name_plural = _("sign-ups in waiting")
        indexes = [models.Index(name="subscriptions_signup_due", fields=["not_before", "id"])]

    def __str__(self) -> str:
        return f"{self.pk}"


class UnsubscribeReason(models.Model):
    """How many readers gave a reason on one day. It counts and names nobody."""

    class Reason(models.TextChoices):
        TOO_MANY = "too-many", _("Too many mails")
        NOT_INTERESTED = "not-interested", _("It is not what I expected")
        READ_ELSEWHERE = "read-elsewhere", _("I read you in another way")
        NOT_SAFE = "not-safe", _("It is not safe for me to receive it")
        NEVER_ASKED = "never-asked", _("I never asked for it")
        OTHER = "other", _("Another reason")

    newsletter = models.ForeignKey(Newsletter, on_delete=models.PROTECT, related_name="+")
    date = models.DateField(_("date"))
    reason = models.CharField(_("reason"), max_length=20, choices=Reason.choices)
    count = models.PositiveIntegerField(_("count"), default=0)

    personal_data = PersonalData()

    class Meta:
        verbose_name = _("reason for leaving")
        verbose_name_plural = _("reasons for leaving")
        constraints = [
            models.UniqueConstraint(name="subscriptions_reason_once_a_day", fields=["newsletter", "date", "reason"])
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.reason}"
