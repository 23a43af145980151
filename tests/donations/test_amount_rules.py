"""Limits on amounts live in one table, and the database holds them to sense."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from donations.models import AmountRule, Currency, Frequency, PaymentMethodRule

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.django_db
def test_every_currency_has_a_rule_for_every_frequency_from_the_first_day() -> None:
    pairs = set(AmountRule.objects.values_list("currency", "frequency"))
    assert pairs == {(currency, frequency) for currency in Currency.values for frequency in Frequency.values}
    assert AmountRule.objects.get(currency="USD", frequency="monthly").minimum == 200
    for rule in AmountRule.objects.all():
        rule.full_clean()
    for methods in PaymentMethodRule.objects.all():
        methods.full_clean()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"minimum": 0}, "amount_rule_is_a_range"),
        ({"maximum": 1}, "amount_rule_is_a_range"),
        ({"default": 777}, "amount_rule_default_is_suggested"),
        ({"suggestions": [100, 500], "default": 500}, "amount_rule_suggestions_within_limits"),
        ({"suggestions": [500, 10_000_001], "default": 500}, "amount_rule_suggestions_within_limits"),
        ({"suggestions": [500]}, "amount_rule_suggestions_within_limits"),
        ({"currency": "XXX"}, "amount_rule_known_currency"),
        ({"frequency": "weekly"}, "amount_rule_known_frequency"),
        ({"currency": "EUR"}, "amount_rule_one_per_currency_and_frequency"),
    ],
)
def test_the_database_refuses_a_rule_that_makes_no_sense(
    amounts: None, change: dict[str, Any], constraint: str
) -> None:
    rule = AmountRule.objects.filter(currency="USD", frequency="monthly")
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        rule.update(**change)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("currency", "frequency", "methods"),
    [("USD", "once", ["sepa_debit"]), ("PLN", "monthly", ["blik"]), ("JPY", "once", ["paypal"])],
)
def test_a_way_to_pay_that_stripe_would_refuse_is_refused_first(
    currency: str, frequency: str, methods: list[str]
) -> None:
    with pytest.raises(ValidationError):
        PaymentMethodRule(currency=currency, frequency=frequency, methods=methods).clean()


def test_no_second_copy_of_a_limit_exists() -> None:
    """Limits copied into pages, forms and scripts drift apart, and then a form offers what the server refuses."""
    words = re.compile(
        r"\b(min|max|minimum|maximum)_?(amount|gift|donation|value)s?\b|\b(MIN|MAX)_AMOUNT", re.IGNORECASE
    )
    attributes = re.compile(r"<input[^>]*\b(min|max|step)=")
    comparisons = re.compile(r"\bamount\b\s*(<|>|<=|>=)\s*(?!0\b|fee|gross)[\d]")
    found = []
    for folder, pattern in (("donations", "*.py"), ("templates", "*.html"), ("static", "*.css"), ("newsroom", "*.py")):
        for path in (ROOT / folder).rglob(pattern):
            if "migrations" in path.parts:
                continue
            text = path.read_text()
            found += [
                f"{path.relative_to(ROOT)}: {match.group(0)}"
                for expression in (words, attributes, comparisons)
                for match in expression.finditer(text)
                if "donations" in str(path) or expression is words
            ]
    assert found == []
