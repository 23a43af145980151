from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donations.models import Currency
from donations.money import (
    EXPONENTS,
    InvalidAmount,
    UnknownCurrency,
    exponent_of,
    fee_to_cover,
    format_money,
    format_number,
    parse_amount,
    to_decimal,
)


@pytest.mark.parametrize(
    ("currency", "exponent"), [("USD", 2), ("EUR", 2), ("GBP", 2), ("CHF", 2), ("PLN", 2), ("JPY", 0)]
)
def test_each_offered_currency_has_the_exponent_that_stripe_uses(currency: str, exponent: int) -> None:
    assert exponent_of(currency) == exponent


def test_no_currency_is_offered_without_an_exponent() -> None:
    assert set(Currency.values) <= set(EXPONENTS)


@pytest.mark.parametrize("currency", ["", "BHD", "usd", "XXX"])
def test_an_unknown_currency_is_refused_and_not_guessed(currency: str) -> None:
    with pytest.raises(UnknownCurrency):
        exponent_of(currency)


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("12", "USD", 1200),
        (" 12.5 ", "USD", 1250),
        ("12,50", "EUR", 1250),
        ("$20", "USD", 2000),
        ("20 €", "EUR", 2000),
        ("CHF 7", "CHF", 700),
        ("20 zł", "PLN", 2000),
        ("1,000", "USD", 100_000),
        ("1.000", "EUR", 100_000),
        ("1 000,50", "EUR", 100_050),
        ("1,000,000.00", "USD", 100_000_000),
        ("1000", "JPY", 1000),
        ("1,000", "JPY", 1000),
        ("٢٠", "USD", 2000),
        ("0", "USD", 0),
    ],
)
def test_an_amount_is_read_as_people_write_it(text: str, currency: str, amount: int) -> None:
    assert parse_amount(text, currency) == amount


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("", "USD"),
        ("-5", "USD"),
        ("1e5", "USD"),
        ("NaN", "USD"),
        ("Infinity", "USD"),
        ("1.2.3", "USD"),
        ("5.123.4", "USD"),
        ("12.5", "JPY"),
        ("0x10", "USD"),
        ("five", "USD"),
        ("1" * 13, "USD"),
        ("5 €", "USD"),
    ],
)
def test_what_is_no_amount_is_refused(text: str, currency: str) -> None:
    with pytest.raises(InvalidAmount):
        parse_amount(text, currency)


@pytest.mark.parametrize(
    ("amount", "currency", "language", "written"),
    [
        (2000, "USD", "en", "$20"),
        (2050, "USD", "en", "$20.50"),
        (123456, "USD", "en", "$1,234.56"),
        (2000, "CHF", "en", "CHF\u00a020"),
        (2000, "PLN", "en", "PLN\u00a020"),
        (2050, "EUR", "de", "20,50\u00a0€"),
        (123456700, "EUR", "fr", "1\u202f234\u202f567\u00a0€"),
        (2000, "PLN", "pl", "20\u00a0zł"),
        (100000, "EUR", "ru", "1\u00a0000\u00a0€"),
        (1000, "JPY", "en", "¥1,000"),
        (-2000, "USD", "en", "\u2212$20"),
        (2000, "USD", "pt-br", "$20"),
    ],
)
def test_an_amount_is_written_as_the_language_does(amount: int, currency: str, language: str, written: str) -> None:
    assert format_money(amount, currency, language) == written


def test_a_receipt_shows_the_cents_even_where_there_are_none() -> None:
    assert format_money(2000, "USD", "en", exact=True) == "$20.00"
    assert format_money(2000, "JPY", "en", exact=True) == "¥2,000"


@given(st.integers(0, 10**11), st.sampled_from(Currency.values), st.sampled_from(["en", "de", "fr", "pl", "ru"]))
def test_what_is_written_is_read_back_unchanged(amount: int, currency: str, language: str) -> None:
    assert parse_amount(format_number(amount, currency, language), currency) == amount


@given(st.integers(1, 10**8), st.integers(0, 1999), st.integers(0, 1000))
def test_the_covered_fee_leaves_the_whole_gift_and_not_a_cent_more(amount: int, rate: int, fixed: int) -> None:
    fee = fee_to_cover(amount, basis_points=rate, fixed=fixed)
    charged = amount + fee
    assert charged - Fraction(charged * rate, 10_000) - fixed >= amount
    if fee:
        less = charged - 1
        assert less - Fraction(less * rate, 10_000) - fixed < amount


def test_decimals_appear_only_at_the_edge() -> None:
    assert str(to_decimal(2050, "USD")) == "20.50"
    assert str(to_decimal(2050, "JPY")) == "2050"
