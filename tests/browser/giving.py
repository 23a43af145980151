"""What a reader does to give: the form under an article, our page with the sum, and Stripe's own."""

import re

from playwright.sync_api import Page, expect

from donations.models import Donation
from tests.browser.paper import STORY
from tests.browser.waiting import wait_for

GOOD_CARD = "4242 4242 4242 4242"
DECLINED_CARD = "4000 0000 0000 0002"
CARD_WITH_QUESTION = "4000 0027 6000 3184"


def choose(reader: Page, frequency: str, amount: str) -> None:
    """Choose on the article's form, where `amount` is a label such as `$50` or a number for the field beside Other."""
    reader.goto(f"/articles/{STORY}/")
    form = reader.locator("form.give")
    form.get_by_text(frequency, exact=True).first.click()
    panel = form.locator(f"fieldset.{frequency.lower()}")
    if amount.startswith("$"):
        panel.get_by_text(amount, exact=True).click()
    else:
        panel.get_by_text("Other", exact=True).click()
        panel.get_by_label("Another amount").fill(amount)
    form.get_by_role("button").click()


def go_to_stripe(reader: Page, address: str) -> None:
    """Fill in our page with the sum and arrive on Stripe's."""
    form = reader.locator("form.give-details")
    form.get_by_label("Email address").fill(address)
    form.get_by_role("button").click()
    expect(reader.get_by_label("Card number")).to_be_visible()
    expect(reader).not_to_have_url(re.compile("localhost"))


def pay(reader: Page, card: str) -> None:
    reader.get_by_label("Card number").fill(card)
    reader.locator("button.primary").click()


def wait_until_known(state: str) -> Donation:
    """Wait until the worker has learnt from Stripe what became of the one gift of this story."""
    return wait_for(lambda: Donation.objects.filter(state=state).first(), f"a gift that is {state}")
