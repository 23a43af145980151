"""Money as whole minor units; Decimal only where a person types or reads an amount.

The exponents are Stripe's and not ISO's: https://docs.stripe.com/currencies#minor-units. A currency that is not in
this table cannot be taken, because an exponent guessed wrong charges a hundredfold.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

TWO_DECIMALS = ("AUD", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "NOK", "NZD", "PLN", "SEK", "USD")
ZERO_DECIMALS = (
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF",
)  # fmt: skip
EXPONENTS = dict.fromkeys(TWO_DECIMALS, 2) | dict.fromkeys(ZERO_DECIMALS, 0)

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "PLN": "zł", "KRW": "₩"}
# A symbol that several currencies share is told apart by its code when it stands in front of a foreign reader.
PREFIXED = {"USD", "EUR", "GBP", "JPY", "KRW"}
NO_BREAK_SPACE = "\u00a0"
MINUS = "\u2212"

# Digits with optional groups and one optional decimal part. A separator before exactly three last digits groups
# thousands, because no offered currency has three decimals.
_AMOUNT = re.compile(
    r"(?P<whole>\d{1,3}(?P<mark>[ .,'’\u00a0\u202f])\d{3}(?:(?P=mark)\d{3})*|\d{1,12})"
    r"(?:(?(mark)(?!(?P=mark)))[.,](?P<fraction>\d{1,2}))?"
)


class UnknownCurrency(ValueError):
    """The currency is not in the table of exponents."""


class InvalidAmount(ValueError):
    """The text is not an amount of money in its currency."""


@dataclass(frozen=True)
class _Style:
    """How a language writes numbers: decimal mark, thousands mark, and whether a symbol stands in front."""

    decimal: str
    group: str
    symbol_first: bool


_ENGLISH = _Style(".", ",", symbol_first=True)
_STYLES = {
    "en": _ENGLISH,
    "de": _Style(",", ".", symbol_first=False),
    "es": _Style(",", ".", symbol_first=False),
    "fr": _Style(",", "\u202f", symbol_first=False),
    "pl": _Style(",", NO_BREAK_SPACE, symbol_first=False),
    "ru": _Style(",", NO_BREAK_SPACE, symbol_first=False),
    "uk": _Style(",", NO_BREAK_SPACE, symbol_first=False),
}


def exponent_of(currency: str) -> int:
    """Return how many decimals a currency has at Stripe. Raises UnknownCurrency."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency(currency) from None


def to_decimal(amount: int, currency: str) -> Decimal:
    return Decimal(amount).scaleb(-exponent_of(currency))


def parse_amount(text: str, currency: str) -> int:
    """Return the minor units of an amount that a person typed: `12`, `12.5`, `12,50`, `1 000`, `1,000.00`, `$20`.

    Raises InvalidAmount for anything else, for a negative amount, and for decimals that the currency does not have.
    """
    exponent = exponent_of(currency)
    bare = text.strip().removeprefix(SYMBOLS.get(currency, currency)).removesuffix(SYMBOLS.get(currency, currency))
    bare = re.sub(rf"^{currency}|{currency}$", "", bare.strip(), flags=re.IGNORECASE).strip()
    match = _AMOUNT.fullmatch(bare)
    if match is None:
        raise InvalidAmount(text)
    whole = re.sub(r"\D", "", match["whole"])
    fraction = match["fraction"] or ""
    if len(fraction) > exponent:
        raise InvalidAmount(text)
    return int(whole) * 10**exponent + int(fraction.ljust(exponent, "0") or 0)


def format_number(amount: int, currency: str, language: str, *, exact: bool = False) -> str:
    """Write an amount without its currency. Whole amounts lose their zeros unless `exact`."""
    exponent = exponent_of(currency)
    style = _STYLES.get(language.split("-")[0], _ENGLISH)
    whole, minor = divmod(abs(amount), 10**exponent)
    text = f"{whole:,}".replace(",", style.group)
    if exponent and (minor or exact):
        text += f"{style.decimal}{minor:0{exponent}d}"
    return f"{MINUS}{text}" if amount < 0 else text


def format_money(amount: int, currency: str, language: str = "en", *, exact: bool = False) -> str:
    """Write an amount as a reader of the language expects it: `$20`, `20,50 €`, `CHF 20`."""
    number = format_number(amount, currency, language, exact=exact)
    symbol = SYMBOLS.get(currency, currency)
    style = _STYLES.get(language.split("-")[0], _ENGLISH)
    if not style.symbol_first:
        return f"{number}{NO_BREAK_SPACE}{symbol}"
    if currency not in PREFIXED:
        return f"{currency}{NO_BREAK_SPACE}{number}"
    return f"{MINUS}{symbol}{number[1:]}" if number.startswith(MINUS) else f"{symbol}{number}"


def fee_to_cover(amount: int, *, basis_points: int, fixed: int) -> int:
    """Return what to add to `amount` so that after the provider's fee the whole amount remains, rounded up.

    The fee is taken of the sum that is charged, the addition included: x = fixed + (amount + x) × rate. Integers and
    one exact division; never below zero.
    """
    if basis_points >= 10_000:
        raise ValueError("A fee of the whole amount cannot be covered.")
    owed = Decimal(amount * basis_points + fixed * 10_000)
    return int((owed / Decimal(10_000 - basis_points)).to_integral_value(rounding=ROUND_UP))
