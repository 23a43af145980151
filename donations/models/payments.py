"""What happened to money, as Stripe tells it. Only `donations/truth/` writes these rows."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from donations.models.amounts import Frequency
from donations.models.gifts import Donation, RecurringGift, dashboard_url
from donations.money import format_money
from newsroom.personal_data import Erased, PersonalData


class Payment(models.Model):
    """One movement of money from a donor, under the id of its payment intent.

    `gross` and `refunded` are in the gift's currency; `settled`, `fee` and `net` in the currency of the account at
    Stripe, and empty until Stripe has settled.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("Pending")
        PAID = "paid", _("Paid")
        FAILED = "failed", _("Failed")

    TRANSITIONS: dict[str, frozenset[str]] = {
        State.PENDING: frozenset({State.PAID, State.FAILED}),
        # The donor may try again under the same payment intent.
        State.FAILED: frozenset({State.PENDING, State.PAID}),
        # Paid is final. What goes back is a refund or a dispute with a row of its own.
        State.PAID: frozenset(),
    }

    payment_intent_id = models.CharField(_("payment intent"), max_length=255, unique=True)
    charge_id = models.CharField(_("charge"), max_length=255, null=True, blank=True, unique=True)
    invoice_id = models.CharField(_("invoice"), max_length=255, null=True, blank=True, unique=True)
    donation = models.ForeignKey(
        Donation, verbose_name=_("donation"), on_delete=models.PROTECT, related_name="payments"
    )
    recurring_gift = models.ForeignKey(
        RecurringGift,
        verbose_name=_("recurring gift"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="payments",
    )
    # As of the donation, which never changes it: lists of payments are filtered by it without a join.
    frequency = models.CharField(_("frequency"), max_length=8, choices=Frequency, db_default=Frequency.ONCE)
    is_renewal = models.BooleanField(_("renewal"), default=False)
    state = models.CharField(_("state"), max_length=8, choices=State)
    method = models.CharField(_("paid with"), max_length=30, blank=True)
    gross = models.BigIntegerField(_("gross"))
    refunded = models.BigIntegerField(_("refunded"), default=0)
    disputed = models.BigIntegerField(_("disputed"), default=0, help_text=_("Held or taken back by the donor's bank."))
    currency = models.CharField(_("currency"), max_length=3)
    settled = models.BigIntegerField(_("settled"), null=True, blank=True)
    fee = models.BigIntegerField(_("fee"), null=True, blank=True)
    net = models.BigIntegerField(_("net"), null=True, blank=True)
    settled_currency = models.CharField(_("settled in"), max_length=3, blank=True)
    created_at = models.DateTimeField(_("created at"), help_text=_("At Stripe."))
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    # The day of the gift in the organisation's own time zone, settled once: a gift at New Year belongs to one tax year.
    gift_date = models.DateField(_("day of the gift"), null=True, blank=True)
    # A second payment of the same sum by the same donor within an hour points to the first: it may be a mistake.
    repeats = models.ForeignKey(
        "self",
        verbose_name=_("same sum as"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="repeated_by",
    )
    livemode = models.BooleanField(_("live"))

    personal_data = PersonalData(
        found_by=("donation__email", "donation__donor__email"),
        retention="former-donors",
        exported_in="gifts.payments",
        erased=Erased.UNLINKED,
        columns={
            "payment_intent_id charge_id invoice_id state method": "The law on bookkeeping demands it.",
            "gross refunded disputed currency settled fee net": "The law on bookkeeping demands it.",
            "settled_currency frequency is_renewal created_at": "The law on bookkeeping demands it.",
            "paid_at gift_date livemode": "The law on bookkeeping demands it.",
        },
    )

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [
            models.CheckConstraint(condition=~models.Q(payment_intent_id=""), name="payment_has_an_id"),
            models.CheckConstraint(
                condition=~models.Q(charge_id="") & ~models.Q(invoice_id=""), name="payment_ids_are_not_empty"
            ),
            models.CheckConstraint(condition=models.Q(gross__gte=0), name="payment_gross_is_not_negative"),
            models.CheckConstraint(
                condition=models.Q(refunded__gte=0, refunded__lte=models.F("gross")),
                name="payment_refunded_within_gross",
            ),
            models.CheckConstraint(condition=models.Q(disputed__gte=0), name="payment_disputed_is_not_negative"),
            models.CheckConstraint(
                condition=models.Q(state__in=["pending", "paid", "failed"]), name="payment_known_state"
            ),
            models.CheckConstraint(
                condition=models.Q(state="paid", paid_at__isnull=False, gift_date__isnull=False)
                | (~models.Q(state="paid") & models.Q(paid_at__isnull=True, gift_date__isnull=True, refunded=0)),
                name="payment_paid_has_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(settled__isnull=True, fee__isnull=True, net__isnull=True, settled_currency="")
                | (models.Q(net=models.F("settled") - models.F("fee")) & ~models.Q(settled_currency="")),
                name="payment_net_is_settled_minus_fee",
            ),
            models.CheckConstraint(
                condition=models.Q(repeats__isnull=True) | ~models.Q(repeats=models.F("id")),
                name="payment_repeats_another",
            ),
        ]
        permissions = [
            ("refund_payment", "Can refund payments"),
            ("resend_receipt", "Can send receipts again"),
            ("export_payment", "Can export payments"),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="payment_newest"),
            # One for each filter of the staff's list, which would read a million rows for a rare value.
            models.Index(fields=["frequency", "-created_at", "-id"], name="payment_by_frequency"),
            models.Index(fields=["currency", "-created_at", "-id"], name="payment_by_currency"),
            models.Index(fields=["state", "-created_at", "-id"], name="payment_by_state"),
            models.Index(fields=["livemode", "-created_at", "-id"], name="payment_by_livemode"),
            models.Index(fields=["donation", "-created_at"], name="payment_of_donation"),
            models.Index(fields=["gift_date", "currency"], name="payment_by_day", condition=models.Q(state="paid")),
            models.Index(fields=["state", "created_at"], name="payment_pending", condition=models.Q(state="pending")),
            models.Index(
                fields=["created_at"], name="payment_unsettled", condition=models.Q(state="paid", settled__isnull=True)
            ),
            models.Index(
                fields=["-created_at", "-id"], name="payment_repeated", condition=models.Q(repeats__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{format_money(self.gross, self.currency)} {self.payment_intent_id}"

    @property
    def kept(self) -> int:
        """What has not gone back to the donor, in minor units of the gift's currency."""
        return self.gross - self.refunded

    @property
    def receipt_number(self) -> str:
        year = self.gift_date.year if self.gift_date else self.created_at.year
        return f"{year}-{self.pk:06d}"

    @property
    def gross_written(self) -> str:
        return format_money(self.gross, self.currency, self.donation.language, exact=True)

    @property
    def dashboard_url(self) -> str:
        return dashboard_url("payments", self.payment_intent_id, livemode=self.livemode)


class Refund(models.Model):
    """Money that went back at the newsroom's own wish, whole or in part."""

    class State(models.TextChoices):
        PENDING = "pending", _("Pending")
        NEEDS_ACTION = "requires_action", _("Needs action")
        SUCCEEDED = "succeeded", _("Returned")
        FAILED = "failed", _("Failed")
        CANCELED = "canceled", _("Cancelled")

    TRANSITIONS: dict[str, frozenset[str]] = {
        State.PENDING: frozenset({State.NEEDS_ACTION, State.SUCCEEDED, State.FAILED, State.CANCELED}),
        State.NEEDS_ACTION: frozenset({State.PENDING, State.SUCCEEDED, State.FAILED, State.CANCELED}),
        # A bank may send a refund back days after it was reported as done.
        State.SUCCEEDED: frozenset({State.FAILED}),
        State.FAILED: frozenset(),
        State.CANCELED: frozenset(),
    }

    stripe_id = models.CharField(_("Stripe id"), max_length=255, unique=True)
    payment = models.ForeignKey(Payment, verbose_name=_("payment"), on_delete=models.PROTECT, related_name="refunds")
    amount = models.BigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    state = models.CharField(_("state"), max_length=16, choices=State)
    reason = models.CharField(_("reason"), max_length=60, blank=True)
    failure_reason = models.CharField(_("why it failed"), max_length=60, blank=True)
    created_at = models.DateTimeField(_("created at"))
    livemode = models.BooleanField(_("live"))

    personal_data = PersonalData(
        found_by=("payment__donation__email", "payment__donation__donor__email"),
        retention="former-donors",
        exported_in="gifts.refunds",
        erased=Erased.UNLINKED,
        columns={
            "stripe_id amount currency state reason failure_reason created_at": "The law on bookkeeping demands it.",
            "livemode": "The law on bookkeeping demands it.",
        },
    )

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [
            models.CheckConstraint(condition=~models.Q(stripe_id=""), name="refund_has_an_id"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="refund_amount_is_positive"),
            models.CheckConstraint(
                condition=models.Q(state__in=["pending", "requires_action", "succeeded", "failed", "canceled"]),
                name="refund_known_state",
            ),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="refund_newest")]

    def __str__(self) -> str:
        return f"{format_money(self.amount, self.currency)} {self.stripe_id}"

    @property
    def dashboard_url(self) -> str:
        return dashboard_url("payments", self.payment.payment_intent_id, livemode=self.livemode)


class Dispute(models.Model):
    """A donor's bank questions a payment, or has taken it back."""

    class State(models.TextChoices):
        WARNING_NEEDS_RESPONSE = "warning_needs_response", _("Inquiry, needs an answer")
        WARNING_UNDER_REVIEW = "warning_under_review", _("Inquiry, under review")
        WARNING_CLOSED = "warning_closed", _("Inquiry closed")
        NEEDS_RESPONSE = "needs_response", _("Needs an answer")
        UNDER_REVIEW = "under_review", _("Under review")
        PREVENTED = "prevented", _("Prevented")
        WON = "won", _("Won")
        LOST = "lost", _("Lost")

    _OPEN = frozenset({State.NEEDS_RESPONSE, State.UNDER_REVIEW})
    _CLOSED = frozenset({State.WON, State.LOST})
    TRANSITIONS: dict[str, frozenset[str]] = {
        State.WARNING_NEEDS_RESPONSE: frozenset({State.WARNING_UNDER_REVIEW, State.WARNING_CLOSED, State.PREVENTED})
        | _OPEN
        | _CLOSED,
        State.WARNING_UNDER_REVIEW: frozenset({State.WARNING_NEEDS_RESPONSE, State.WARNING_CLOSED}) | _OPEN | _CLOSED,
        State.WARNING_CLOSED: _OPEN | _CLOSED,
        State.NEEDS_RESPONSE: frozenset({State.UNDER_REVIEW, State.PREVENTED}) | _CLOSED,
        State.UNDER_REVIEW: frozenset({State.NEEDS_RESPONSE}) | _CLOSED,
        State.PREVENTED: frozenset(),
        # A lost dispute can be won on appeal, and banks have reversed a won one.
        State.WON: frozenset({State.LOST}),
        State.LOST: frozenset({State.WON}),
    }
    # While the bank holds the money, or has it for good.
    HOLDING = (State.NEEDS_RESPONSE, State.UNDER_REVIEW, State.LOST)

    stripe_id = models.CharField(_("Stripe id"), max_length=255, unique=True)
    payment = models.ForeignKey(Payment, verbose_name=_("payment"), on_delete=models.PROTECT, related_name="disputes")
    amount = models.BigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    state = models.CharField(_("state"), max_length=24, choices=State)
    reason = models.CharField(_("reason"), max_length=60, blank=True)
    # What the dispute took from the account and gave back, fees included, in the account's currency.
    balance_change = models.BigIntegerField(_("change of the balance"), default=0)
    answer_by = models.DateTimeField(_("answer by"), null=True, blank=True)
    created_at = models.DateTimeField(_("opened at"))
    livemode = models.BooleanField(_("live"))

    personal_data = PersonalData(
        found_by=("payment__donation__email", "payment__donation__donor__email"),
        retention="former-donors",
        exported_in="gifts.disputes",
        erased=Erased.UNLINKED,
        columns={
            "stripe_id amount currency state reason balance_change answer_by": "The law on bookkeeping demands it.",
            "created_at livemode": "The law on bookkeeping demands it.",
        },
    )

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        constraints = [
            models.CheckConstraint(condition=~models.Q(stripe_id=""), name="dispute_has_an_id"),
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="dispute_amount_is_not_negative"),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="dispute_newest")]

    def __str__(self) -> str:
        return f"{format_money(self.amount, self.currency)} {self.stripe_id}"

    @property
    def dashboard_url(self) -> str:
        return dashboard_url("disputes", self.stripe_id, livemode=self.livemode)


class Decline(models.Model):
    """One refused charge, kept a short while to see card testing. It names no person and no card."""

    charge_id = models.CharField(_("charge"), max_length=255, unique=True)
    donation = models.ForeignKey(
        Donation, verbose_name=_("donation"), on_delete=models.CASCADE, null=True, blank=True, related_name="declines"
    )
    code = models.CharField(_("reason"), max_length=60, blank=True)
    at = models.DateTimeField(_("at"))

    personal_data = PersonalData(
        found_by=("donation__email", "donation__donor__email"),
        retention="declines",
        exported_in="gifts.declined_charges",
        erased=Erased.UNLINKED,
        columns={
            "charge_id code at": "Shows when somebody tries out stolen cards.",
        },
    )

    class Meta:
        verbose_name = _("declined charge")
        verbose_name_plural = _("declined charges")
        constraints = [models.CheckConstraint(condition=~models.Q(charge_id=""), name="decline_has_an_id")]
        indexes = [models.Index(fields=["-at"], name="decline_latest")]

    def __str__(self) -> str:
        return f"{self.code} {self.charge_id}"
