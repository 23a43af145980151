import logging
import re
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from donations.models.amounts import Currency
from newsroom.furniture import furniture
from newsroom.models.shown import ShownOnPages
from newsroom.personal_data import PersonalData
from newsroom.time_zones import validate_time_zone

logger = logging.getLogger(__name__)

# Stripe refuses every gift with another: https://docs.stripe.com/get-started/account/statement-descriptors#requirements
STATEMENT_SUFFIX = re.compile(r"[A-Za-z0-9 .-]*[A-Za-z][A-Za-z0-9 .-]*")
COUNTRY_CODE = re.compile(r"[A-Z]{2}")


class GivingTerms(ShownOnPages):
    """What staff decide about giving that is neither an amount nor a way to pay. There is one row."""

    is_open = models.BooleanField(
        _("gifts are taken"), default=True, help_text=_("Only staff close the form; nothing closes it by itself.")
    )
    currency = models.CharField(_("currency without a better guess"), max_length=3, default="USD")
    fee_basis_points = models.PositiveSmallIntegerField(
        _("fee to cover"), default=290, help_text=_("In hundredths of a percent: 290 is 2.9 %.")
    )
    fee_fixed = models.PositiveSmallIntegerField(
        _("fixed part of the fee"), default=30, help_text=_("In hundredths of the currency's unit.")
    )
    offers_fee_cover = models.BooleanField(_("offer to cover the fee"), default=True)
    blocked_card_countries = ArrayField(
        models.CharField(max_length=2),
        verbose_name=_("blocked card countries"),
        default=list,
        blank=True,
        help_text=_("Two-letter codes of countries where a gift to the newsroom is a crime, such as RU, BY."),
    )
    is_discreet = models.BooleanField(
        _("discreet"), default=False, help_text=_("Mails and bank statements carry the outlet's discreet name.")
    )
    statement_suffix = models.CharField(
        _("on the bank statement"), max_length=22, blank=True, help_text=_("Latin letters and digits, at most 22.")
    )
    tax_time_zone = models.CharField(
        _("time zone of the tax year"), max_length=64, default="UTC", help_text=_("An IANA name such as Europe/Prague.")
    )
    tax_line = models.CharField(
        _("tax line on receipts"),
        max_length=300,
        blank=True,
        help_text=_("The organisation's legal name, number and status."),
    )

    renewal_notice_days = models.PositiveSmallIntegerField(
        _("days of notice before an annual gift"),
        default=14,
        db_default=14,
        help_text=_("A mail before the yearly charge."),
    )

    personal_data = PersonalData(
        not_personal={
            "currency blocked_card_countries statement_suffix tax_time_zone tax_line": "The newsroom's own words.",
        },
    )

    class Meta:
        verbose_name = _("terms of giving")
        verbose_name_plural = _("terms of giving")
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="giving_terms_is_one_row"),
            models.CheckConstraint(condition=models.Q(fee_basis_points__lt=2000), name="giving_terms_fee_is_a_share"),
        ]

    def __str__(self) -> str:
        return str(_("Terms of giving"))

    def clean(self) -> None:
        """Refuse what would stop money later: Stripe and the tax year's arithmetic read these words."""
        self.currency = self.currency.strip().upper()
        self.statement_suffix = self.statement_suffix.strip()
        self.blocked_card_countries = [code.strip().upper() for code in self.blocked_card_countries or []]
        errors: dict[str, Any] = {}
        if self.currency not in Currency.values:
            errors["currency"] = _("Gifts are taken in %(codes)s.") % {"codes": ", ".join(Currency.values)}
        if self.statement_suffix and not STATEMENT_SUFFIX.fullmatch(self.statement_suffix):
            errors["statement_suffix"] = _(
                "Banks print only Latin letters, digits, spaces, full stops and hyphens, with at least one letter."
            )
        wrong = [code for code in self.blocked_card_countries if not COUNTRY_CODE.fullmatch(code)]
        if wrong:
            errors["blocked_card_countries"] = _("“%(code)s” is no two-letter country code.") % {"code": wrong[0]}
        try:
            validate_time_zone(self.tax_time_zone)
        except ValidationError as error:
            errors["tax_time_zone"] = error
        if errors:
            raise ValidationError(errors)

    @property
    def blocked_countries(self) -> list[str]:
        """The codes in upper case, each once; what staff could not have saved, such as an empty word, is left out."""
        codes = [str(code).strip().upper() for code in self.blocked_card_countries or []]
        return [code for code in dict.fromkeys(codes) if COUNTRY_CODE.fullmatch(code)]

    @property
    def tax_zone(self) -> ZoneInfo:
        """The zone of the tax year; UTC where the stored name is none, because money must be written all the same."""
        try:
            return ZoneInfo(self.tax_time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            logger.error("The time zone of the tax year is none; UTC is used.")
            return ZoneInfo("UTC")


@furniture
def current_terms() -> GivingTerms:
    """Return the row, or an unsaved one with the defaults before staff have saved it."""
    return GivingTerms.objects.filter(pk=1).first() or GivingTerms(pk=1)
