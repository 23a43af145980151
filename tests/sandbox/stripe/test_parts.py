"""The small parts by themselves: form keys, money, months, check digits."""

import datetime

import pytest

from sandbox.stripe import cards, form_encoding, money, periods
from sandbox.stripe.errors import ApiError


def moment(*when: int) -> int:
    return int(datetime.datetime(*when, tzinfo=datetime.UTC).timestamp())  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        ("a[0][b]=1&a[1][b]=2", {"a": {"0": {"b": "1"}, "1": {"b": "2"}}}),
        ("types[]=x&types[]=y", {"types": {"0": "x", "1": "y"}}),
        ("a=&b=%C3%BC+%26", {"a": "", "b": "ü &"}),
    ],
)
def test_form_keys(text: str, decoded: dict[str, object]) -> None:
    assert form_encoding.decode(text) == decoded


def test_value_and_nesting_under_one_key_are_refused() -> None:
    with pytest.raises(ApiError):
        form_encoding.decode("a=1&a[b]=2")


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (2500, "usd", "$25.00"),
        (500, "jpy", "¥500"),
        (1, "eur", "€0.01"),
        (-5, "usd", "-$0.05"),
        (1234, "bhd", "1.234 BHD"),
    ],
)
def test_amounts_as_words(amount: int, currency: str, words: str) -> None:
    assert money.shown(amount, currency) == words


@pytest.mark.parametrize(("amount", "fee"), [(0, 0), (100, 33), (1000, 59), (2500, 103), (99_999_999, 2_900_030)])
def test_fee_is_counted_in_integers(amount: int, fee: int) -> None:
    assert money.fee(amount) == fee


def test_months_end_on_their_last_day_and_come_back() -> None:
    anchor = moment(2027, 1, 31, 10)
    boundaries = [anchor]
    while len(boundaries) < 5:
        boundaries.append(periods.next_boundary(anchor, boundaries[-1], "month", 1))
    days = [datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%m-%d") for at in boundaries]
    assert days == ["01-31", "02-28", "03-31", "04-30", "05-31"]


def test_leap_day_has_its_year() -> None:
    anchor = moment(2028, 2, 29)
    assert periods.next_boundary(anchor, anchor, "year", 1) == moment(2029, 2, 28)
    assert periods.next_boundary(anchor, moment(2031, 3, 1), "year", 1) == moment(2032, 2, 29)


def test_weeks_are_counted_from_the_anchor() -> None:
    anchor = moment(2027, 3, 1)
    assert periods.next_boundary(anchor, anchor + 20 * 86_400, "week", 1) == anchor + 21 * 86_400


def test_test_numbers_have_valid_check_digits() -> None:
    assert all(cards.luhn_valid(number) for number in cards.CARDS)
    assert all(cards.iban_valid(iban) for iban in cards.ACCOUNTS)
    assert not cards.luhn_valid("4242424242424241")
    assert not cards.iban_valid("AT621904300234573201")
    assert set(cards.TOKENS.values()) <= set(cards.CARDS)
