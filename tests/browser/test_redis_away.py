"""Redis is killed in the middle of every story and comes back empty; each story still ends as it should."""

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from donations.models import Donation, Payment, Reminder
from subscriptions import issues
from subscriptions.assembling import assemble
from subscriptions.models import Consent, Delivery, Issue, Newsletter, Subscription
from tests.browser.giving import GOOD_CARD, choose, go_to_stripe, pay
from tests.browser.house import House
from tests.browser.mails import link_in, mail_to
from tests.browser.paper import STORY, make_paper
from tests.browser.waiting import wait_for
from tests.mailbox import Mailbox
from tests.subscriptions.factories import make_subscription

SUBSCRIBER, DONOR, WAVERER = "vera@example.org", "ada@example.org", "noor@example.org"


@pytest.fixture(autouse=True)
def _paper(house: House) -> None:
    make_paper(articles=4)


def _sign_up(reader: Page) -> None:
    reader.goto(f"/articles/{STORY}/")
    form = reader.locator("#newsletter form")
    form.get_by_label("Your email address").fill(SUBSCRIBER)
    form.get_by_role("checkbox").check()
    form.get_by_role("button", name="Sign up").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Now look into your mailbox")


def _ask_for_a_reminder(reader: Page) -> None:
    reader.goto(f"/articles/{STORY}/")
    reader.get_by_text("Not ready to support today? Remind me later.").click()
    box = reader.locator("details.remind")
    box.get_by_label("Your email address").fill(WAVERER)
    box.get_by_role("button", name="Remind me").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Your wish is noted")


def _start_an_issue() -> Issue:
    """Approve and start an issue to one reader, as the schedule does; the hint to the worker goes nowhere."""
    newsletter = Newsletter.objects.get()
    make_subscription(newsletter=newsletter, email="earlier@example.org", at=timezone.now())
    at = timezone.now()
    issue = assemble(newsletter=newsletter, issue_date=at.astimezone(newsletter.zone).date(), at=at)
    issues.approve(issue, by=None, at=at)
    issues.start(issue, by=None, at=at)
    return issue


def test_everything_asked_for_while_redis_was_away_is_done_after_it_came_back(
    reader: Page, house: House, mailbox: Mailbox
) -> None:
    choose(reader, "Once", "$20")
    go_to_stripe(reader, DONOR)
    issue = _start_an_issue()
    house.kill_redis()
    try:
        pay(reader, GOOD_CARD)
        expect(reader.get_by_role("heading", level=1)).to_be_visible()
        _sign_up(reader)
        _ask_for_a_reminder(reader)
    finally:
        house.start_redis()
    assert mailbox.messages == []

    # Each tick finds what the one before it made due, such as the mail of a sign-up.
    def has_all() -> bool:
        house.tick()
        arrived = all(mailbox.to(address) for address in (SUBSCRIBER, DONOR, WAVERER, "earlier@example.org"))
        issue.refresh_from_db()
        return arrived and issue.state == Issue.State.SENT

    wait_for(has_all, "every mail after Redis came back", seconds=90)
    reader.goto(link_in(mail_to(mailbox, SUBSCRIBER), r"/newsletter/confirm/\S+"))
    reader.get_by_role("button", name="Send me The Friday Letter").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Welcome")
    reader.goto(link_in(mail_to(mailbox, WAVERER), r"/remind/[^/\s]+/"))
    reader.get_by_role("button", name="Yes, remind me").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Your reminder is set")

    assert Subscription.objects.filter(state=Subscription.State.ACTIVE).count() == 2
    # Granted and confirmed, by two subscribers and by the one who wants to be reminded.
    assert Consent.objects.count() == 6
    assert Donation.objects.get().state == Donation.State.GIVEN
    assert Payment.objects.get().gross == 2_000
    assert Reminder.objects.get().state == Reminder.State.CONFIRMED
    assert Delivery.objects.get().state == Delivery.State.ACCEPTED
    house.wait_until_quiet()
    assert [len(mailbox.to(address)) for address in (SUBSCRIBER, DONOR, WAVERER, "earlier@example.org")] == [1, 1, 1, 1]


def test_pages_are_read_while_redis_is_away(reader: Page, house: House) -> None:
    house.kill_redis()
    try:
        for path in ("/", f"/articles/{STORY}/", "/newsletter/the-friday-letter/", "/support/"):
            answer = reader.goto(path)
            assert answer is not None
            assert answer.status == 200
    finally:
        house.start_redis()
