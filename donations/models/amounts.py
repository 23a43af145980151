from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from donations.money import EXPONENTS, format_money
from newsroom.models.shown import ShownOnPages
from newsroom.personal_data import PersonalData


class Frequency(models.TextChoices):
    ONCE = "once", _("Once")
    MONTHLY = "monthly", _("Monthly")
    ANNUAL = "annual", _("Annual")


class Currency(models.TextChoices):
    """The currencies a gift can be made in. Each is covered by a test of its exponent."""

    USD = "USD", _("US dollar")
    EUR = "EUR", _("Euro")
    GBP = "GBP", _("Pound sterling")
    CHF = "CHF", _("Swiss franc")
    PLN = "PLN", _("Polish złoty")
    JPY = "JPY", _("Japanese yen")


class Method(models.TextChoices):
    """Ways to pay, by Stripe's names. Wallets come with cards wherever the reader's device has one."""

    CARD = "card", _("Card")
    SEPA_DEBIT = "sepa_debit", _("SEPA direct debit")
    PAYPAL = "paypal", "PayPal"
    IDEAL = "ideal", "iDEAL"
    BANCONTACT = "bancontact", "Bancontact"
    P24 = "p24", "Przelewy24"
    BLIK = "blik", "BLIK"
    TWINT = "twint", "TWINT"


# What Stripe itself refuses: https://docs.stripe.com/payments/payment-methods/payment-method-support.
METHOD_CURRENCIES: dict[str, frozenset[str] | None] = {
    Method.CARD: None,
    Method.SEPA_DEBIT: frozenset({"EUR"}),
    Method.PAYPAL: frozenset({"EUR", "GBP", "USD", "CHF", "PLN"}),
    Method.IDEAL: frozenset({"EUR"}),
    Method.BANCONTACT: frozenset({"EUR"}),
    Method.P24: frozenset({"EUR", "PLN"}),
    Method.BLIK: frozenset({"PLN"}),
    Method.TWINT: frozenset({"CHF"}),
}
RECURRING_METHODS = frozenset({Method.CARD, Method.SEPA_DEBIT, Method.PAYPAL})


class AmountRule(ShownOnPages):
    """What may be given in one currency at one frequency, in minor units. The only place where limits live."""

    currency = models.CharField(_("currency"), max_length=3, choices=Currency)
    frequency = models.CharField(_("frequency"), max_length=8, choices=Frequency)
    minimum = models.BigIntegerField(_("minimum"), help_text=_("In minor units: 200 is $2.00, but ¥200."))
    maximum = models.BigIntegerField(_("maximum"), help_text=_("In minor units."))
    suggestions = ArrayField(
        models.BigIntegerField(),
        verbose_name=_("suggested amounts"),
        size=6,
        help_text=_("In minor units, separated by commas, two to six of them."),
    )
    default = models.BigIntegerField(_("chosen beforehand"), help_text=_("One of the suggested amounts."))

    personal_data = PersonalData(
        not_personal={
            "suggestions": "The newsroom's own words.",
        },
    )

    class Meta:
        verbose_name = _("amount rule")
        verbose_name_plural = _("amount rules")
        constraints = [
            models.UniqueConstraint(
                fields=["currency", "frequency"], name="amount_rule_one_per_currency_and_frequency"
            ),
            models.CheckConstraint(
                condition=models.Q(minimum__gt=0) & models.Q(maximum__gte=models.F("minimum")),
                name="amount_rule_is_a_range",
            ),
            models.CheckConstraint(
                condition=models.Q(suggestions__contains=[models.F("default")]), name="amount_rule_default_is_suggested"
            ),
            models.CheckConstraint(condition=models.Q(currency__in=Currency.values), name="amount_rule_known_currency"),
            models.CheckConstraint(
                condition=models.Q(frequency__in=Frequency.values), name="amount_rule_known_frequency"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.get_frequency_display()}"

    def clean(self) -> None:
        suggestions: list[int] = self.suggestions or []
        if suggestions and not all(self.allows(amount) for amount in suggestions):
            raise ValidationError(
                {"suggestions": _("Each suggested amount must lie between the minimum and the maximum.")}
            )
        if not 2 <= len(suggestions) <= 6:
            raise ValidationError({"suggestions": _("Name two to six amounts.")})

    def allows(self, amount: int) -> bool:
        return self.minimum <= amount <= self.maximum

    def _written(self, amount: int) -> str:
        return format_money(amount, self.currency, get_language() or "en")

    @property
    def minimum_written(self) -> str:
        return self._written(self.minimum)

    @property
    def maximum_written(self) -> str:
        return self._written(self.maximum)


class PaymentMethodRule(ShownOnPages):
    """Which ways to pay are offered for one currency and frequency: sent to Stripe, and named on the form."""

    currency = models.CharField(_("currency"), max_length=3, choices=Currency)
    frequency = models.CharField(_("frequency"), max_length=8, choices=Frequency)
    methods = ArrayField(models.CharField(max_length=20, choices=Method), verbose_name=_("ways to pay"))

    personal_data = PersonalData(
        not_personal={
            "methods": "The newsroom's own words.",
        },
    )

    class Meta:
        verbose_name = _("payment method rule")
        verbose_name_plural = _("payment method rules")
        constraints = [
            models.UniqueConstraint(
                fields=["currency", "frequency"], name="payment_method_rule_one_per_currency_and_frequency"
            ),
            models.CheckConstraint(condition=models.Q(methods__len__gt=0), name="payment_method_rule_names_a_method"),
            models.CheckConstraint(
                condition=models.Q(methods__contained_by=Method.values), name="payment_method_rule_known_methods"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.get_frequency_display()}: {', '.join(self.methods)}"

    def clean(self) -> None:
        for method in self.methods or []:
            currencies: Any = METHOD_CURRENCIES.get(method)
            label = Method(method).label if method in Method.values else method
            if currencies is not None and self.currency not in currencies:
                raise ValidationError({"methods": _("%(method)s does not take this currency.") % {"method": label}})
            if self.frequency != Frequency.ONCE and method not in RECURRING_METHODS:
                raise ValidationError({"methods": _("%(method)s cannot be charged again.") % {"method": label}})


class LanguageCurrency(ShownOnPages):
    """The currency that pages of one language begin with. The reader can switch; nobody's whereabouts are guessed."""

    language = models.CharField(_("language"), max_length=10, unique=True)
    currency = models.CharField(_("currency"), max_length=3, choices=Currency)

    personal_data = PersonalData(
        not_personal={
            "language": "The newsroom's own words.",
        },
    )

    class Meta:
        verbose_name = _("currency of a language")
        verbose_name_plural = _("currencies of languages")

    def __str__(self) -> str:
        return f"{self.language}: {self.currency}"


if missing := set(Currency.values) - set(EXPONENTS):
    raise RuntimeError(f"Currencies without an exponent: {sorted(missing)}")
