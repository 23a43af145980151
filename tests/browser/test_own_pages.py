"""The pages that are one person's own: the reader's and the donor's, each behind a mailed link."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, Response, expect

from subscriptions.models import Newsletter
from tests.browser.house import House
from tests.browser.mails import link_in, mail_to
from tests.browser.paper import make_paper
from tests.donations.factories import make_donation, make_donor, make_payment, make_recurring_gift
from tests.mailbox import Mailbox
from tests.subscriptions.factories import make_subscription

READER, DONOR = "vera@example.org", "ada@example.org"
NARROWEST = 320


@pytest.fixture
def gift_number(house: House) -> int:
    """Make a reader with a newsletter and a donor with a monthly gift, and return the gift's number."""
    make_paper(articles=2)
    now = timezone.now()
    make_subscription(newsletter=Newsletter.objects.get(), email=READER, at=now)
    donation = make_donation(
        frequency="monthly", state="given", donor=make_donor(email=DONOR), email="", created_at=now, state_at=now
    )
    make_payment(donation=donation, created_at=now, paid_at=now, gift_date=now.date())
    return int(make_recurring_gift(donation=donation, started_at=now).pk)


def _look(page: Page, *, is_private: bool) -> None:
    """Check the page that is open as the public pages are checked; one with a person on it is kept by no cache."""
    answer: Response | None = page.reload()
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    if is_private:
        assert "no-store" in answer.headers["cache-control"]
    assert page.locator('script:not([type="application/ld+json"])').count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROWEST, page.url
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.emulate_media(color_scheme="dark")
    found = Axe().run(page, options={"runOnly": ["color-contrast"]})
    assert found.violations_count == 0, found.generate_report()
    page.emulate_media(color_scheme="light")


def test_own_pages_are_as_plain_and_readable_as_the_public_ones(
    gift_number: int, visit: Callable[..., Page], mailbox: Mailbox
) -> None:
    page = visit(bypass_csp=True, reduced_motion="reduce", viewport={"width": NARROWEST, "height": 800})

    page.goto("/newsletter/mine/")
    _look(page, is_private=False)
    page.locator("main").get_by_role("textbox").fill(READER)
    page.locator("main").get_by_role("button").click()
    _look(page, is_private=False)
    page.goto(link_in(mail_to(mailbox, READER), r"/newsletter/mine/open/\S+"))
    _look(page, is_private=True)
    page.locator("main").get_by_role("button").click()
    expect(page.locator("main")).to_contain_text(READER)
    _look(page, is_private=True)
    page.goto("/newsletter/mine/erase/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    _look(page, is_private=True)

    page.goto("/support/mine/")
    _look(page, is_private=False)
    page.locator("main").get_by_role("textbox").fill(DONOR)
    page.locator("main").get_by_role("button").click()
    page.goto(link_in(mail_to(mailbox, DONOR), r"/support/mine/link/\S+"))
    _look(page, is_private=True)
    page.locator("main").get_by_role("button").click()
    expect(page.locator("main")).to_contain_text("$20")
    for path in ("/support/mine/", f"/support/mine/{gift_number}/stop/", "/support/mine/erase/"):
        page.goto(path)
        expect(page).to_have_url(page.url.partition("/support/")[0] + path)
        _look(page, is_private=True)
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert all(cookies[name]["httpOnly"] and cookies[name]["sameSite"] == "Lax" for name in ("reader", "donor"))
    assert {cookies[name]["path"] for name in ("reader", "donor")} == {"/newsletter/mine/", "/support/mine/"}
