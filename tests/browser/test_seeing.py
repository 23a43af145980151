"""What staff see: the week in numbers, and lists that open, search and filter."""

import re
from html import unescape

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from newsroom import preparing
from subscriptions.models import Newsletter
from tests.browser.house import House
from tests.browser.paper import make_paper
from tests.donations.factories import make_donation, make_donor, make_payment
from tests.subscriptions.factories import make_subscription

FILTER_LINK = re.compile(r'<li>\s*<a href="(\?[^"]+)"')


@pytest.fixture(autouse=True)
def _paper(house: House) -> None:
    make_paper(articles=3)
    newsletter = Newsletter.objects.get()
    for name in ("vera", "ada"):
        make_subscription(newsletter=newsletter, email=f"{name}@example.org", at=timezone.now())
    for amount in (2_000, 5_000):
        now = timezone.now()
        donation = make_donation(
            state="given", donor=make_donor(), email="", amount=amount, created_at=now, state_at=now
        )
        make_payment(donation=donation, created_at=now, paid_at=now, gift_date=now.date())


def test_dashboard_tells_the_week_in_numbers(staff: Page) -> None:
    preparing.prepare(at=timezone.now())
    staff.reload()
    panels = staff.locator(".dashboard-panels")

    for title in ("Articles", "Subscribers", "Receipts and notices"):
        expect(panels.get_by_role("heading", name=title)).to_have_count(1)
    expect(panels).to_contain_text("$70")


def test_every_list_opens_searches_and_filters(staff: Page) -> None:
    lists = staff.locator("#content-main .module tr th a")
    addresses = sorted({str(link.get_attribute("href")) for link in lists.all()})
    assert len(addresses) > 12

    for address in addresses:
        answer = staff.request.get(address)
        assert answer.status == 200, address
        filters = [unescape(query) for query in FILTER_LINK.findall(answer.text())]
        searches = ["?q=nothing+has+this+name"] if 'id="searchbar"' in answer.text() else []
        for query in searches + filters[:3]:
            filtered = staff.request.get(address + query)
            assert (filtered.status, filtered.url) == (200, staff.url.partition("/admin/")[0] + address + query)


def test_subscriber_is_found_by_address(staff: Page) -> None:
    staff.goto("/admin/subscriptions/subscriber/")
    staff.locator("#searchbar").fill("vera@example.org")
    staff.locator("#changelist-search [type=submit]").click()

    rows = staff.locator("#result_list tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("vera@example.org")


def test_payment_is_a_fact_that_nobody_edits(staff: Page) -> None:
    staff.goto("/admin/donations/payment/")
    expect(staff.locator("#result_list tbody tr")).to_have_count(2)
    expect(staff.get_by_role("link", name="Add payment")).to_have_count(0)

    staff.locator("#result_list tbody a").first.click()
    expect(staff.get_by_role("button", name="Save")).to_have_count(0)
    expect(staff.get_by_role("link", name="Delete")).to_have_count(0)
    expect(staff.locator("#content form").get_by_role("textbox")).to_have_count(0)
