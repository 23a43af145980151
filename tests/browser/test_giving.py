"""Give once, monthly and annually, be declined, answer the bank's question, and read the truth on the last page."""

import re

import pytest
from playwright.sync_api import Page, expect

from donations.models import Donation, Payment, RecurringGift
from tests.browser.giving import (
    CARD_WITH_QUESTION,
    DECLINED_CARD,
    GOOD_CARD,
    choose,
    go_to_stripe,
    pay,
    wait_until_known,
)
from tests.browser.house import House
from tests.browser.mails import html_of, mail_to, text_of
from tests.browser.paper import make_paper
from tests.mailbox import Mailbox

ADDRESS = "ada@example.org"


@pytest.fixture(autouse=True)
def _paper(house: House) -> None:
    make_paper(articles=2)


def _expect_thanks(reader: Page, words: str) -> None:
    reader.reload()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Thank you")
    expect(reader.locator(".notice.good")).to_have_text(words)


@pytest.mark.parametrize(
    ("frequency", "amount", "sum_words", "thanks"),
    [
        ("Once", "$50", "$50 once", "Your gift of $50 has arrived."),
        ("Monthly", "$10", "$10 every month", "Your first monthly gift of $10 has arrived."),
        ("Annual", "$120", "$120 every year", "Your first annual gift of $120 has arrived."),
    ],
)
def test_gift_ends_with_thanks_one_payment_and_one_receipt(
    frequency: str, amount: str, sum_words: str, thanks: str, reader: Page, house: House, mailbox: Mailbox
) -> None:
    choose(reader, frequency, amount)
    expect(reader.locator("p.sum")).to_contain_text(sum_words)
    go_to_stripe(reader, ADDRESS)
    pay(reader, GOOD_CARD)
    reader.wait_for_url(re.compile(f"^{house.url}/support/[0-9a-f-]+/thanks/$"))
    wait_until_known("given")
    _expect_thanks(reader, thanks)

    receipt = mail_to(mailbox, ADDRESS)
    assert amount in text_of(receipt)
    assert amount in html_of(receipt)
    house.tick()
    reader.reload()
    house.wait_until_quiet()
    assert len(mailbox.to(ADDRESS)) == 1
    payment = Payment.objects.get()
    assert (payment.gross, payment.currency) == (int(amount[1:]) * 100, "USD")
    assert RecurringGift.objects.count() == (0 if frequency == "Once" else 1)


def test_reader_gives_another_amount(reader: Page, mailbox: Mailbox) -> None:
    choose(reader, "Monthly", "2")
    expect(reader.locator("p.sum")).to_contain_text("$2 every month")
    go_to_stripe(reader, ADDRESS)
    pay(reader, GOOD_CARD)
    wait_until_known("given")

    assert Payment.objects.get().gross == 200
    assert "$2" in text_of(mail_to(mailbox, ADDRESS))


def test_amount_below_the_least_is_refused_and_kept(reader: Page) -> None:
    choose(reader, "Monthly", "1")

    expect(reader.locator("#give-error")).to_be_visible()
    panel = reader.locator("form.give fieldset.monthly")
    expect(panel).to_be_visible()
    expect(panel.get_by_label("Another amount")).to_have_value("1")
    assert not Donation.objects.exists()


def test_declined_card_stays_with_its_reason_and_the_way_back_finds_everything_filled_in(
    reader: Page, house: House, mailbox: Mailbox
) -> None:
    choose(reader, "Once", "$100")
    go_to_stripe(reader, ADDRESS)
    stripe_page = reader.url
    pay(reader, DECLINED_CARD)

    expect(reader.get_by_role("alert")).to_have_text("Your card was declined.")
    assert reader.url.startswith(house.stripe.url)
    house.wait_until_quiet()
    assert not Payment.objects.filter(state="paid").exists()

    reader.get_by_role("link", name="Back").click()
    expect(reader).to_have_url(re.compile(f"^{house.url}/support/"))
    expect(reader.locator("form.give-details").get_by_label("Email address")).to_have_value(ADDRESS)
    expect(reader.locator("p.sum")).to_contain_text("$100 once")
    expect(reader.locator(".notice")).to_contain_text("No money was taken")

    reader.locator("form.give-details button").click()
    assert reader.url == stripe_page
    pay(reader, GOOD_CARD)
    wait_until_known("given")
    _expect_thanks(reader, "Your gift of $100 has arrived.")
    mail_to(mailbox, ADDRESS)
    assert Donation.objects.count() == 1


def test_bank_asks_and_the_gift_arrives_after_the_answer(reader: Page) -> None:
    choose(reader, "Once", "$20")
    go_to_stripe(reader, ADDRESS)
    pay(reader, CARD_WITH_QUESTION)
    expect(reader.get_by_role("heading", name="Confirm with your bank")).to_be_visible()
    reader.get_by_role("button", name="Complete").click()
    wait_until_known("given")

    _expect_thanks(reader, "Your gift of $20 has arrived.")


def test_bank_refuses_and_nothing_is_paid(reader: Page, house: House) -> None:
    choose(reader, "Once", "$20")
    go_to_stripe(reader, ADDRESS)
    pay(reader, CARD_WITH_QUESTION)
    reader.get_by_role("button", name="Fail").click()

    expect(reader.get_by_role("alert")).to_be_visible()
    assert reader.url.startswith(house.stripe.url)
    house.wait_until_quiet()
    assert not Payment.objects.filter(state="paid").exists()


def test_last_page_says_that_a_debit_has_not_arrived_yet(reader: Page, house: House, mailbox: Mailbox) -> None:
    reader.goto("/support/?currency=EUR")
    form = reader.locator("form.give")
    form.get_by_text("Once", exact=True).first.click()
    form.get_by_text("€50", exact=True).click()
    form.get_by_role("button").click()
    go_to_stripe(reader, ADDRESS)
    reader.get_by_text("SEPA direct debit").click()
    reader.get_by_label("IBAN").fill("AT611904300234573201")
    reader.get_by_label("Name").fill("Ada Example")
    reader.locator("button.primary").click()
    wait_until_known("pending")
    reader.reload()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Your gift is on its way")
    assert mailbox.to(ADDRESS) == []

    house.stripe.settle(outcome="succeeded")
    wait_until_known("given")
    _expect_thanks(reader, "Your gift of €50 has arrived.")
    mail_to(mailbox, ADDRESS)


def test_last_page_says_when_nothing_was_paid(reader: Page) -> None:
    choose(reader, "Once", "$20")
    go_to_stripe(reader, ADDRESS)
    reader.goto(f"/support/{Donation.objects.get().attempt_key}/thanks/")

    expect(reader.get_by_role("heading", level=1)).to_have_text("One moment")
    reader.get_by_role("link", name="I have not paid yet").click()
    expect(reader.locator("p.sum")).to_contain_text("$20 once")
    # Whoever finds this address in a history does not learn whose gift it was.
    expect(reader.locator("form.give-details").get_by_label("Email address")).to_have_value("")
