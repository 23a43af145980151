"""Staff see what an article and an appeal brought in."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from donations import income
from donations.models import Appeal, Payment
from newsroom.models import Article
from tests.donations.factories import make_appeal, make_donation, make_donor, make_payment
from tests.newsroom.factories import make_article

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 20)


def pay(amount: int, *, day: date = TODAY, currency: str = "USD", times: int = 1, **donation: Any) -> Payment:
    values = {"email": "", "state": "given", "donor": make_donor(), "amount": amount, "currency": currency}
    made = make_donation(**values, **donation)
    for _ in range(times - 1):
        make_payment(donation=made, gift_date=day)
    return make_payment(donation=made, gift_date=day)


@pytest.fixture
def article(db: None) -> Article:
    return make_article(headline="The ministry's own numbers")


def figures(sections: list[income.Section]) -> dict[str, list[tuple[str, int, int]]]:
    return {one.currency: [(line.title, line.number, line.kept) for line in one.lines] for one in sections}


def test_articles_are_added_up_by_currency_and_the_largest_is_first(article: Article) -> None:
    other = make_article(headline="A smaller one")
    pay(1_000, article=other)
    pay(2_000, article=article, times=2)
    pay(300, currency="JPY", article=article)
    pay(700)
    Payment.objects.filter(donation__article=article, currency="USD").update(refunded=500)
    pay(9_000, article=article, day=TODAY - timedelta(days=40))
    sections = income.by_source("article", since=TODAY - timedelta(days=29), until=TODAY)
    assert figures(sections) == {
        "JPY": [("The ministry's own numbers", 1, 300)],
        "USD": [("The ministry's own numbers", 2, 3_000), ("A smaller one", 1, 1_000), ("No article", 1, 700)],
    }
    assert sections[1].kept_written == "$47.00"
    assert [bar["figure"] for bar in sections[1].chart["bars"]] == ["$30.00", "$10.00", "$7.00"]


def test_what_has_not_arrived_or_is_held_is_no_income(article: Article) -> None:
    pay(1_000, article=article)
    held = pay(2_000, article=article)
    Payment.objects.filter(pk=held.pk).update(disputed=2_000)
    waiting = make_donation(article=article, state="pending")
    make_payment(donation=waiting, state="pending", paid_at=None, gift_date=None)
    (section,) = income.of_one("article", article.pk, since=None, until=TODAY)
    assert (section.number, section.kept) == (2, 1_000)


def test_more_articles_than_fit_are_one_line(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(income, "MOST_NAMED", 2)
    for number, amount in enumerate((500, 400, 300, 200)):
        pay(amount, article=make_article(headline=f"Story {number}"))
    (section,) = income.by_source("article", since=TODAY, until=TODAY)
    assert figures([section])["USD"] == [("Story 0", 1, 500), ("Story 1", 1, 400), ("All others", 2, 500)]


def test_one_appeal_shows_how_often_and_each_month_a_bar_the_empty_ones_too(db: None) -> None:
    appeal = make_appeal()
    pay(500, appeal=appeal, frequency="monthly", day=date(2026, 8, 3))
    pay(500, appeal=appeal, frequency="monthly", day=date(2026, 11, 3))
    pay(6_000, appeal=appeal, frequency="annual", day=date(2026, 11, 5))
    (section,) = income.of_one("appeal", appeal.pk, since=None, until=TODAY)
    assert figures([section])["USD"] == [("Annual", 1, 6_000), ("Monthly", 2, 1_000)]
    assert [bar["figure"] for bar in section.chart["bars"]] == ["$5.00", "$0.00", "$0.00", "$65.00"]


@pytest.fixture
def recent(article: Article) -> Appeal:
    """Gifts of today, as the pages ask for the last days."""
    appeal = make_appeal()
    for _ in range(12):
        pay(2_000, article=article, appeal=appeal, day=timezone.now().date() - timedelta(days=1))
    return appeal


def test_the_pages_are_reached_from_the_menu_the_article_and_the_appeal(
    staff_client: Client, article: Article, recent: Appeal, django_assert_max_num_queries: Any
) -> None:
    assert 'href="/admin/donations/income/"' in staff_client.get("/admin/").content.decode()
    with django_assert_max_num_queries(12):
        response = staff_client.get("/admin/donations/income/")
    assert response.status_code == 200
    page = response.content.decode()
    assert "<svg" in page
    assert "$240.00" in page
    own = f"/admin/donations/income/article/{article.pk}/"
    assert f'href="{own}"' in page
    for address, back in (
        (own, f"/admin/newsroom/article/{article.pk}/change/"),
        (f"/admin/donations/income/appeal/{recent.pk}/?days=30", f"/admin/donations/appeal/{recent.pk}/change/"),
    ):
        with django_assert_max_num_queries(12):
            response = staff_client.get(address)
        assert response.status_code == 200
        assert "$240.00" in response.content.decode()
        assert f'href="{address.partition("?")[0]}"' in staff_client.get(back).content.decode()
    by_appeal = staff_client.get("/admin/donations/income/?by=appeal&days=365").content.decode()
    assert "They outlawed our reporting" in by_appeal


@pytest.mark.parametrize("where", ["?by=donor", "reader/1/", "article/999999/"])
def test_there_is_no_income_of_anything_else(staff_client: Client, where: str) -> None:
    assert staff_client.get(f"/admin/donations/income/{where}").status_code == 404


def test_strange_days_are_the_usual_ones(staff_client: Client, recent: Appeal) -> None:
    assert staff_client.get("/admin/donations/income/?days=' OR 1").status_code == 200


def test_income_takes_the_permission_to_see_payments(
    client: Client, django_user_model: Any, article: Article, recent: Appeal
) -> None:
    user = django_user_model.objects.create_user("editor", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_article", "change_article")))
    client.force_login(user)
    own = f"/admin/donations/income/article/{article.pk}/"
    for address in ("/admin/donations/income/", own):
        assert client.get(address).status_code == 403
    assert own not in client.get(f"/admin/newsroom/article/{article.pk}/change/").content.decode()
    user.user_permissions.add(Permission.objects.get(codename="view_payment"))
    assert client.get(own).status_code == 200
