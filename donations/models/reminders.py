"""What a reader asks for who is not ready to give today: one mail, later."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import ExtractMonth, ExtractYear, Lower
from django.utils.translation import gettext_lazy as _

from donations.models.amounts import Currency, Frequency
from donations.models.appeals import Appeal
from donations.models.gifts import Donation
from newsroom.models import Article, OutgoingMail
from newsroom.models.shown import ShownOnPages
from newsroom.personal_data import Erased, PersonalData


class Span(models.TextChoices):
    """How far away a reminder may be. Nothing else can be stored: a length of zero would be due for ever."""

    ONE_WEEK = "1-week", _("In one week")
    TWO_WEEKS = "2-weeks", _("In two weeks")
    ONE_MONTH = "1-month", _("Next month")
    TWO_MONTHS = "2-months", _("In two months")
    THREE_MONTHS = "3-months", _("In three months")
    SIX_MONTHS = "6-months", _("In six months")
    ONE_YEAR = "12-months", _("In one year")


class ReminderChoice(ShownOnPages):
    """One time that the form offers. Staff add, order and remove them; without any, the form is not shown."""

    span = models.CharField(_("time"), max_length=12, choices=Span, unique=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    is_default = models.BooleanField(_("chosen beforehand"), default=False)

    personal_data = PersonalData()

    class Meta:
        verbose_name = _("time of a reminder")
        verbose_name_plural = _("times of reminders")
        constraints = [
            models.CheckConstraint(condition=Q(span__in=Span.values), name="reminder_choice_known_span"),
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="reminder_choice_one_default"
            ),
        ]

    def __str__(self) -> str:
        return self.get_span_display()


class ReminderQuerySet(models.QuerySet["Reminder"]):
    def due(self, by: object) -> "ReminderQuerySet":
        return self.filter(state=Reminder.State.CONFIRMED, due_at__lte=by)


class Reminder(models.Model):
    """One mail to one person at a later day.

    `asked → pending → confirmed → queued → sent | skipped(reason) | cancelled`. The form writes `asked` for every
    address alike; a task decides what follows. The row, and the address in it, is deleted 30 days after its end.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("asked for")
        PENDING = "pending", _("waiting for confirmation")
        CONFIRMED = "confirmed", _("confirmed")
        QUEUED = "queued", _("queued")
        SENT = "sent", _("sent")
        SKIPPED = "skipped", _("skipped")
        CANCELLED = "cancelled", _("cancelled")

    class Proof(models.TextChoices):
        BUTTON = "button", _("button in the confirmation mail")
        KNOWN = "known", _("address confirmed before")

    class SkipReason(models.TextChoices):
        GAVE = "gave", _("gave meanwhile")
        SUPPRESSED = "suppressed", _("the person or the mailbox refuses our mail")
        APPEAL_ENDED = "appeal ended", _("the appeal has ended")
        REMINDED = "reminded", _("reminded a short while before")
        UNDELIVERABLE = "undeliverable", _("the mail could not be delivered")
        UNKNOWN = "unknown", _("not known whether the mail was delivered")

    # In these states a reminder takes its person's place in a month.
    HOLDING = (State.PENDING, State.CONFIRMED, State.QUEUED, State.SENT)
    WAITING = (State.ASKED, State.PENDING, State.CONFIRMED, State.QUEUED)

    email = models.CharField(_("address"), max_length=254)
    language = models.CharField(_("language"), max_length=16, default="en")
    span = models.CharField(_("time"), max_length=12, choices=Span)
    due_date = models.DateField(_("due"), help_text=_("By the outlet's own calendar."))
    due_at = models.DateTimeField(_("due at"))

    frequency = models.CharField(_("frequency"), max_length=8, choices=Frequency, blank=True)
    amount = models.BigIntegerField(_("amount"), null=True, blank=True, help_text=_("In minor units."))
    currency = models.CharField(_("currency"), max_length=3, choices=Currency, blank=True)
    article = models.ForeignKey(
        Article, verbose_name=_("article"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    appeal = models.ForeignKey(
        Appeal, verbose_name=_("appeal"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    page = models.CharField(_("page"), max_length=300, blank=True)
    wording = models.TextField(_("wording shown"))
    policy_version = models.CharField(_("policy version"), max_length=20)
    policy_hash = models.CharField(max_length=64)

    # Who holds `key` reads the person's mail; `code` is in the address of a page and proves nothing.
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    subject = models.UUIDField(_("name in the consent ledger"), default=uuid.uuid4, unique=True, editable=False)

    state = models.CharField(_("state"), max_length=10, choices=State, default=State.ASKED)
    skip_reason = models.CharField(_("why it was skipped"), max_length=16, choices=SkipReason, blank=True)
    proof = models.CharField(_("confirmed by"), max_length=8, choices=Proof, blank=True)
    tries = models.PositiveSmallIntegerField(default=0, editable=False)
    asked_at = models.DateTimeField(_("asked for"))
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)
    queued_at = models.DateTimeField(_("queued"), null=True, blank=True)
    claimed_at = models.DateTimeField(_("handed to a worker"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    skipped_at = models.DateTimeField(_("skipped"), null=True, blank=True)
    cancelled_at = models.DateTimeField(_("cancelled"), null=True, blank=True)
    mail = models.OneToOneField(
        OutgoingMail, verbose_name=_("mail"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    personal_data = PersonalData(
        found_by=("email",),
        retention="reminders",
        exported_in="reminders.reminders",
        erased=Erased.DELETED,
        columns={
            "email language": "Where the reminder goes.",
            "span due_date due_at frequency amount currency": "What was wished for.",
            "page wording policy_version policy_hash subject": "What was agreed to.",
            "state skip_reason proof asked_at confirmed_at queued_at claimed_at sent_at": "What became of it.",
            "skipped_at cancelled_at": "What became of it.",
        },
        withheld={
            "key code": "Secrets that only the mail and the page hold.",
        },
        not_personal={
            "tries": "The worker that answers.",
        },
    )

    objects = ReminderQuerySet.as_manager()

    class Meta:
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")
        permissions = [("cancel_reminder", "Can cancel a reader's reminder")]
        constraints = [
            models.UniqueConstraint(
                F("email"),
                ExtractYear("due_date"),
                ExtractMonth("due_date"),
                condition=Q(state__in=["pending", "confirmed", "queued", "sent"]),
                name="reminder_one_per_person_and_month",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["asked", "pending", "confirmed", "queued", "sent", "skipped", "cancelled"]),
                name="reminder_known_state",
            ),
            models.CheckConstraint(condition=Q(span__in=Span.values), name="reminder_known_span"),
            models.CheckConstraint(
                condition=Q(email=Lower(F("email"))) & Q(email__contains="@"), name="reminder_address_is_normalised"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["asked", "pending"], confirmed_at__isnull=True, proof="")
                | Q(state="cancelled")
                | Q(
                    state__in=["confirmed", "queued", "sent", "skipped"],
                    confirmed_at__isnull=False,
                    proof__in=["button", "known"],
                ),
                name="reminder_is_confirmed_before_it_is_queued",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["queued", "sent", "skipped"]) | Q(queued_at__isnull=False, mail__isnull=False),
                name="reminder_queued_has_time_and_mail",
            ),
            models.CheckConstraint(
                condition=~Q(state="sent") | Q(sent_at__isnull=False), name="reminder_sent_has_time"
            ),
            models.CheckConstraint(
                condition=Q(state="skipped", skipped_at__isnull=False) & ~Q(skip_reason="")
                | ~Q(state="skipped") & Q(skipped_at__isnull=True, skip_reason=""),
                name="reminder_skipped_has_time_and_reason",
            ),
            models.CheckConstraint(
                condition=~Q(state="cancelled") | Q(cancelled_at__isnull=False), name="reminder_cancelled_has_time"
            ),
            models.CheckConstraint(
                condition=Q(frequency="", amount__isnull=True, currency="")
                | Q(frequency__in=Frequency.values, amount__gt=0, currency__in=Currency.values),
                name="reminder_gift_is_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["email", "id"], name="reminder_of_person"),
            models.Index(fields=["due_at", "id"], name="reminder_due", condition=Q(state="confirmed")),
            models.Index(fields=["asked_at", "id"], name="reminder_unhandled", condition=Q(state="asked")),
            models.Index(
                fields=["id"],
                name="reminder_under_way",
                condition=Q(state__in=["queued", "cancelled"], mail__isnull=False, sent_at__isnull=True),
            ),
            models.Index(fields=["-asked_at", "-id"], name="reminder_newest"),
            models.Index(fields=["-sent_at"], name="reminder_latest_sent", condition=Q(sent_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def is_waiting(self) -> bool:
        return self.state in self.WAITING

    def holds_month_of(self, other: "Reminder") -> bool:
        """Say whether this reminder already takes the month in which the other one is due."""
        month, others = (self.due_date.year, self.due_date.month), (other.due_date.year, other.due_date.month)
        return self.state in self.HOLDING and month == others


class ReminderGift(models.Model):
    """A gift that a reader came to by a reminder's link. It outlives the reminder, and names nobody."""

    # The row says something about the donation only, and goes with it.
    donation = models.OneToOneField(
        Donation, verbose_name=_("donation"), on_delete=models.CASCADE, related_name="reminder_gift"
    )
    # The reminder is deleted 30 days after it was sent; that it led to a gift stays true.
    reminder = models.ForeignKey(
        Reminder, verbose_name=_("reminder"), on_delete=models.SET_NULL, null=True, blank=True, related_name="gifts"
    )
    started_at = models.DateTimeField(_("begun"))
    converted_at = models.DateTimeField(_("paid"), null=True, blank=True)

    personal_data = PersonalData(
        found_by=("reminder__email", "donation__email", "donation__donor__email"),
        retention="reminders",
        exported_in="reminders.gifts_after_a_reminder",
        erased=Erased.UNLINKED,
        columns={
            "started_at converted_at": "Whether reminders lead to gifts.",
        },
    )

    class Meta:
        verbose_name = _("gift after a reminder")
        verbose_name_plural = _("gifts after reminders")
        indexes = [
            models.Index(fields=["started_at"], name="reminder_gift_open", condition=Q(converted_at__isnull=True)),
            models.Index(fields=["-converted_at"], name="reminder_gift_latest"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"
