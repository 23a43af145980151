"""What readers decide: the donation, its visits to Stripe's page, and a recurring gift's life."""

import uuid
from datetime import datetime

from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from donations.models.amounts import Frequency
from donations.models.appeals import Appeal
from donations.models.donors import Donor, StripeCustomer, new_attempt_key
from donations.money import format_money
from newsroom.models import Article
from newsroom.personal_data import Erased, PersonalData

DASHBOARD = "https://dashboard.stripe.com"


class Donation(models.Model):
    """One reader's decision to give: how much, how often, and what moved them.

    It is committed before Stripe hears of it. Its states say what became of the decision; the money itself is in the
    payments.
    """

    class State(models.TextChoices):
        STARTED = "started", _("Started")
        PENDING = "pending", _("Pending")
        GIVEN = "given", _("Given")
        FAILED = "failed", _("Failed")
        ABANDONED = "abandoned", _("Abandoned")
        ENDED = "ended", _("Ended")
        RETURNED = "returned", _("Returned")

    # What the truth at Stripe may do to a decision. A snapshot that arrives late asks for a way that is not here, and
    # changes nothing.
    TRANSITIONS: dict[str, frozenset[str]] = {
        State.STARTED: frozenset({State.PENDING, State.GIVEN, State.FAILED, State.ABANDONED, State.RETURNED}),
        State.PENDING: frozenset({State.GIVEN, State.FAILED, State.RETURNED}),
        # Paying after a session expired cannot happen at Stripe, but reconciling after a loss may learn it in this
        # order.
        State.ABANDONED: frozenset({State.STARTED, State.PENDING, State.GIVEN, State.RETURNED}),
        State.FAILED: frozenset({State.STARTED, State.PENDING, State.GIVEN, State.RETURNED}),
        State.GIVEN: frozenset({State.ENDED, State.RETURNED}),
        State.ENDED: frozenset({State.RETURNED}),
        State.RETURNED: frozenset(),
    }

    attempt_key = models.UUIDField(_("attempt"), default=new_attempt_key, unique=True, editable=False)
    frequency = models.CharField(_("frequency"), max_length=8, choices=Frequency)
    amount = models.BigIntegerField(_("amount"), help_text=_("In minor units, without the covered fee."))
    fee_cover = models.BigIntegerField(_("covered fee"), default=0)
    currency = models.CharField(_("currency"), max_length=3)
    language = models.CharField(_("language"), max_length=16, default="en")

    email = models.CharField(
        _("address"), max_length=254, blank=True, help_text=_("Until the gift is made; then the donor has it.")
    )
    donor = models.ForeignKey(
        Donor, verbose_name=_("donor"), on_delete=models.PROTECT, null=True, blank=True, related_name="donations"
    )
    name = models.CharField(_("name on the receipt"), max_length=120, blank=True)
    note = models.TextField(_("note to the newsroom"), max_length=500, blank=True)
    is_anonymous = models.BooleanField(_("anonymous"), default=True)
    newsletter_asked_at = models.DateTimeField(
        _("newsletter asked for"), null=True, blank=True, help_text=_("When the box beside the gift was ticked.")
    )

    # Income per article must not change when an article goes, and a published article is withdrawn, never deleted.
    article = models.ForeignKey(
        Article, verbose_name=_("article"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    appeal = models.ForeignKey(
        Appeal, verbose_name=_("appeal"), on_delete=models.PROTECT, null=True, blank=True, related_name="donations"
    )
    campaign = models.CharField(_("campaign"), max_length=60, blank=True)

    state = models.CharField(_("state"), max_length=10, choices=State, default=State.STARTED)
    created_at = models.DateTimeField(_("started at"), default=timezone.now)
    state_at = models.DateTimeField(_("in this state since"), default=timezone.now)
    livemode = models.BooleanField(_("live"), default=False)
    # Once set, nothing that Stripe still tells about the person is written down again.
    erased_at = models.DateTimeField(_("person erased"), null=True, blank=True)

    # When it was taken over from what ran at Stripe before. Nothing is mailed about the time until then.
    adopted_at = models.DateTimeField(_("taken over at"), null=True, blank=True)

    personal_data = PersonalData(
        found_by=("email", "donor__email"),
        retention="former-donors",
        exported_in="gifts.donations",
        erased=Erased.EMPTIED,
        columns={
            "email name note language": "Whom to thank, and what they wrote.",
            "frequency amount fee_cover currency is_anonymous campaign attempt_key": "What was decided.",
            "state created_at state_at erased_at adopted_at newsletter_asked_at livemode": "What became of it.",
        },
    )

    class Meta:
        verbose_name = _("donation")
        verbose_name_plural = _("donations")
        constraints = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="donation_amount_is_positive"),
            models.CheckConstraint(condition=models.Q(fee_cover__gte=0), name="donation_fee_cover_is_not_negative"),
            models.CheckConstraint(condition=models.Q(frequency__in=Frequency.values), name="donation_known_frequency"),
            models.CheckConstraint(
                condition=models.Q(
                    state__in=["started", "pending", "given", "failed", "abandoned", "ended", "returned"]
                ),
                name="donation_known_state",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="ended") | ~models.Q(frequency="once"), name="donation_only_recurring_ends"
            ),
            models.CheckConstraint(
                condition=models.Q(erased_at__isnull=True) | models.Q(email="", name="", note=""),
                name="donation_erased_names_nobody",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="donation_newest"),
            models.Index(
                fields=["state", "state_at"], name="donation_open", condition=models.Q(state__in=["started", "pending"])
            ),
            models.Index(fields=["donor", "-created_at"], name="donation_of_donor"),
            models.Index(fields=["article", "-created_at"], name="donation_of_article"),
            models.Index(fields=["email"], name="donation_by_address", condition=~models.Q(email="")),
        ]

    def __str__(self) -> str:
        return f"{format_money(self.total, self.currency)} {self.get_frequency_display()} #{self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("donations:attempt", args=[self.attempt_key])

    @property
    def total(self) -> int:
        """What is charged, in minor units."""
        return self.amount + self.fee_cover

    @property
    def total_written(self) -> str:
        return format_money(self.total, self.currency, self.language)

    @property
    def is_recurring(self) -> bool:
        return self.frequency != Frequency.ONCE

    @property
    def is_open(self) -> bool:
        """Whether the reader can still go to Stripe's page with this attempt. Costs two queries.

        A page that was finished made a payment or a subscription, whatever became of it, and one attempt makes one.
        """
        return (
            self.state in (self.State.STARTED, self.State.FAILED, self.State.ABANDONED)
            and not self.sessions.filter(state=CheckoutSession.State.COMPLETE).exists()
            and not self.recurring_gifts.exists()
        )

    def has_live_session(self) -> bool:
        return self.sessions.filter(state__in=CheckoutSession.LIVE_STATES).exists()

    def move(self, state: str, *, at: datetime) -> bool:
        """Go to `state` if the table allows it, and say whether the row changed. The caller holds the row's lock."""
        if state not in self.TRANSITIONS[self.State(self.state)]:
            return False
        self.state = state
        self.state_at = at
        self.save(update_fields=["state", "state_at"])
        return True


