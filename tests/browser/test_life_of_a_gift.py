"""One monthly gift from its first charge to its last, told in one story and without JavaScript on our pages."""

from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from donations.models import Donor, Payment, RecurringGift, Reminder, TaxProfile
from tests.browser.giving import DECLINED_CARD, GOOD_CARD, choose, go_to_stripe, pay, wait_until_known
from tests.browser.house import House
from tests.browser.mails import link_in, mail_to, text_of
from tests.browser.paper import make_paper
from tests.browser.waiting import wait_for
from tests.mailbox import Mailbox

ADDRESS = "ada@example.org"
# The bank asks when it is first used, and never again.
CARD_ASKED_ONCE = "4000 0025 0000 3155"


@pytest.fixture(autouse=True)
def _paper(house: House) -> None:
    make_paper(articles=2)
    TaxProfile.objects.create(pk=1, legal_name="Meridian z. s.", address="Praha", country="CZ", tax_number="12345678")


def _paid() -> int:
    return Payment.objects.filter(state="paid").count()


def _wait_until_paid(count: int) -> None:
    wait_for(lambda: _paid() == count, f"{count} payments")


def _open_my_gifts(reader: Page, mailbox: Mailbox) -> None:
    reader.goto("/support/mine/")
    reader.get_by_label("Email address").fill(ADDRESS)
    reader.get_by_role("button", name="Send me a link").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Please look into your mailbox")
    reader.goto(link_in(mail_to(mailbox, ADDRESS, subject="gifts"), r"/support/mine/link/\S+"))
    reader.get_by_role("button", name="Open my gifts").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("My gifts")


def test_monthly_gift_is_given_renewed_mended_changed_paused_and_stopped(
    reader: Page, house: House, mailbox: Mailbox
) -> None:
    # A card is declined, another asks the bank's question, and the gift begins.
    choose(reader, "Monthly", "$10")
    go_to_stripe(reader, ADDRESS)
    pay(reader, DECLINED_CARD)
    expect(reader.get_by_role("alert")).to_have_text("Your card was declined.")
    assert _paid() == 0
    pay(reader, CARD_ASKED_ONCE)
    reader.get_by_role("button", name="Complete").click()
    wait_until_known("given")
    assert "$10" in text_of(mail_to(mailbox, ADDRESS))

    # A month later it renews by itself; another month later the bank refuses, and one mail asks for the card.
    house.stripe.advance(months=1, seconds=7200)
    _wait_until_paid(2)
    assert "receipt" in str(mail_to(mailbox, ADDRESS, subject="monthly gift")["Subject"])
    gift = RecurringGift.objects.get()
    house.stripe.fail_next(gift.stripe_id)
    house.stripe.advance(months=1, seconds=7200)
    asking = text_of(mail_to(mailbox, ADDRESS, subject="could not be charged"))
    assert "No money was taken. It will be tried again on" in asking
    assert _paid() == 2

    # The donor comes in by a mailed link and puts another card on Stripe's page; the next try is good.
    _open_my_gifts(reader, mailbox)
    box = reader.locator("section.gift")
    expect(box).to_contain_text("The last payment was refused by your bank.")
    box.get_by_role("button", name="Change the card").click()
    pay(reader, GOOD_CARD)
    house.stripe.advance(days=8)
    _wait_until_paid(3)
    # The payment and the gift have an event each.
    wait_for(lambda: RecurringGift.objects.filter(state="active").first(), "the gift to go on")
    reader.goto("/support/mine/")
    expect(box).to_contain_text("The next gift is on")
    expect(reader.locator("table.receipts tbody tr")).to_have_count(3)

    # Another amount, and a pause that is ended again.
    box.get_by_label("Amount in USD").fill("12.50")
    box.get_by_role("button", name="Change the amount").click()
    expect(reader.get_by_role("status")).to_have_text("The amount is changed from the next gift on.")
    expect(box.get_by_role("heading")).to_have_text("$12.50 every month")
    box.get_by_label("Skip the next").select_option("1")
    box.get_by_role("button", name="Pause").click()
    expect(box).to_contain_text("Paused until")
    box.get_by_role("button", name="End the pause").click()
    expect(box).to_contain_text("The next gift is on")

    # The year's statement is a file that says what arrived.
    with reader.expect_download() as download:
        reader.get_by_role("button", name="(PDF)").first.click()
    statement = PdfReader(BytesIO(Path(download.value.path()).read_bytes()))
    assert "Meridian z. s." in statement.pages[0].extract_text()

    # Two clicks end it, a mail confirms it, and whoever likes is reminded later.
    box.get_by_role("link", name="Stop this gift").click()
    reader.get_by_role("button", name="Stop this gift").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Your gift has ended")
    mail_to(mailbox, ADDRESS, subject="has ended")
    reader.get_by_role("button", name="Remind me in three months").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Your wish is noted")
    wait_for(lambda: Reminder.objects.filter(state="confirmed").exists(), "a reminder that needs no confirmation")
    house.stripe.advance(months=2)
    house.wait_until_quiet()
    assert _paid() == 3

    # Nothing here names the donor once they wish so; the money stays in the books.
    reader.goto("/support/mine/")
    expect(box).to_contain_text("Nothing more is charged.")
    reader.get_by_text("My data").click()
    reader.get_by_role("link", name="Erase me").click()
    reader.get_by_role("button", name="Erase everything about me").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("You are erased")
    assert Donor.objects.get().email is None
    assert not Reminder.objects.exists()
    assert sum(Payment.objects.values_list("gross", flat=True)) == 3000
