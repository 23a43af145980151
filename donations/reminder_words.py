"""What the reader is told about a reminder, made of the same numbers that the product goes by; and when it is due."""

from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import formats, translation
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from donations.giving import Choice
from donations.models import Appeal, Reminder, ReminderChoice, Span
from donations.money import format_money
from newsroom.furniture import furniture
from newsroom.models import Article
from newsroom.outlet import current_outlet
from subscriptions import consent

PURPOSE = "reminder"
# By the outlet's clock: in the morning, when nobody is woken and mail is read.
SEND_TIME = time(9, 0)
CONFIRM_WITHIN = timedelta(days=7)
ONE_PER = timedelta(days=30)
KEPT_AFTER_END = timedelta(days=30)

LENGTHS: dict[Span, tuple[int, int]] = {
    # months, days
    Span.ONE_WEEK: (0, 7),
    Span.TWO_WEEKS: (0, 14),
    Span.ONE_MONTH: (1, 0),
    Span.TWO_MONTHS: (2, 0),
    Span.THREE_MONTHS: (3, 0),
    Span.SIX_MONTHS: (6, 0),
    Span.ONE_YEAR: (12, 0),
}


def add_months(day: date, months: int) -> date:
    """Return the same day some months later, or the last day of a shorter month: 31 January + 1 is 28 February."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def due_date(span: Span, *, at: datetime, time_zone: str) -> date:
    """Return the day of a reminder that is asked for at a moment, by the calendar of an IANA zone."""
    months, days = LENGTHS[span]
    return add_months(at.astimezone(ZoneInfo(time_zone)).date(), months) + timedelta(days=days)


def due_moment(day: date, *, time_zone: str) -> datetime:
    """Return when a day's reminders are sent, in UTC."""
    return datetime.combine(day, SEND_TIME, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def statement(language: str, *, at: datetime) -> consent.Statement | None:
    """Return all that the reader is told and agrees to, or None while no Privacy Policy is in force."""
    outlet = current_outlet()
    facts = {
        "time": f"{SEND_TIME:%H:%M}",
        "zone": outlet.time_zone.replace("_", " "),
        "outlet": outlet.name,
        "policy": "{policy}",
        "apart": ONE_PER.days,
        "confirm": CONFIRM_WITHIN.days,
        "kept": KEPT_AFTER_END.days,
    }
    with translation.override(language):
        sentences = [
            _("We send you one mail, at %(time)s (%(zone)s) on the day you choose, that leads back to this form."),
            ngettext(
                "It is not sent if you give before then, if we reminded you within the day before, if the appeal has "
                "ended, or if you or your mailbox have refused our mails.",
                "It is not sent if you give before then, if we reminded you within the %(apart)s days before, if the "
                "appeal has ended, or if you or your mailbox have refused our mails.",
                ONE_PER.days,
            ),
            ngettext(
                "If your address is new to us, we first send a mail with a button: unless it is pressed within a day, "
                "nothing else is sent, and the address is deleted.",
                "If your address is new to us, we first send a mail with a button: unless it is pressed within "
                "%(confirm)s days, nothing else is sent, and the address is deleted.",
                CONFIRM_WITHIN.days,
            ),
            ngettext(
                "Each of these mails has a link to cancel. The reminder and the address are deleted one day after it "
                "was sent, skipped or cancelled.",
                "Each of these mails has a link to cancel. The reminder and the address are deleted %(kept)s days "
                "after it was sent, skipped or cancelled.",
                KEPT_AFTER_END.days,
            ),
            _(
                "By pressing the button you expressly agree that %(outlet)s uses your address for this and for nothing "
                "else, as its %(policy)s explains."
            ),
        ]
        template = " ".join(sentences) % facts
    return consent.purpose_statement(PURPOSE, template, language=language, at=at)


@dataclass(frozen=True)
class Disclosure:
    """Everything that the form shows."""

    statement: consent.Statement
    # The first sentence of the statement stands above the fields, and the rest below them.
    lead: str
    rest: SafeString
    choices: list[ReminderChoice]
    language: str
    hidden: list[tuple[str, Any]]

    @property
    def spans(self) -> list[tuple[str, str]]:
        return [(choice.span, str(choice.get_span_display())) for choice in self.choices]

    @property
    def default(self) -> str:
        """The time chosen beforehand: what staff say, else the first."""
        return next((choice.span for choice in self.choices if choice.is_default), self.choices[0].span)


def disclosure(
    language: str,
    *,
    at: datetime,
    article: Article | None = None,
    appeal: Appeal | None = None,
    choice: Choice | None = None,
) -> Disclosure | None:
    """Return what the form shows, or None while staff offer no time or no Privacy Policy is in force.

    `choice` is the gift that the reader has chosen already, where the page knows it. Costs three queries.
    """
    choices = _choices()
    words = statement(language, at=at) if choices else None
    if words is None:
        return None
    hidden = {
        "article": article.pk if article else choice.article if choice else None,
        "appeal": appeal.pk if appeal else choice.appeal if choice else None,
        "language": language,
        "frequency": choice.frequency if choice else "",
        "amount": choice.amount if choice else None,
        "currency": choice.currency if choice else "",
        "statement": words.fingerprint,
    }
    lead, stop, rest = words.template.partition(". ")
    return Disclosure(
        statement=words,
        lead=lead + stop.strip(),
        rest=replace(words, template=rest).html,
        choices=choices,
        language=language,
        hidden=[(name, value) for name, value in hidden.items() if value],
    )


@furniture
def _choices() -> list[ReminderChoice]:
    return list(ReminderChoice.objects.order_by("position", "pk"))


def day_in_words(day: date, language: str) -> str:
    with translation.override(language):
        return formats.date_format(day, "DATE_FORMAT")


def gift_in_words(reminder: Reminder) -> str:
    """Return the gift that the reader had chosen, such as “$10 every month”, or nothing where none is known."""
    if reminder.amount is None:
        return ""
    amount = format_money(reminder.amount, reminder.currency, reminder.language)
    with translation.override(reminder.language):
        every = {
            "once": _("%(amount)s once"),
            "monthly": _("%(amount)s every month"),
            "annual": _("%(amount)s every year"),
        }
        return every[reminder.frequency] % {"amount": amount}
