"""What Stripe told us happened, and which answer about an object we used last. Both without any content."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from donations.models.gifts import dashboard_url
from newsroom.personal_data import PersonalData


class StripeEvent(models.Model):
    """One event of Stripe's, kept as a hint that an object changed: ids only, never the payload."""

    class State(models.TextChoices):
        RECEIVED = "received", _("Received")
        APPLIED = "applied", _("Applied")
        IGNORED = "ignored", _("Ignored")
        FAILED = "failed", _("Failed")

    stripe_id = models.CharField(_("Stripe id"), max_length=255, unique=True)
    type = models.CharField(_("type"), max_length=120)
    object_id = models.CharField(_("object"), max_length=255, blank=True)
    created_at = models.DateTimeField(_("created at Stripe"))
    received_at = models.DateTimeField(_("received at"), default=timezone.now)
    livemode = models.BooleanField(_("live"))
    api_version = models.CharField(_("API version"), max_length=40, blank=True)
    account = models.CharField(_("account"), max_length=255, blank=True)

    state = models.CharField(_("state"), max_length=8, choices=State, default=State.RECEIVED)
    reason = models.CharField(_("reason"), max_length=120, blank=True)
    error = models.TextField(_("last error"), blank=True)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    not_before = models.DateTimeField(_("next try"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    personal_data = PersonalData(
        not_personal={
            "stripe_id type object_id api_version account reason": "Names of Stripe's objects, never their content.",
            "error": "Names of Stripe's objects, never their content.",
        },
    )

    class Meta:
        verbose_name = _("Stripe event")
        verbose_name_plural = _("Stripe events")
        permissions = [("process_stripe_event", "Can have Stripe events processed again")]
        constraints = [
            models.CheckConstraint(condition=~models.Q(stripe_id=""), name="stripe_event_has_an_id"),
            models.CheckConstraint(
                condition=models.Q(state__in=["received", "applied", "ignored", "failed"]),
                name="stripe_event_known_state",
            ),
            models.CheckConstraint(
                condition=models.Q(state="received", ended_at__isnull=True)
                | (~models.Q(state="received") & models.Q(ended_at__isnull=False)),
                name="stripe_event_end_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["not_before", "id"], name="stripe_event_due", condition=models.Q(state="received")),
            models.Index(fields=["-received_at", "-id"], name="stripe_event_newest"),
            models.Index(fields=["object_id"], name="stripe_event_of_object"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.stripe_id}"

    @property
    def dashboard_url(self) -> str:
        return dashboard_url("events", self.stripe_id, livemode=self.livemode)


class StripeObject(models.Model):
    """How often we asked Stripe about one object, and the number of the question whose answer was used last.

    Two workers may ask about one object at once. A question asked later cannot get an older answer, so an answer is
    used only when no answer to a later question has been used.
    """

    stripe_id = models.CharField(_("Stripe id"), max_length=255, primary_key=True)
    asked = models.BigIntegerField(_("questions asked"), default=0)
    used = models.BigIntegerField(_("answer used"), default=0)
    asked_at = models.DateTimeField(_("asked at"), default=timezone.now)

    personal_data = PersonalData(
        not_personal={
            "stripe_id": "A name of Stripe's, never the content.",
        },
    )

    class Meta:
        verbose_name = _("object at Stripe")
        verbose_name_plural = _("objects at Stripe")
        constraints = [
            models.CheckConstraint(condition=~models.Q(stripe_id=""), name="stripe_object_has_an_id"),
            models.CheckConstraint(
                condition=models.Q(used__lte=models.F("asked")), name="stripe_object_used_was_asked"
            ),
        ]
        indexes = [models.Index(fields=["asked_at"], name="stripe_object_by_age")]

    def __str__(self) -> str:
        return self.stripe_id