class CheckoutSession(models.Model):
    """One visit to Stripe's hosted page, with every parameter of the call that made it.

    The parameters are computed once and stored, so that a repeated call is the same call to the byte, under the same
    idempotency key. A changed choice gets the next number.
    """

    class State(models.TextChoices):
        PREPARING = "preparing", _("Preparing")
        OPEN = "open", _("Open")
        COMPLETE = "complete", _("Complete")
        EXPIRED = "expired", _("Expired")
        # Stripe answered with an error that a repetition under the same key would only repeat.
        BROKEN = "broken", _("Broken")

    LIVE_STATES = (State.PREPARING, State.OPEN)

    donation = models.ForeignKey(
        Donation, verbose_name=_("donation"), on_delete=models.PROTECT, related_name="sessions"
    )
    number = models.PositiveSmallIntegerField(_("number"))
    parameters = models.JSONField(_("parameters"), help_text=_("Emptied once the session is over."))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PREPARING)
    stripe_id = models.CharField(_("Stripe id"), max_length=255, null=True, blank=True, unique=True)
    url = models.TextField(_("address"), blank=True)
    payment_intent_id = models.CharField(_("payment intent"), max_length=255, blank=True)
    declines = models.PositiveSmallIntegerField(_("declined charges"), default=0)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires at"))
    asked_at = models.DateTimeField(_("asked Stripe at"), null=True, blank=True)
    livemode = models.BooleanField(_("live"), default=False)

    personal_data = PersonalData(
        found_by=("donation__email", "donation__donor__email"),
        retention="abandoned-attempts",
        exported_in="gifts.visits_to_stripe",
        erased=Erased.EMPTIED,
        columns={
            "parameters url": "What Stripe's page was asked for; emptied when the visit is over.",
            "number state stripe_id payment_intent_id declines created_at expires_at": "What became of the visit.",
            "asked_at livemode": "What became of the visit.",
        },
    )

    class Meta:
        verbose_name = _("checkout session")
        verbose_name_plural = _("checkout sessions")
        constraints = [
            models.UniqueConstraint(fields=["donation", "number"], name="checkout_session_numbered"),
            models.UniqueConstraint(
                fields=["donation"],
                condition=models.Q(state__in=["preparing", "open"]),
                name="checkout_session_one_live_per_donation",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["preparing", "open", "complete", "expired", "broken"]),
                name="checkout_session_known_state",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["preparing", "broken", "expired"]) | models.Q(stripe_id__isnull=False),
                name="checkout_session_open_has_an_id",
            ),
            models.CheckConstraint(condition=~models.Q(stripe_id=""), name="checkout_session_id_is_not_empty"),
        ]
        indexes = [
            models.Index(
                fields=["asked_at", "created_at"],
                name="checkout_session_live",
                condition=models.Q(state__in=["preparing", "open"]),
            ),
        ]

    def __str__(self) -> str:
        return self.stripe_id or f"{self.donation_id}:{self.number}"

    @property
    def idempotency_key(self) -> str:
        return f"checkout:{self.donation.attempt_key}:{self.number}"

    @property
    def dashboard_url(self) -> str:
        return dashboard_url("payments", self.payment_intent_id, livemode=self.livemode)


