"""What a reader may choose, and the reading of what they chose."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from donations.models import AmountRule, Currency, Frequency, LanguageCurrency, Method, PaymentMethodRule, current_terms
from donations.models.gifts import attempt_key_of
from donations.money import InvalidAmount, exponent_of, fee_to_cover, format_money, format_number, parse_amount
from newsroom.furniture import furniture

OTHER = "other"


class ChoiceRefused(Exception):
    """The choice cannot be taken; the message tells the reader why, in their language."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


@dataclass(frozen=True)
class Choice:
    """A gift as chosen on the form: valid under the amount rule of its currency and frequency."""

    frequency: str
    amount: int
    currency: str
    language: str
    article: int | None = None
    appeal: int | None = None
    campaign: str = ""
    # The code of the reminder whose link the reader followed.
    reminder: str = ""

    def query(self) -> str:
        """Return the choice as the query of the attempt's address."""
        fields = {
            "frequency": self.frequency,
            "amount": self.amount,
            "currency": self.currency,
            "language": self.language,
            "article": self.article,
            "appeal": self.appeal,
            "campaign": self.campaign,
            "reminder": self.reminder,
        }
        return urlencode({name: value for name, value in fields.items() if value})

    @property
    def written(self) -> str:
        return format_money(self.amount, self.currency, self.language)

    @property
    def frequency_label(self) -> str:
        return str(Frequency(self.frequency).label)


@dataclass(frozen=True)
class Preset:
    """One suggested amount, as a large button."""

    amount: int
    written: str
    is_chosen: bool
    position: int


@dataclass(frozen=True)
class FrequencyOffer:
    """One tab of the form: the amounts of one frequency and how they can be paid."""

    frequency: str
    label: str
    is_chosen: bool
    presets: list[Preset]
    is_other_chosen: bool
    other: str
    minimum_written: str
    maximum_written: str
    methods: list[str]


@dataclass(frozen=True)
class Offer:
    """Everything the form shows, in one currency."""

    currency: str
    currencies: list[str]
    symbol: str
    frequencies: list[FrequencyOffer]


@furniture
def currency_for(language: str) -> str:
    """Return the currency that pages of a language begin with."""
    row = LanguageCurrency.objects.filter(language=language.split("-")[0]).first()
    return row.currency if row else current_terms().currency


def method_labels(methods: list[str]) -> list[str]:
    """Name ways to pay in words, with the wallets that come with cards."""
    labels = [str(Method(method).label) for method in methods if method in Method.values]
    if Method.CARD in methods:
        labels.append(_("Apple Pay or Google Pay where your device offers them"))
    return labels


def offer_in(currency: str, *, language: str, chosen: Mapping[str, str] | None = None) -> Offer | None:
    """Return what the form offers in a currency, or in the first that has rules where this one has none.

    None when staff have written no rule at all.

    `chosen` holds what the reader has chosen already, in the form's own field names, or `frequency` and `amount` in a
    link that chooses beforehand. Costs two queries.
    """
    chosen = chosen or {}
    by_currency: dict[str, dict[str, AmountRule]] = {}
    for rule in _every_rule():
        by_currency.setdefault(rule.currency, {})[rule.frequency] = rule
    currencies = [code for code in Currency.values if code in by_currency]
    if not currencies:
        return None
    currency = currency if currency in by_currency else currencies[0]
    rules = by_currency[currency]
    methods = {row.frequency: row.methods for row in _method_rules(currency)}
    order = [frequency for frequency in Frequency.values if frequency in rules]
    wanted = chosen.get("frequency", "")
    frequency_chosen = wanted if wanted in rules else order[0]
    return Offer(
        currency=currency,
        currencies=currencies,
        symbol=format_money(0, currency, language).replace("0", "").strip(),
        frequencies=[
            _frequency_offer(
                rules[frequency],
                language=language,
                is_chosen=frequency == frequency_chosen,
                chosen=chosen,
                methods=methods.get(frequency, [Method.CARD.value]),
            )
            for frequency in order
        ],
    )


@furniture
def _every_rule() -> list[AmountRule]:
    return list(AmountRule.objects.order_by("currency", "frequency"))


@furniture
def _method_rules(currency: str) -> list[PaymentMethodRule]:
    return list(PaymentMethodRule.objects.filter(currency=currency))


def _frequency_offer(
    rule: AmountRule, *, language: str, is_chosen: bool, chosen: Mapping[str, str], methods: list[str]
) -> FrequencyOffer:
    picked = chosen.get(f"{rule.frequency}_amount", "")
    typed = chosen.get(f"{rule.frequency}_other", "")
    if not picked and is_chosen and chosen.get("amount"):
        picked = chosen["amount"]
    amounts = [int(amount) for amount in rule.suggestions]
    selected = whole_number(picked)
    if selected is not None and selected not in amounts and rule.allows(selected):
        # An amount from a link that is no suggestion is shown as if it had been typed.
        typed, picked = format_number(selected, rule.currency, language), OTHER
    if selected not in amounts:
        selected = rule.default
    return FrequencyOffer(
        frequency=rule.frequency,
        label=str(Frequency(rule.frequency).label),
        is_chosen=is_chosen,
        presets=[
            Preset(
                amount, format_money(amount, rule.currency, language), picked != OTHER and amount == selected, position
            )
            for position, amount in enumerate(amounts, start=1)
        ],
        is_other_chosen=picked == OTHER,
        other=typed,
        minimum_written=format_money(rule.minimum, rule.currency, language),
        maximum_written=format_money(rule.maximum, rule.currency, language),
        methods=method_labels(methods),
    )


