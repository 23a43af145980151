"""Remind me later: asked for, confirmed, sent when due, cancelled, and not sent to someone who gave."""

import pytest
from playwright.sync_api import Page, expect

from donations.models import Reminder
from tests.browser.giving import GOOD_CARD, choose, go_to_stripe, pay, wait_until_known
from tests.browser.house import House
from tests.browser.mails import html_of, link_in, mail_to, text_of
from tests.browser.paper import STORY, make_paper
from tests.mailbox import Mailbox

ADDRESS = "noor@example.org"
CONFIRM = r"/remind/[^/\s]+/"
LONG_AFTER = ("--at", "2100-01-01")


@pytest.fixture(autouse=True)
def _paper(house: House) -> None:
    make_paper(articles=2)


def _ask(reader: Page) -> None:
    reader.goto(f"/articles/{STORY}/")
    box = reader.locator("details.remind")
    box.get_by_text("Not ready to support today? Remind me later.").click()
    box.get_by_label("Your email address").fill(ADDRESS)
    box.get_by_role("button", name="Remind me").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Your wish is noted")


def _confirm(reader: Page, mailbox: Mailbox) -> None:
    reader.goto(link_in(mail_to(mailbox, ADDRESS), CONFIRM))
    reader.get_by_role("button", name="Yes, remind me").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Your reminder is set")


def test_confirmed_reminder_comes_once_and_leads_back_to_the_form_with_its_amount(
    reader: Page, house: House, mailbox: Mailbox
) -> None:
    _ask(reader)
    _confirm(reader, mailbox)
    mailbox.clear()
    house.manage("send_reminders")
    assert mailbox.to(ADDRESS) == []

    house.manage("send_reminders", *LONG_AFTER)
    house.manage("send_reminders", *LONG_AFTER)

    reminder = mail_to(mailbox, ADDRESS)
    assert len(mailbox.to(ADDRESS)) == 1
    assert "/support/" in html_of(reminder)
    reader.goto(link_in(reminder, r"/support/\S+"))
    chosen = reader.locator("form.give [name=frequency]:checked").get_attribute("value")
    assert chosen is not None
    expect(reader.locator(f"form.give [name={chosen}_amount]:checked")).to_have_count(1)
    reader.locator("form.give button").click()
    go_to_stripe(reader, ADDRESS)
    pay(reader, GOOD_CARD)
    wait_until_known("given")


def test_reminder_without_its_confirmation_is_not_sent(reader: Page, house: House, mailbox: Mailbox) -> None:
    _ask(reader)
    confirmation = mail_to(mailbox, ADDRESS)
    reader.goto(link_in(confirmation, CONFIRM))

    house.manage("send_reminders", *LONG_AFTER)

    assert len(mailbox.to(ADDRESS)) == 1
    assert Reminder.objects.get().state == Reminder.State.PENDING


def test_reminder_is_cancelled_by_the_button_and_not_by_opening_the_page(
    reader: Page, house: House, mailbox: Mailbox
) -> None:
    _ask(reader)
    _confirm(reader, mailbox)
    mailbox.clear()
    reader.get_by_role("link", name="I have changed my mind").click()
    assert Reminder.objects.get().state == Reminder.State.CONFIRMED

    reader.get_by_role("button", name="Cancel it").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("No reminder is sent to you")

    house.manage("send_reminders", *LONG_AFTER)
    assert mailbox.to(ADDRESS) == []
    assert Reminder.objects.get().state == Reminder.State.CANCELLED


def test_reminder_is_not_sent_to_someone_who_gave_meanwhile(reader: Page, house: House, mailbox: Mailbox) -> None:
    _ask(reader)
    _confirm(reader, mailbox)
    mailbox.clear()
    choose(reader, "Once", "$20")
    go_to_stripe(reader, ADDRESS)
    pay(reader, GOOD_CARD)
    wait_until_known("given")
    assert "$20" in text_of(mail_to(mailbox, ADDRESS))
    mailbox.clear()

    house.manage("send_reminders", *LONG_AFTER)

    assert mailbox.to(ADDRESS) == []
    assert Reminder.objects.get().state == Reminder.State.SKIPPED
