"""A newsletter: its rhythm, its places for articles, its sender and its rules."""

import datetime as dt
import zoneinfo
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator, validate_email
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from newsroom.models.shown import ShownOnPages
from newsroom.personal_data import PersonalData
from newsroom.time_zones import validate_time_zone

# Words that stand where a newsletter's slug would stand in an address of this package.
RESERVED_SLUGS = frozenset({"confirm", "embed", "feed", "image", "issues", "mine", "preferences", "unsubscribe"})
MOST_SEEDS = 20


def validate_newsletter_slug(slug: str) -> None:
    """Refuse a slug that is already a word of the site's addresses."""
    if slug in RESERVED_SLUGS:
        raise ValidationError(_("“%(slug)s” is used by the site itself."), code="reserved", params={"slug": slug})


def validate_ascii_address(address: str) -> None:
    """Refuse an address that a mail server without SMTPUTF8 (RFC 6531) cannot be told."""
    if not address.isascii():
        raise ValidationError(
            _("Only Latin letters without accents: write another domain in its xn-- form."), code="not_ascii"
        )


def validate_seed_addresses(text: str) -> None:
    """Refuse a line that is no address, and more lines than a test should reach."""
    lines = text.split()
    if len(lines) > MOST_SEEDS:
        raise ValidationError(_("At most %(count)s addresses."), code="too_many", params={"count": MOST_SEEDS})
    for line in lines:
        try:
            validate_email(line)
        except ValidationError as error:
            raise ValidationError(_("“%(line)s” is no address."), code="no_address", params={"line": line}) from error


class NewsletterQuerySet(models.QuerySet["Newsletter"]):
    def active(self) -> Self:
        return self.filter(is_active=True)

    def for_language(self, language: str) -> "Newsletter | None":
        """Return the first active newsletter, preferring one in the language given."""
        return (
            self.active()
            .annotate(
                is_other_language=models.Case(
                    models.When(language=language, then=0),
                    default=1,
                    output_field=models.IntegerField(),
                )
            )
            .order_by("is_other_language", "position", "pk")
            .first()
        )


