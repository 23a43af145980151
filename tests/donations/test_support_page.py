"""The standing form at /support/, which stores nothing."""

from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from django.test import Client

from donations.models import AmountRule, Donation, GivingTerms
from tests.donations.factories import make_appeal
from tests.newsroom.factories import make_article

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("amounts")]

CHOSEN = {"frequency": "once", "once_amount": "2000", "currency": "USD"}


def test_the_page_offers_every_frequency_and_currency(client: Client) -> None:
    response = client.get("/support/")
    assert response.status_code == 200
    page = response.content.decode()
    for words in ("Once", "Monthly", "Annual", "$50", "currency=EUR", "currency=JPY"):
        assert words in page


def test_the_page_is_never_cached_and_sets_no_cookie(client: Client) -> None:
    response = client.get("/support/")
    assert "no-store" in response["Cache-Control"]
    assert not response.cookies


def test_a_choice_leads_to_the_page_of_a_new_attempt(client: Client) -> None:
    article = make_article()
    response = client.get("/support/", {**CHOSEN, "article": article.pk})
    assert response.status_code == 302
    address = urlsplit(response["Location"])
    _, support, attempt, _ = address.path.split("/")
    assert support == "support"
    assert UUID(attempt).version == 4
    assert parse_qs(address.query) == {
        "frequency": ["once"],
        "amount": ["2000"],
        "currency": ["USD"],
        "language": ["en"],
        "article": [str(article.pk)],
    }
    assert not Donation.objects.exists()


def test_two_visits_are_two_attempts(client: Client) -> None:
    first, second = (client.get("/support/", CHOSEN)["Location"] for _ in range(2))
    assert first.split("?")[0] != second.split("?")[0]


def test_a_choice_that_is_changed_keeps_its_attempt(client: Client) -> None:
    key = "7a9d3f52-3f0e-4a61-8d6b-2f8a0c1d2e3f"
    response = client.get("/support/", {**CHOSEN, "attempt": key})
    assert response["Location"].startswith(f"/support/{key}/?")


def test_another_amount_is_read_from_the_chosen_frequency_alone(client: Client) -> None:
    data = {
        "frequency": "monthly",
        "monthly_amount": "other",
        "monthly_other": "7.50",
        "once_amount": "2000",
        "currency": "USD",
    }
    address = urlsplit(client.get("/support/", data)["Location"])
    assert parse_qs(address.query)["amount"] == ["750"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"monthly_amount": "other", "monthly_other": "1.99"}, "The smallest amount is $2."),
        ({"monthly_amount": "199"}, "The smallest amount is $2."),
        ({"monthly_amount": "other", "monthly_other": "1000.01"}, "The largest amount on this form is $1,000."),
        ({"monthly_amount": "other", "monthly_other": ""}, "Please write an amount."),
        ({"monthly_amount": "other", "monthly_other": "five"}, "Please write it in digits."),
        ({"monthly_amount": "9" * 40}, "Please choose an amount."),
        ({"monthly_amount": "-200"}, "Please choose an amount."),
    ],
)
def test_a_choice_outside_the_rule_is_explained_and_kept(client: Client, data: dict[str, str], words: str) -> None:
    response = client.get("/support/", {"frequency": "monthly", "currency": "USD", **data})
    assert response.status_code == 200
    page = response.content.decode()
    assert words in page
    assert '<input type="radio" name="frequency" value="monthly" checked>' in page
    if data.get("monthly_other"):
        assert f'value="{data["monthly_other"]}"' in page


def test_monthly_begins_at_two_dollars(client: Client) -> None:
    assert (
        client.get("/support/", {"frequency": "monthly", "monthly_amount": "200", "currency": "USD"}).status_code == 302
    )


def test_a_limit_that_staff_change_holds_at_once(client: Client) -> None:
    AmountRule.objects.filter(currency="USD", frequency="once").update(minimum=1900)
    data = {"frequency": "once", "once_amount": "other", "once_other": "18.99", "currency": "USD"}
    assert "The smallest amount is $19." in client.get("/support/", data).content.decode()


def test_a_currency_without_cents_takes_whole_amounts(client: Client) -> None:
    data = {"frequency": "once", "once_amount": "other", "once_other": "5,000", "currency": "JPY"}
    assert parse_qs(urlsplit(client.get("/support/", data)["Location"]).query)["amount"] == ["5000"]


def test_a_link_chooses_beforehand(client: Client) -> None:
    page = client.get("/support/", {"frequency": "monthly", "amount": "1000", "currency": "EUR"}).content.decode()
    assert '<input type="radio" name="monthly_amount" value="1000" checked>' in page
    assert '<input type="radio" name="frequency" value="monthly" checked>' in page


def test_a_link_with_an_amount_that_is_no_suggestion_fills_the_other_field(client: Client) -> None:
    page = client.get("/support/", {"frequency": "monthly", "amount": "750", "currency": "USD"}).content.decode()
    assert '<input type="radio" name="monthly_amount" value="other" checked>' in page
    assert 'value="7.50"' in page


def test_closed_giving_says_so(client: Client) -> None:
    GivingTerms.objects.create(pk=1, is_open=False)
    assert "Gifts cannot be made at the moment." in client.get("/support/").content.decode()


def test_blocked_card_countries_are_named_before_the_form(client: Client) -> None:
    GivingTerms.objects.create(pk=1, blocked_card_countries=["RU", "BY"])
    page = client.get("/support/").content.decode()
    assert "RU, BY" in page
    assert page.index("RU, BY") < page.index('name="frequency"')


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "'; --", "％", "9" * 5000])
def test_hostile_input_is_harmless(client: Client, hostile: str) -> None:
    names = (
        "frequency",
        "once_amount",
        "once_other",
        "currency",
        "article",
        "appeal",
        "attempt",
        "language",
        "campaign",
    )
    for name in names:
        response = client.get("/support/", {**CHOSEN, "once_amount": "other", "once_other": "5", name: hostile})
        assert response.status_code in (200, 302)
        assert "<script>alert" not in response.content.decode()


def test_the_form_of_an_article_names_its_appeal_and_is_a_get(client: Client) -> None:
    article, appeal = make_article(), make_appeal()
    page = client.get(article.get_absolute_url()).content.decode()
    assert "They outlawed our reporting" in page
    assert '<form class="give" action="/support/" method="get">' in page
    assert f'<input type="hidden" name="article" value="{article.pk}">' in page
    assert f'<input type="hidden" name="appeal" value="{appeal.pk}">' in page
    assert "Support independent reporting" in page


def test_nothing_asks_for_money_on_a_sensitive_article(client: Client) -> None:
    make_appeal()
    page = client.get(make_article(is_sensitive=True).get_absolute_url()).content.decode()
    assert "They outlawed our reporting" not in page
    assert "Support independent reporting" not in page
    assert 'class="give"' not in page


def test_the_form_costs_the_same_queries_however_many_appeals_there_are(
    client: Client, django_assert_max_num_queries: object
) -> None:
    for number in range(30):
        make_appeal(title=f"Appeal {number}", priority=number % 9)
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        response = client.get("/support/")
    assert response.status_code == 200
    assert 'class="give"' in response.content.decode()
