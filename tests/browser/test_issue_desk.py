"""The desk in a browser: made with the keyboard alone, previewed while typing, shared, and clean for axe."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from newsroom.models import Article
from subscriptions import issues
from subscriptions.models import Delivery, Issue, Newsletter, PreviewLink
from tests.browser.conftest import LOGIN, PASSWORD
from tests.browser.house import House
from tests.browser.mails import mail_to, text_of
from tests.browser.paper import make_paper
from tests.browser.screenshots import photograph
from tests.browser.waiting import wait_for
from tests.mailbox import Mailbox
from tests.subscriptions.factories import make_subscription
from tests.subscriptions.issue_factories import make_issue

ADDRESS = "vera@example.org"
# Whoever sees little and enlarges a page has no more than this.
NARROWEST = 320


@pytest.fixture
def issue(house: House) -> Issue:
    make_paper(articles=9)
    newsletter = Newsletter.objects.get()
    newsletter.seed_addresses = "seed@example.org"
    newsletter.save()
    make_subscription(newsletter=newsletter, email=ADDRESS, at=timezone.now())
    now = timezone.now()
    return make_issue(
        newsletter=newsletter,
        issue_date=now.date() + timedelta(days=2),
        send_at=now + timedelta(days=2),
        articles=list(Article.objects.order_by("-published_at")[:4]),
        assembled_at=now,
        created_at=now,
    )


def _url(issue: Issue) -> str:
    return f"/admin/subscriptions/issue/{issue.pk}/change/"


def _walk_to(page: Page, selector: str) -> None:
    """Press the tabulator until the element has the focus, as a hand without a mouse does."""
    for _number in range(150):
        if page.evaluate("selector => document.activeElement?.matches(selector) ?? false", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"The keyboard does not reach {selector}.")


def _titles(page: Page) -> list[str]:
    return page.locator("[data-pick] .desk-pick-title").all_inner_texts()


def test_an_issue_is_made_approved_and_watched_with_the_keyboard_alone(
    staff: Page, house: House, issue: Issue, mailbox: Mailbox, complaints: list[str]
) -> None:
    staff.goto(_url(issue))
    first, second, *_rest = before = _titles(staff)

    _walk_to(staff, "#subject")
    staff.keyboard.press("Control+A")
    staff.keyboard.type("Made without a mouse")
    _walk_to(staff, "#letter")
    staff.keyboard.press("Control+A")
    staff.keyboard.type("Good morning from the keyboard.")
    preview = staff.frame_locator("[data-preview]:not(.is-coming)")
    expect(preview.locator("#letter")).to_contain_text("Good morning from the keyboard.")
    _walk_to(staff, "[aria-label='Move “" + first + "” down']")
    with staff.expect_navigation():
        staff.keyboard.press("Enter")
    assert _titles(staff) == [second, first, *before[2:]]
    # The hand stays where it was, so that the next press moves the same article on.
    assert staff.evaluate("document.activeElement.getAttribute('aria-label')") == f"Move “{first}” down"
    with staff.expect_navigation():
        staff.keyboard.press("Enter")
    assert _titles(staff)[2] == first
    _walk_to(staff, "[value^='add:']")
    with staff.expect_navigation():
        staff.keyboard.press("Enter")
    assert len(_titles(staff)) == 5
    _walk_to(staff, "[value='step:approve']")
    with staff.expect_navigation():
        staff.keyboard.press("Enter")
    expect(staff.locator(".state")).to_have_text("approved")
    _walk_to(staff, "[value='step:send-now']")
    with staff.expect_navigation():
        staff.keyboard.press("Enter")
    _walk_to(staff, "button[name='confirmed']")
    with staff.expect_navigation():
        staff.keyboard.press("Enter")

    mail = mail_to(mailbox, ADDRESS, subject="Made without a mouse")
    assert "Good morning from the keyboard." in text_of(mail)
    wait_for(lambda: Delivery.objects.filter(state=Delivery.State.ACCEPTED).first(), "the delivery")
    house.tick()
    # The page follows by itself and is whole again when the issue has ended.
    expect(staff.locator(".state")).to_have_text("sent", timeout=15_000)
    expect(staff.get_by_role("progressbar")).to_have_attribute("value", "1")
    assert complaints == []


def test_the_preview_follows_the_typing(staff: Page, issue: Issue, complaints: list[str]) -> None:
    staff.goto(_url(issue))
    ways_back = staff.evaluate("history.length")
    frame = staff.locator("[data-preview]:not(.is-coming)")
    preview = staff.frame_locator("[data-preview]:not(.is-coming)")
    last = issue.picks.in_order().last()
    assert last is not None

    staff.locator("[data-pick] summary").last.click()
    staff.get_by_label("Headline in the issue").last.fill("A headline of its own")
    expect(preview.get_by_role("link", name="A headline of its own")).to_be_in_viewport()
    staff.get_by_label("Subject").fill("")
    expect(staff.locator("[data-findings]")).to_contain_text("The subject is missing.")
    expect(staff.locator("[data-preview]")).to_have_count(1)
    wide = preview.locator("body").evaluate("() => innerWidth")
    staff.get_by_label("Like a phone").check()
    narrow = preview.locator("body").evaluate("() => innerWidth")
    assert narrow == 360
    assert wide > 400
    staff.get_by_label("Dark", exact=True).check()
    expect(preview.locator(".sheet")).to_have_css("background-color", "rgb(27, 26, 24)")
    staff.get_by_label("Text", exact=True).check()
    expect(preview.locator("pre")).to_contain_text("A headline of its own")

    assert staff.evaluate("history.length") == ways_back
    assert frame.get_attribute("sandbox") == "allow-popups"
    assert Issue.objects.get(pk=issue.pk).version == issue.version
    assert complaints == []


def test_without_script_a_button_shows_what_is_typed(staff: Page, visit: Callable[..., Page], issue: Issue) -> None:
    page = visit(java_script_enabled=False, storage_state=staff.context.storage_state())
    page.goto(_url(issue))

    page.get_by_label("Letter from the editor").fill("Typed and not saved.")
    page.get_by_role("button", name="Update the preview").click()

    expect(page.frame_locator("[data-preview]").locator("body")).to_contain_text("Typed and not saved.")
    expect(page.get_by_label("Letter from the editor")).to_have_value("Typed and not saved.")
    assert Issue.objects.get(pk=issue.pk).letter == issue.letter


def test_a_shared_preview_opens_for_somebody_without_an_account(
    staff: Page, reader: Page, issue: Issue, complaints: list[str]
) -> None:
    # What stands under the preview is reached while the long list beside it has not ended, also on a low screen.
    staff.set_viewport_size({"width": 1280, "height": 600})
    staff.goto(_url(issue))
    staff.get_by_label("For whom?").fill("our lawyer")
    staff.get_by_role("button", name="Make a link").click()
    link = staff.get_by_role("textbox", name="our lawyer").input_value()

    reader.goto(link)
    expect(reader.frame_locator("iframe").locator("body")).to_contain_text("this is the letter.")
    staff.get_by_role("button", name="Revoke the link: our lawyer").click()
    expect(staff.locator(".messagelist .success")).to_be_visible()
    answer = reader.reload()
    assert answer is not None
    assert answer.status == 410
    assert PreviewLink.objects.get().revoked_at is not None
    complaints.clear()  # The browser remarks on the 410.


@pytest.mark.parametrize("state", ["draft", "asked", "sent"])
def test_axe_finds_nothing_at_the_desk(staff: Page, visit: Callable[..., Page], issue: Issue, state: str) -> None:
    if state != "draft":
        now = timezone.now()
        issues.approve(issue, by=None, at=now)
        if state == "sent":
            issues.start(issue, by=None, at=now)
        else:
            article = issue.picks.in_order()[0].article
            article.correct(by=User.objects.get(), at=now, text="The river is the Oder.")
    page = visit(bypass_csp=True, reduced_motion="reduce", storage_state=staff.context.storage_state())
    page.goto(_url(issue))

    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    # Loaded in the dark: the admin's links fade from one colour to the other.
    page.emulate_media(color_scheme="dark")
    page.reload()
    found = Axe().run(page, options={"runOnly": ["color-contrast"]})
    assert found.violations_count == 0, found.generate_report()
    photograph(page, f"desk-{state}")
    page.set_viewport_size({"width": NARROWEST, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROWEST


def test_two_editors_meet_and_no_word_is_lost(staff: Page, visit: Callable[..., Page], issue: Issue) -> None:
    other = visit()
    other.goto("/admin/")
    other.get_by_label("Name or email").fill(LOGIN)
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Log in", exact=True).click()
    other.goto(_url(issue))
    staff.goto(_url(issue))
    staff.get_by_label("Subject").fill("The first of us")
    staff.get_by_role("button", name="Save", exact=True).last.click()
    expect(staff.get_by_label("Subject")).to_have_value("The first of us")

    other.get_by_label("Subject").fill("The second of us")
    other.get_by_label("Letter from the editor").fill("A long letter that nobody wants to write twice.")
    other.get_by_role("button", name="Approve").click()

    expect(other.get_by_role("alert")).to_contain_text("Somebody else has changed this issue")
    expect(other.get_by_label("Subject")).to_have_value("The second of us")
    expect(other.get_by_label("Letter from the editor")).to_have_value(
        "A long letter that nobody wants to write twice."
    )
    expect(other.get_by_text("Saved now: The first of us")).to_be_visible()
    fresh = Issue.objects.get(pk=issue.pk)
    assert (fresh.state, fresh.subject) == (Issue.State.DRAFT, "The first of us")
