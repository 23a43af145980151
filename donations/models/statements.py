"""The organisation as tax offices know it, and the yearly statements it has given."""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from donations.models.donors import Donor
from newsroom.personal_data import Erased, PersonalData

# The numbers that are printed on statements, by country. A receipt with one digit missing is worth nothing to a donor.
TAX_NUMBERS = {
    "CH": re.compile(r"CHE-\d{3}\.\d{3}\.\d{3}"),
    "CZ": re.compile(r"\d{8}"),
    "DE": re.compile(r"\d{2,3}/\d{3,4}/\d{4,5}"),
    "EE": re.compile(r"\d{8}"),
    "FR": re.compile(r"\d{9}|\d{14}"),
    "GB": re.compile(r"\d{6,8}(-\d{1,2})?"),
    "GE": re.compile(r"\d{9}"),
    "LT": re.compile(r"\d{9}"),
    "LV": re.compile(r"\d{11}"),
    "NL": re.compile(r"\d{9}"),
    "PL": re.compile(r"\d{10}"),
    "US": re.compile(r"\d{2}-\d{7}"),
}
ANY_TAX_NUMBER = re.compile(r"(?=.*\d)[A-Z0-9][A-Z0-9 ./-]{2,38}[A-Z0-9]")


class TaxProfile(models.Model):
    """What statements print about the organisation. There is one row, and without it no statement is made."""

    legal_name = models.CharField(_("legal name"), max_length=200)
    address = models.TextField(_("registered address"), max_length=500)
    country = models.CharField(_("country"), max_length=2, help_text=_("Two letters, such as CZ."))
    tax_number = models.CharField(_("tax number"), max_length=40)
    status = models.CharField(
        _("tax status"), max_length=300, blank=True, help_text=_("Such as: Gifts are deductible under section …")
    )

    personal_data = PersonalData(
        not_personal={
            "legal_name address country tax_number status": "The outlet's own.",
        },
    )

    class Meta:
        verbose_name = _("organisation for taxes")
        verbose_name_plural = _("organisation for taxes")
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="tax_profile_is_one_row"),
            models.CheckConstraint(
                condition=~models.Q(legal_name="") & ~models.Q(address="") & ~models.Q(tax_number=""),
                name="tax_profile_is_complete",
            ),
        ]

    def __str__(self) -> str:
        return self.legal_name

    def clean(self) -> None:
        """Refuse a number that the country's tax office would not know."""
        self.legal_name = " ".join(self.legal_name.split())
        self.address = "\n".join(" ".join(line.split()) for line in self.address.splitlines() if line.strip())
        self.country = self.country.strip().upper()
        self.tax_number = self.tax_number.strip().upper()
        errors: dict[str, Any] = {}
        if not re.fullmatch(r"[A-Z]{2}", self.country):
            errors["country"] = _("Write the country's two letters, such as CZ.")
        elif not TAX_NUMBERS.get(self.country, ANY_TAX_NUMBER).fullmatch(self.tax_number):
            errors["tax_number"] = _("This is no tax number of the country. Please look at your papers.")
        if errors:
            raise ValidationError(errors)

    @property
    def line(self) -> str:
        """What a receipt prints, in one line."""
        return " · ".join(part for part in (self.legal_name, self.tax_number, self.status) if part)


class YearlyStatement(models.Model):
    """One statement as it was printed: staff may change every word later, and this one says what it said.

    A refund after the statement was made makes the next version. Erasing the donor deletes the rows.
    """

    donor = models.ForeignKey(Donor, verbose_name=_("donor"), on_delete=models.PROTECT, related_name="statements")
    year = models.PositiveSmallIntegerField(_("year"))
    version = models.PositiveSmallIntegerField(_("version"), default=1)
    printed = models.JSONField(_("printed"), help_text=_("Every line, as it stands on the page."))
    # Payment, gross and returned in minor units: where these are the same, so is the statement.
    figures = models.JSONField(_("figures"))
    issued_at = models.DateTimeField(_("made at"), default=timezone.now)

    personal_data = PersonalData(
        found_by=("donor__email",),
        retention="former-donors",
        exported_in="gifts.statements",
        erased=Erased.DELETED,
        columns={
            "year version printed figures issued_at": "The statement for the tax office.",
        },
    )

    class Meta:
        verbose_name = _("yearly statement")
        verbose_name_plural = _("yearly statements")
        constraints = [
            models.UniqueConstraint(fields=["donor", "year", "version"], name="yearly_statement_numbered"),
            models.CheckConstraint(condition=models.Q(version__gte=1), name="yearly_statement_version_from_one"),
            models.CheckConstraint(
                condition=models.Q(year__gte=2000, year__lte=2200), name="yearly_statement_year_is_a_year"
            ),
        ]
        indexes = [models.Index(fields=["-issued_at", "-id"], name="yearly_statement_newest")]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"{self.year}-{self.donor_id:06d}-{self.version}"


def current_tax_profile() -> TaxProfile | None:
    return TaxProfile.objects.filter(pk=1).first()