class Newsletter(ShownOnPages):
    class Weekday(models.IntegerChoices):
        MONDAY = 0, _("Monday")
        TUESDAY = 1, _("Tuesday")
        WEDNESDAY = 2, _("Wednesday")
        THURSDAY = 3, _("Thursday")
        FRIDAY = 4, _("Friday")
        SATURDAY = 5, _("Saturday")
        SUNDAY = 6, _("Sunday")

    class WithoutApproval(models.TextChoices):
        SEND = "send", _("send as assembled")
        HOLD = "hold", _("hold and alarm")

    class UnknownDeliveries(models.TextChoices):
        HOLD = "hold", _("hold for an editor")
        RESEND = "resend", _("send again with the same Message-ID")

    name = models.CharField(_("name"), max_length=100, unique=True)
    slug = models.SlugField(_("slug"), max_length=60, unique=True, validators=[validate_newsletter_slug])
    description = models.TextField(_("description"), help_text=_("One or two sentences, shown above the sign-up form."))
    language = models.CharField(_("language"), max_length=10, default="en")
    position = models.PositiveSmallIntegerField(
        _("position"), default=0, help_text=_("Lower numbers stand first on the sign-up page.")
    )

    weekday = models.PositiveSmallIntegerField(_("weekday"), choices=Weekday.choices, default=Weekday.FRIDAY)
    send_time = models.TimeField(_("time of sending"), default=dt.time(8, 0))
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[validate_time_zone])
    assemble_days_before = models.PositiveSmallIntegerField(
        _("assemble this many days before"), default=1, validators=[MaxValueValidator(6)]
    )
    too_late_hours = models.PositiveSmallIntegerField(
        _("too late after this many hours"),
        default=12,
        validators=[MinValueValidator(1), MaxValueValidator(144)],
        help_text=_("An issue later than this is not sent until an editor says so."),
    )

    news_places = models.PositiveSmallIntegerField(_("places for news"), default=4)
    feature_places = models.PositiveSmallIntegerField(_("places for features"), default=2)
    analysis_places = models.PositiveSmallIntegerField(_("places for analysis"), default=2)
    opinion_places = models.PositiveSmallIntegerField(_("places for opinion"), default=1)
    minimum_picks = models.PositiveSmallIntegerField(
        _("fewest articles"),
        default=3,
        validators=[MinValueValidator(1)],
        help_text=_("An issue with fewer articles is held for an editor."),
    )
    skips_sensitive = models.BooleanField(
        _("leave out sensitive articles"),
        default=True,
        help_text=_("An article marked as sensitive is then only ever picked by hand."),
    )

    shows_full_text = models.BooleanField(
        _("whole articles"),
        default=False,
        db_default=False,
        help_text=_("For readers who cannot open the site: the mail carries each article's whole text."),
    )
    shows_images = models.BooleanField(
        _("pictures"),
        default=False,
        db_default=False,
        help_text=_(
            "Mail programs load them from this site, which whoever watches the reader's line can see. Nothing in the "
            "address of a picture tells one reader from another."
        ),
    )
    names_mirrors = models.BooleanField(
        _("names mirrors"),
        default=False,
        db_default=False,
        help_text=_("Each article then has a link to a mirror, and the foot lists all of them."),
    )
    carries_appeal = models.BooleanField(
        _("carries an appeal"),
        default=False,
        db_default=False,
        help_text=_("Whether a new issue begins with the appeal that runs on the site. Editors decide for each issue."),
    )
    is_indexed = models.BooleanField(
        _("search engines may list its issues"),
        default=True,
        db_default=True,
    )
    seed_addresses = models.TextField(
        _("seed list"),
        blank=True,
        default="",
        db_default="",
        validators=[validate_seed_addresses],
        help_text=_("Addresses that a test may be sent to, one in a line: mailboxes of your own at several providers."),
    )

    sender_name = models.CharField(_("sender's name"), max_length=100)
    sender_address = models.EmailField(_("sender's address"), validators=[validate_ascii_address])
    reply_to = models.EmailField(_("replies go to"), blank=True, validators=[validate_ascii_address])
    intro = models.TextField(
        _("introduction"), blank=True, help_text=_("The letter an issue starts with unless changed.")
    )
    list_id = models.CharField(
        _("List-Id"),
        max_length=200,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?\.[a-z0-9-]+\Z")],
        help_text=_("A name under your own domain that never changes (RFC 2919)."),
    )
    without_approval = models.CharField(
        _("without approval"),
        max_length=10,
        choices=WithoutApproval.choices,
        default=WithoutApproval.HOLD,
    )
    unknown_deliveries = models.CharField(
        _("deliveries without an answer"),
        max_length=10,
        choices=UnknownDeliveries.choices,
        default=UnknownDeliveries.HOLD,
    )
    is_active = models.BooleanField(_("active"), default=True)

    personal_data = PersonalData(
        not_personal={
            "name slug description language time_zone sender_name sender_address": "The newsroom's own words.",
            "reply_to intro list_id": "The newsroom's own words.",
            "seed_addresses": "Mailboxes of the newsroom's own.",
        },
    )

    objects = NewsletterQuerySet.as_manager()

    class Meta:
        verbose_name = _("newsletter")
        verbose_name_plural = _("newsletters")
        constraints = [
            models.CheckConstraint(name="subscriptions_newsletter_weekday_range", condition=Q(weekday__range=(0, 6))),
            models.CheckConstraint(
                name="subscriptions_newsletter_assemble_within_week",
                condition=Q(assemble_days_before__range=(0, 6)),
            ),
            models.CheckConstraint(
                name="subscriptions_newsletter_too_late_range",
                condition=Q(too_late_hours__range=(1, 144)),
            ),
            models.CheckConstraint(
                name="subscriptions_newsletter_minimum_fits_places",
                condition=Q(minimum_picks__gte=1)
                & Q(
                    minimum_picks__lte=F("news_places")
                    + F("feature_places")
                    + F("analysis_places")
                    + F("opinion_places")
                ),
                violation_error_message=_("The fewest articles must fit into the places."),
            ),
            models.CheckConstraint(
                name="subscriptions_newsletter_without_approval_allowed",
                condition=Q(without_approval__in=["send", "hold"]),
            ),
            models.CheckConstraint(
                name="subscriptions_newsletter_unknown_allowed",
                condition=Q(unknown_deliveries__in=["hold", "resend"]),
            ),
            models.CheckConstraint(
                name="subscriptions_newsletter_slug_not_reserved",
                condition=~Q(slug__in=sorted(RESERVED_SLUGS)),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("subscriptions:newsletter", kwargs={"slug": self.slug})

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)

    @property
    def issue_defaults(self) -> dict[str, Any]:
        """Return what a new issue of this newsletter starts with."""
        return {"letter": self.intro, "carries_appeal": self.carries_appeal}

    @property
    def seeds(self) -> list[str]:
        """Return the addresses of the seed list, each once."""
        return list(dict.fromkeys(self.seed_addresses.split()))

    @property
    def purpose(self) -> str:
        """Return the name of this newsletter's purpose in the consent ledger."""
        return f"newsletter:{self.slug}"

    def send_at(self, issue_date: dt.date) -> dt.datetime:
        """Return the moment, in UTC, at which the issue of a date leaves.

        An hour that the spring change of clocks skips becomes the same moment by the old offset; an
        hour that comes twice in autumn is the first of the two.
        """
        local = dt.datetime.combine(issue_date, self.send_time, tzinfo=self.zone)
        return local.astimezone(dt.UTC)

    def next_issue_date(self, at: dt.datetime) -> dt.date:
        """Return the first issue date whose sending moment is not yet past.

        Holidays are skipped. The search ends after two years, because a newsletter whose every
        date is a holiday has no next issue.
        """
        local = at.astimezone(self.zone)
        date = local.date() + dt.timedelta(days=(self.weekday - local.weekday()) % 7)
        if self.send_at(date) < at:
            date += dt.timedelta(days=7)
        holidays = set(self.holidays.filter(date__gte=date).values_list("date", flat=True))
        for week in range(104):
            candidate = date + dt.timedelta(days=7 * week)
            if candidate not in holidays:
                return candidate
        raise ValueError("every issue date of the next two years is a holiday")


class NewsletterHoliday(models.Model):
    """A date on which a newsletter does not appear."""

    # A plan of the newsletter and no fact: it has no meaning without the newsletter.
    newsletter = models.ForeignKey(Newsletter, on_delete=models.CASCADE, related_name="holidays")
    date = models.DateField(_("date"))
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    personal_data = PersonalData(
        not_personal={
            "reason": "The newsroom's own words.",
        },
    )

    class Meta:
        verbose_name = _("date without an issue")
        verbose_name_plural = _("dates without an issue")
        constraints = [
            models.UniqueConstraint(name="subscriptions_holiday_once_per_newsletter", fields=["newsletter", "date"])
        ]

    def __str__(self) -> str:
        return self.date.isoformat()
