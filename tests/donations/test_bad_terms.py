"""Whatever stands in the rows that staff keep, the pages answer and money is written down."""

from typing import Any

import pytest
from django.test import Client

from donations.models import AmountRule, GivingTerms, LanguageCurrency, Payment, PaymentMethodRule, current_terms
from tests.donations.factories import make_appeal
from tests.donations.reader import Reader
from tests.newsroom.factories import make_article

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "stored",
    [
        {"currency": "XXX"},
        {"currency": ""},
        {"blocked_card_countries": ["B ", "", "by", "1!"]},
        {"statement_suffix": "Поддержка"},
        {"tax_time_zone": "Mars/Olympus"},
        {"tax_time_zone": ""},
        {"tax_time_zone": "../etc/passwd"},
        {"fee_basis_points": 0, "fee_fixed": 0},
        {"fee_basis_points": 1999, "fee_fixed": 32767},
    ],
)
def test_no_stored_word_stops_a_gift(reader: Reader, stored: dict[str, Any]) -> None:
    LanguageCurrency.objects.all().delete()
    GivingTerms.objects.create(pk=1)
    GivingTerms.objects.update(**stored)
    make_appeal()
    for address in ("/support/", make_article().get_absolute_url()):
        response = reader.client.get(address)
        assert response.status_code == 200
        assert 'class="give"' in response.content.decode()
    donation = reader.give()
    assert donation.state == "given"
    assert Payment.objects.get().gift_date is not None


def test_blocked_countries_are_read_as_they_were_meant(db: None) -> None:
    GivingTerms.objects.create(pk=1)
    GivingTerms.objects.update(blocked_card_countries=["by", "", "1!", "BY", "ru"])
    assert current_terms().blocked_countries == ["BY", "RU"]


def test_a_currency_without_rules_gives_way_to_one_that_has_them(client: Client, amounts: None) -> None:
    AmountRule.objects.filter(currency="USD").delete()
    LanguageCurrency.objects.update_or_create(language="en", defaults={"currency": "USD"})
    for address in ("/support/", "/support/?currency=USD", "/support/?currency=nonsense"):
        page = client.get(address).content.decode()
        assert '<input type="hidden" name="currency" value="EUR">' in page
        assert "currency=USD" not in page


def test_without_any_rule_the_page_says_so(client: Client, amounts: None) -> None:
    AmountRule.objects.all().delete()
    PaymentMethodRule.objects.all().delete()
    response = client.get("/support/")
    assert response.status_code == 200
    assert "Gifts cannot be made at the moment." in response.content.decode()