class RecurringGift(models.Model):
    """A gift that Stripe charges again each month or year. Stripe owns the charging; this row follows it."""

    class State(models.TextChoices):
        INCOMPLETE = "incomplete", _("Incomplete")
        ACTIVE = "active", _("Active")
        PAST_DUE = "past due", _("Payment failed")
        PAUSED = "paused", _("Paused")
        ENDED = "ended", _("Ended")

    # One attempt makes one subscription; but whatever Stripe charges, it must be possible to write it down.
    donation = models.ForeignKey(
        Donation, verbose_name=_("donation"), on_delete=models.PROTECT, related_name="recurring_gifts"
    )
    stripe_id = models.CharField(_("Stripe subscription"), max_length=255, unique=True)
    customer = models.ForeignKey(
        StripeCustomer,
        verbose_name=_("Stripe customer"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="gifts",
    )
    item_id = models.CharField(_("Stripe subscription item"), max_length=255, blank=True)
    # As of the donation, which never changes it: the list of gifts is filtered by it without a join.
    frequency = models.CharField(_("frequency"), max_length=8, choices=Frequency, db_default=Frequency.MONTHLY)
    state = models.CharField(_("state"), max_length=10, choices=State)
    amount = models.BigIntegerField(_("amount now"), help_text=_("In minor units, as charged."))
    currency = models.CharField(_("currency"), max_length=3)
    started_at = models.DateTimeField(_("since"))
    period_ends_at = models.DateTimeField(_("paid until"), null=True, blank=True)
    ends_at_period_end = models.BooleanField(_("ends with this period"), default=False)
    paused_until = models.DateTimeField(_("paused until"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    end_reason = models.CharField(_("why it ended"), max_length=40, blank=True)
    card_expires = models.DateField(_("card good until"), null=True, blank=True)
    has_failed_renewal = models.BooleanField(_("a renewal failed"), default=False, db_default=False)
    livemode = models.BooleanField(_("live"))

    personal_data = PersonalData(
        found_by=("donation__email", "donation__donor__email"),
        retention="former-donors",
        exported_in="gifts.recurring_gifts",
        erased=Erased.UNLINKED,
        columns={
            "stripe_id item_id frequency state amount currency": "The gift that Stripe charges again.",
            "started_at period_ends_at ends_at_period_end paused_until ended_at": "The gift that Stripe charges again.",
            "end_reason card_expires has_failed_renewal livemode": "The gift that Stripe charges again.",
        },
    )

    class Meta:
        verbose_name = _("recurring gift")
        verbose_name_plural = _("recurring gifts")
        permissions = [("cancel_recurring_gift", "Can cancel recurring gifts")]
        constraints = [
            models.CheckConstraint(condition=~models.Q(stripe_id=""), name="recurring_gift_has_an_id"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="recurring_gift_amount_is_positive"),
            models.CheckConstraint(
                condition=models.Q(state__in=["incomplete", "active", "past due", "paused", "ended"]),
                name="recurring_gift_known_state",
            ),
            models.CheckConstraint(
                condition=models.Q(state="ended", ended_at__isnull=False)
                | (~models.Q(state="ended") & models.Q(ended_at__isnull=True)),
                name="recurring_gift_end_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "period_ends_at"], name="recurring_gift_by_period"),
            models.Index(fields=["card_expires"], name="recurring_gift_card", condition=~models.Q(state="ended")),
            # One for the staff's list and one for each of its filters, which would read every gift for a rare value.
            models.Index(fields=["-started_at", "-id"], name="recurring_gift_newest"),
            models.Index(fields=["frequency", "-started_at", "-id"], name="recurring_gift_by_frequency"),
            models.Index(fields=["currency", "-started_at", "-id"], name="recurring_gift_by_currency"),
            models.Index(fields=["state", "-started_at", "-id"], name="recurring_gift_by_state"),
        ]

    def __str__(self) -> str:
        return f"{format_money(self.amount, self.currency)} {self.stripe_id}"

    @property
    def amount_written(self) -> str:
        return format_money(self.amount, self.currency, self.donation.language)

    @property
    def dashboard_url(self) -> str:
        return dashboard_url("subscriptions", self.stripe_id, livemode=self.livemode)


def dashboard_url(kind: str, stripe_id: str, *, livemode: bool) -> str:
    """Return the address of an object in Stripe's dashboard; empty without an id."""
    if not stripe_id:
        return ""
    return f"{DASHBOARD}/{'' if livemode else 'test/'}{kind}/{stripe_id}"


def attempt_key_of(text: str) -> uuid.UUID | None:
    """Read an attempt key that came back from outside."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
