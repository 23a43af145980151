"""Asking readers for their consent anew, because a new version of the Privacy Policy needs it."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from newsroom.personal_data import Erased, PersonalData
from subscriptions.models.policies import PrivacyPolicy
from subscriptions.models.subscribers import Subscription


class ConsentRenewal(models.Model):
    """One run: everybody concerned is asked by mail, reminded once, and written to no more without an answer in time.

    `running ↔ paused → ended | cancelled`. A pause stops the clock of everybody who was asked.
    """

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused")
        ENDED = "ended", _("ended")
        CANCELLED = "cancelled", _("cancelled")

    policy = models.ForeignKey(
        PrivacyPolicy, verbose_name=_("privacy policy"), on_delete=models.PROTECT, related_name="+"
    )
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.RUNNING)
    remind_after_days = models.PositiveSmallIntegerField(
        _("remind after days"), default=14, validators=[MinValueValidator(1), MaxValueValidator(180)]
    )
    answer_within_days = models.PositiveSmallIntegerField(
        _("answer within days"), default=30, validators=[MinValueValidator(2), MaxValueValidator(365)]
    )
    concerned = models.PositiveIntegerField(_("subscriptions concerned"))
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("started by"), on_delete=models.PROTECT, null=True, related_name="+"
    )
    started_at = models.DateTimeField(_("started at"))
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    personal_data = PersonalData()

    class Meta:
        verbose_name = _("renewal of consent")
        verbose_name_plural = _("renewals of consent")
        constraints = [
            models.UniqueConstraint(
                name="subscriptions_renewal_one_at_a_time",
                fields=["policy"],
                condition=Q(state__in=["running", "paused"]),
            ),
            models.CheckConstraint(
                name="subscriptions_renewal_state_has_time",
                condition=Q(state="running", paused_at__isnull=True, ended_at__isnull=True)
                | Q(state="paused", paused_at__isnull=False, ended_at__isnull=True)
                | Q(state__in=["ended", "cancelled"], paused_at__isnull=True, ended_at__isnull=False),
            ),
            models.CheckConstraint(
                name="subscriptions_renewal_reminds_before_it_ends",
                condition=Q(remind_after_days__gte=1, remind_after_days__lt=F("answer_within_days")),
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class RenewalRequestQuerySet(models.QuerySet["RenewalRequest"]):
    def open(self) -> Self:
        """Keep those that still wait for something: to be asked, or to answer."""
        return self.filter(state__in=RenewalRequest.OPEN)

    def to_ask(self) -> Self:
        return self.filter(state=RenewalRequest.State.WAITING)

    def to_remind(self, at: datetime) -> Self:
        return self.filter(state=RenewalRequest.State.ASKED, next_at__lte=at)

    def to_end(self, at: datetime) -> Self:
        return self.filter(state=RenewalRequest.State.REMINDED, next_at__lte=at)


class RenewalRequest(models.Model):
    """One subscription in a run: `waiting → asked → reminded → stopped`, or `agreed`, or `left` at any moment."""

    class State(models.TextChoices):
        WAITING = "waiting", _("not asked yet")
        ASKED = "asked", _("asked")
        REMINDED = "reminded", _("reminded")
        AGREED = "agreed", _("agreed")
        LEFT = "left", _("left meanwhile")
        STOPPED = "stopped", _("did not answer, so not written to any more")

    OPEN = (State.WAITING, State.ASKED, State.REMINDED)

    # A part of the run and nothing by itself.
    renewal = models.ForeignKey(ConsentRenewal, on_delete=models.CASCADE, related_name="requests", db_index=False)
    # Without the person there is nobody to ask.
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default="waiting", db_default="waiting")
    asked_at = models.DateTimeField(_("asked at"), null=True, blank=True)
    # When the reminder leaves, and after it when the answer is due; a pause moves both.
    next_at = models.DateTimeField(_("next step at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("answered or ended at"), null=True, blank=True)

    personal_data = PersonalData(
        found_by=("subscription__subscriber__email",),
        retention="consent-renewals",
        exported_in="newsletters.requests_to_renew_consent",
        erased=Erased.DELETED,
        columns={"state asked_at next_at ended_at": "Whether consent was renewed."},
    )

    objects = RenewalRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("request to renew consent")
        verbose_name_plural = _("requests to renew consent")
        constraints = [
            models.UniqueConstraint(name="subscriptions_renewal_asks_once", fields=["renewal", "subscription"]),
            models.CheckConstraint(
                name="subscriptions_renewalrequest_state_has_time",
                condition=Q(state="waiting", asked_at__isnull=True, ended_at__isnull=True)
                | Q(state__in=["asked", "reminded"], asked_at__isnull=False, next_at__isnull=False)
                | Q(state__in=["agreed", "left", "stopped"], ended_at__isnull=False),
            ),
        ]
        indexes = [models.Index(name="subscriptions_renewal_next", fields=["renewal", "state", "next_at"])]

    def __str__(self) -> str:
        return f"{self.pk}"
