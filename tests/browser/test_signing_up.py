"""Sign up, confirm, leave by hand, and come back. What the mail program's one click does stands in test_friday.py."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from subscriptions import unsubscribing
from subscriptions.models import Consent, Newsletter, Subscription
from tests.browser.house import House
from tests.browser.mails import link_in, mail_to
from tests.browser.paper import STORY, make_paper
from tests.mailbox import Mailbox

ADDRESS = "vera@example.org"
CONFIRM = r"/newsletter/confirm/\S+"


@pytest.fixture(autouse=True)
def _paper(house: House) -> None:
    make_paper(articles=2)


def _form(reader: Page) -> Locator:
    reader.goto(f"/articles/{STORY}/")
    form = reader.locator("#newsletter form")
    expect(form.get_by_role("checkbox")).not_to_be_checked()
    form.get_by_label("Your email address").fill(ADDRESS)
    return form


def _sign_up(reader: Page) -> None:
    form = _form(reader)
    form.get_by_role("checkbox").check()
    form.get_by_role("button", name="Sign up").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Now look into your mailbox")


def _confirm(reader: Page, mailbox: Mailbox) -> None:
    reader.goto(link_in(mail_to(mailbox, ADDRESS), CONFIRM))
    reader.get_by_role("button", name="Send me The Friday Letter").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Welcome")


def _state() -> str:
    return Subscription.objects.get().state


def _unsubscribe_page() -> str:
    """Return the page that the foot of each issue leads to."""
    return f"/newsletter/unsubscribe/{unsubscribing.token(Subscription.objects.get().link_id)}/"


def _ledger() -> list[str]:
    return list(Consent.objects.order_by("position").values_list("action", flat=True))


def test_browser_does_not_send_a_form_without_the_tick(reader: Page) -> None:
    form = _form(reader)
    form.get_by_role("button", name="Sign up").click()

    expect(reader).to_have_url(re.compile(f"/articles/{STORY}/$"))
    expect(form.get_by_role("checkbox")).to_be_focused()
    expect(form.get_by_label("Your email address")).to_have_value(ADDRESS)
    assert not Subscription.objects.exists()


def test_form_without_the_tick_is_answered_with_a_message_and_the_typed_address(
    reader: Page, complaints: list[str]
) -> None:
    form = _form(reader)
    # A browser that does not know `required` sends the form as it is.
    form.evaluate("form => { form.noValidate = true }")
    form.get_by_role("button", name="Sign up").click()

    expect(reader.locator("#sign-up-consent-error")).to_be_visible()
    expect(reader.get_by_label("Your email address")).to_have_value(ADDRESS)
    assert not Subscription.objects.exists()
    assert [words.partition("(")[0] for words in complaints] == [
        "Failed to load resource: the server responded with a status of 422 "
    ]
    complaints.clear()

    reader.get_by_role("checkbox").check()
    reader.get_by_role("button", name="Sign up").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Now look into your mailbox")


def test_sign_up_is_active_once_the_mailed_button_is_pressed(reader: Page, mailbox: Mailbox) -> None:
    form = _form(reader)
    wording = form.get_by_role("checkbox").locator("..").inner_text()
    form.get_by_role("checkbox").check()
    form.get_by_role("button", name="Sign up").click()
    mail = mail_to(mailbox, ADDRESS)
    assert "The Friday Letter" in str(mail["Subject"])

    reader.goto(link_in(mail, CONFIRM))
    assert _state() == Subscription.State.PENDING
    reader.get_by_role("button", name="Send me The Friday Letter").click()

    expect(reader.get_by_role("heading", level=1)).to_have_text("Welcome")
    assert _state() == Subscription.State.ACTIVE
    assert _ledger() == ["granted", "confirmed"]
    granted = Consent.objects.get(action="granted")
    assert (granted.wording, granted.policy_version) == (wording.strip(), "2026-09")
    assert granted.page == f"/articles/{STORY}/"


def test_reader_unsubscribes_on_the_page_and_comes_back(reader: Page, mailbox: Mailbox, house: House) -> None:
    _sign_up(reader)
    _confirm(reader, mailbox)
    reader.goto(_unsubscribe_page())
    assert _state() == Subscription.State.ACTIVE

    reader.get_by_role("button", name="Unsubscribe").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("You are unsubscribed")
    assert _state() == Subscription.State.UNSUBSCRIBED

    reader.get_by_role("button", name="Yes, subscribe me again").click()
    expect(reader.get_by_role("heading", level=1)).to_be_visible()
    assert _state() == Subscription.State.ACTIVE
    assert _ledger()[:3] == ["granted", "confirmed", "withdrawn"]


def test_reader_who_left_signs_up_and_confirms_again(reader: Page, mailbox: Mailbox) -> None:
    _sign_up(reader)
    _confirm(reader, mailbox)
    reader.goto(_unsubscribe_page())
    reader.get_by_role("button", name="Unsubscribe").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("You are unsubscribed")
    mailbox.clear()

    _sign_up(reader)
    _confirm(reader, mailbox)

    assert _state() == Subscription.State.ACTIVE
    assert Newsletter.objects.get().subscriptions.count() == 1
