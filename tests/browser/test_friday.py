"""The weekly issue: assembled, edited, approved and sent in the admin, and read in a mailbox."""

from datetime import timedelta
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from subscriptions.models import Consent, Delivery, Issue, Newsletter, Subscription
from tests.browser.house import House
from tests.browser.mails import html_of, link_in, mail_to, one_click_link, text_of
from tests.browser.paper import make_paper
from tests.browser.waiting import wait_for
from tests.mailbox import Mailbox
from tests.subscriptions.factories import make_subscription

ADDRESS = "vera@example.org"
SUBJECT = "Lamps, wagons and an onion"


@pytest.fixture(autouse=True)
def _paper(house: House) -> None:
    make_paper()
    newsletter = Newsletter.objects.get()
    make_subscription(newsletter=newsletter, email=ADDRESS, at=timezone.now())
    # The day after today, so that it is time to assemble whatever day it is.
    newsletter.weekday = (timezone.now().astimezone(newsletter.zone) + timedelta(days=1)).weekday()
    newsletter.save()


def _open_desk(staff: Page, house: House) -> Issue:
    house.tick()
    issue = wait_for(lambda: Issue.objects.filter(assembled_at__isnull=False).first(), "an assembled issue")
    staff.goto("/admin/subscriptions/issue/")
    staff.locator("#result_list tbody").get_by_role("link").first.click()
    expect(_titles(staff)).not_to_have_count(0)
    return issue


def _titles(staff: Page) -> Locator:
    return staff.locator("[data-pick] .desk-pick-title")


def _send(staff: Page) -> None:
    staff.get_by_role("button", name="Send now").click()
    expect(staff.get_by_text("It goes to 1 reader")).to_be_visible()
    staff.get_by_role("button", name="Send now").click()
    expect(staff.locator(".messagelist .success")).to_be_visible()


def test_editor_makes_the_issue_and_the_reader_gets_it(
    staff: Page, reader: Page, house: House, mailbox: Mailbox
) -> None:
    issue = _open_desk(staff, house)
    filled = _titles(staff).all_inner_texts()
    picked = staff.locator(".desk-available strong").first.inner_text()

    staff.get_by_role("button", name=f"Pick “{picked}”").click()
    expect(_titles(staff)).to_have_text([*filled, picked])
    staff.get_by_role("button", name=f"Move “{picked}” up").click()
    reordered = [*filled[:-1], picked, filled[-1]]
    expect(_titles(staff)).to_have_text(reordered)
    staff.get_by_role("button", name=f"Take “{filled[0]}” out").click()
    expect(_titles(staff)).to_have_text(reordered[1:])
    staff.get_by_label("Subject").fill(SUBJECT)
    staff.get_by_label("Letter from the editor").fill("Good morning,\n\nwe argued about a lamp.")
    staff.get_by_role("button", name="Save", exact=True).last.click()
    preview = staff.frame_locator("[data-preview]:not(.is-coming)")
    expect(preview.locator("body")).to_contain_text("we argued about a lamp.")
    expect(preview.locator("body")).to_contain_text(picked)

    staff.get_by_role("button", name="Approve").click()
    expect(staff.locator(".messagelist .success")).to_be_visible()
    assert mailbox.to(ADDRESS) == []
    _send(staff)

    mail = mail_to(mailbox, ADDRESS, subject=SUBJECT)
    assert "The Meridian" in str(mail["From"])
    assert Newsletter.objects.get().list_id in str(mail["List-Id"])
    for words in (text_of(mail), html_of(mail)):
        assert "we argued about a lamp." in words
        assert words.index(reordered[1]) < words.index(picked)
    reader.goto(link_in(mail, rf"/newsletter/\S+/issues/{issue.issue_date}/"))
    expect(reader.get_by_role("heading", level=1)).to_have_text(SUBJECT)
    reader.get_by_role("link", name=picked).first.click()
    expect(reader.get_by_role("heading", level=1)).to_have_text(picked)
    house.tick()
    wait_for(lambda: Issue.objects.get().state == Issue.State.SENT, "the end of the issue")
    staff.reload()
    expect(staff.get_by_role("progressbar")).to_have_attribute("value", "1")
    assert Delivery.objects.get().state == Delivery.State.ACCEPTED
    assert len(mailbox.to(ADDRESS)) == 1


def test_editor_drags_an_article_to_another_place(staff: Page, house: House) -> None:
    _open_desk(staff, house)
    before = _titles(staff).all_inner_texts()

    second = staff.locator("[data-pick]").nth(1)
    second.scroll_into_view_if_needed()
    box = second.bounding_box()
    assert box is not None
    _titles(staff).first.drag_to(second, target_position={"x": 30, "y": box["height"] - 4}, steps=5)

    expect(_titles(staff)).to_have_text([before[1], before[0], *before[2:]])


def test_one_press_in_the_mail_program_ends_the_subscription(house: House, mailbox: Mailbox) -> None:
    house.manage("send_issue", "--now")
    link = urlsplit(one_click_link(mail_to(mailbox, ADDRESS)))
    mail_program = HTTPConnection(link.netloc, timeout=10)
    mail_program.request(
        "POST", link.path, "List-Unsubscribe=One-Click", {"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert mail_program.getresponse().status == 200
    mail_program.close()

    assert Subscription.objects.get().state == Subscription.State.UNSUBSCRIBED
    withdrawn = Consent.objects.get(action=Consent.Action.WITHDRAWN)
    assert withdrawn.method == Consent.Method.ONE_CLICK


def test_command_sends_todays_issue_to_everybody_once(reader: Page, house: House, mailbox: Mailbox) -> None:
    house.manage("send_issue", "--now")
    house.manage("send_issue", "--dry-run")
    house.tick()

    mail = mail_to(mailbox, ADDRESS)
    assert len(mailbox.to(ADDRESS)) == 1
    reader.goto(link_in(mail, r"/newsletter/unsubscribe/\S+"))
    reader.get_by_role("button", name="Unsubscribe").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("You are unsubscribed")