def has_choice(data: Mapping[str, str]) -> bool:
    """Say whether a query is a submitted form, and not a bare address or a link that only chooses beforehand."""
    return bool(data.get(f"{data.get('frequency', '')}_amount"))


def read_form(data: Mapping[str, str]) -> Choice:
    """Read the form on a page: only the fields of the chosen frequency count. Raises ChoiceRefused."""
    frequency = data.get("frequency", "")
    picked = data.get(f"{frequency}_amount", "")
    rule = _rule(data.get("currency", ""), frequency)
    typed = data.get(f"{frequency}_other", "")
    amount = _typed_amount(typed, rule) if picked == OTHER else whole_number(picked) or 0
    return _choice(amount, rule, data)


def read_choice(data: Mapping[str, str]) -> Choice:
    """Read a choice as `Choice.query` writes it, from an address or a hidden field. Raises ChoiceRefused."""
    rule = _rule(data.get("currency", ""), data.get("frequency", ""))
    return _choice(whole_number(data.get("amount", "")) or 0, rule, data)


def _choice(amount: int, rule: AmountRule, data: Mapping[str, str]) -> Choice:
    check_amount(amount, rule)
    return Choice(
        frequency=rule.frequency,
        amount=amount,
        currency=rule.currency,
        language=get_language() or "en",
        article=whole_number(data.get("article", "")),
        appeal=whole_number(data.get("appeal", "")),
        campaign=data.get("campaign", "").replace("\x00", "")[:60],
        reminder=data.get("reminder", "")[:36],
    )


def check_amount(amount: int, rule: AmountRule) -> None:
    """Refuse an amount outside the rule. Raises ChoiceRefused."""
    language = get_language() or "en"
    field = f"{rule.frequency}_other"
    if amount <= 0:
        raise ChoiceRefused(_("Please choose an amount."), field=field)
    if amount < rule.minimum:
        smallest = format_money(rule.minimum, rule.currency, language)
        raise ChoiceRefused(_("The smallest amount is %(amount)s.") % {"amount": smallest}, field=field)
    if amount > rule.maximum:
        largest = format_money(rule.maximum, rule.currency, language)
        message = _("The largest amount on this form is %(amount)s. Please write to us about more.") % {
            "amount": largest
        }
        raise ChoiceRefused(message, field=field)


def rule_for(currency: str, frequency: str) -> AmountRule | None:
    return AmountRule.objects.filter(currency=currency, frequency=frequency).first()


def methods_for(currency: str, frequency: str) -> list[str]:
    row = PaymentMethodRule.objects.filter(currency=currency, frequency=frequency).first()
    return list(row.methods) if row else [Method.CARD.value]


def covering_fee(amount: int, currency: str) -> int:
    """Return what a reader may add so that the newsroom keeps the whole amount; 0 when staff do not offer it."""
    terms = current_terms()
    if not terms.offers_fee_cover:
        return 0
    # The fixed part is written in hundredths of the unit; a currency without them rounds up to a whole one.
    fixed = -(-terms.fee_fixed // 10 ** (2 - exponent_of(currency)))
    return fee_to_cover(amount, basis_points=terms.fee_basis_points, fixed=fixed)


def _rule(currency: str, frequency: str) -> AmountRule:
    is_known = currency in Currency.values and frequency in Frequency.values
    rule = rule_for(currency, frequency) if is_known else None
    if rule is None:
        raise ChoiceRefused(_("Please choose how often you would like to give."), field="frequency")
    return rule


def _typed_amount(text: str, rule: AmountRule) -> int:
    field = f"{rule.frequency}_other"
    if not text.strip():
        raise ChoiceRefused(_("Please write an amount."), field=field)
    try:
        return parse_amount(text[:40], rule.currency)
    except InvalidAmount:
        raise ChoiceRefused(_("This amount could not be read. Please write it in digits."), field=field) from None


def whole_number(text: str) -> int | None:
    """Read a positive id or amount that came from outside; None for anything else or too long."""
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        return None
    return int(text) or None


def attempt_from(data: Mapping[str, str]) -> uuid.UUID:
    """Return the attempt that a form carries on, or a new one."""
    return attempt_key_of(data.get("attempt", "")) or uuid.uuid4()


def hidden_fields(choice: Choice) -> Iterator[tuple[str, Any]]:
    yield from (
        (name, value)
        for name, value in (
            ("frequency", choice.frequency),
            ("amount", choice.amount),
            ("currency", choice.currency),
            ("language", choice.language),
            ("article", choice.article),
            ("appeal", choice.appeal),
            ("campaign", choice.campaign),
            ("reminder", choice.reminder),
        )
        if value
    )


def support_address(**fields: Any) -> str:
    """Return the address of the standing form, with choices made beforehand."""
    query = urlencode({name: value for name, value in fields.items() if value})
    return reverse("donations:support") + (f"?{query}" if query else "")
