"""One reader's whole life with a newsletter, in a browser that runs no script: a slip, a pause, a move, and an end."""

import json
from http.client import HTTPConnection
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from newsroom.addresses import address_hash
from newsroom.models import Suppression
from subscriptions import signup, unsubscribing
from subscriptions.models import Consent, Erasure, Subscriber, Subscription
from tests.browser.house import House
from tests.browser.mails import link_in, mail_to, text_of
from tests.browser.paper import STORY, make_paper
from tests.mailbox import Mailbox

SLIP, ADDRESS, NEW_ADDRESS = "vera@gmial.com", "vera@example.org", "vera@example.net"
State = Subscription.State


def test_reader_slips_confirms_pauses_leaves_returns_moves_and_is_forgotten(
    reader: Page, mailbox: Mailbox, house: House, complaints: list[str]
) -> None:
    make_paper(articles=2)
    _sign_up_with_a_slip(reader, complaints)
    reader.goto(link_in(mail_to(mailbox, ADDRESS), r"/newsletter/confirm/\S+"))
    _press(reader, "Send me The Friday Letter", then="Welcome")
    link_id = Subscription.objects.get().link_id

    preferences = urlsplit(signup.preferences_url(link_id)).path
    reader.goto(preferences)
    assert ADDRESS not in reader.content()
    reader.get_by_label("Pause for").select_option("4")
    reader.get_by_role("button", name="Pause").click()
    expect(reader.locator("main")).to_contain_text("Paused until")
    reader.get_by_role("button", name="Send it again from now on").click()
    expect(reader.locator("main")).to_contain_text("You receive it.")

    leave = f"/newsletter/unsubscribe/{unsubscribing.token(link_id)}/"
    reader.goto(leave)
    assert _state() == State.ACTIVE
    _press(reader, "Unsubscribe", then="You are unsubscribed")
    assert _state() == State.UNSUBSCRIBED
    _press(reader, "Yes, subscribe me again", then="Your newsletters")
    assert _state() == State.ACTIVE
    for _again in range(2):
        _click_in_the_mail_program(house, leave)
        assert _state() == State.UNSUBSCRIBED
    reader.goto(preferences)
    _press(reader, "Yes, send it to me", then="Your newsletters")
    assert _state() == State.ACTIVE

    _open_own_page(reader, mailbox, ADDRESS)
    with reader.expect_download() as download:
        reader.get_by_role("link", name="Take it with you (JSON)").click()
    held = json.loads(download.value.path().read_text())["newsletters"]
    assert held["subscriber"][0]["email"] == ADDRESS
    actions = ["granted", "confirmed", "withdrawn", "granted", "confirmed"]
    assert [row["action"] for row in held["consent"]] == [*actions, *actions[2:]]

    reader.get_by_label("New email address").fill(NEW_ADDRESS)
    _press(reader, "Change the address", then="Now look into your new mailbox")
    assert Subscriber.objects.get().email == ADDRESS
    reader.goto(link_in(mail_to(mailbox, NEW_ADDRESS), r"/newsletter/mine/address/confirm/\S+"))
    _press(reader, "Use this address", then="Your address is changed")
    assert Subscriber.objects.get().email == NEW_ADDRESS
    assert NEW_ADDRESS not in text_of(mail_to(mailbox, ADDRESS, subject="address"))

    _open_own_page(reader, mailbox, NEW_ADDRESS)
    reader.get_by_role("link", name="Erase everything about me").click()
    _press(reader, "Erase everything about me", then="It is erased")
    assert not Subscriber.objects.exists()
    assert Erasure.objects.exists()
    reasons = dict(Suppression.objects.values_list("reason", "address_hash"))
    assert reasons == {"moved": address_hash(ADDRESS), "erased": address_hash(NEW_ADDRESS)}
    assert Consent.objects.latest("position").method == Consent.Method.ERASURE
    assert reader.context.cookies() == []
    reader.goto("/newsletter/mine/")
    expect(reader.get_by_role("button", name="Mail me a link")).to_be_visible()


def _sign_up_with_a_slip(reader: Page, complaints: list[str]) -> None:
    reader.goto(f"/articles/{STORY}/")
    form = reader.locator("#newsletter form")
    form.get_by_label("Your email address").fill(SLIP)
    form.get_by_role("checkbox").check()
    form.get_by_role("button", name="Sign up").click()
    expect(reader.locator("#sign-up-email-error")).to_contain_text("Did you mean vera@gmail.com?")
    assert "status of 422" in complaints.pop()
    expect(reader.get_by_role("checkbox")).to_be_checked()
    reader.get_by_label("Your email address").fill(ADDRESS)
    _press(reader, "Sign up", then="Now look into your mailbox")


def _press(reader: Page, name: str, *, then: str) -> None:
    reader.locator("main").get_by_role("button", name=name).click()
    expect(reader.get_by_role("heading", level=1)).to_have_text(then)


def _open_own_page(reader: Page, mailbox: Mailbox, address: str) -> None:
    mailbox.clear()
    reader.goto("/newsletter/mine/")
    reader.get_by_label("Your email address").fill(address)
    _press(reader, "Mail me a link", then="Now look into your mailbox")
    reader.goto(link_in(mail_to(mailbox, address), r"/newsletter/mine/open/\S+"))
    reader.get_by_role("button", name="Open my page").click()
    expect(reader.locator("header.heading")).to_contain_text(address)


def _click_in_the_mail_program(house: House, path: str) -> None:
    """Post as RFC 8058 says: no cookie, one field, and an answer that is no redirect."""
    program = HTTPConnection(urlsplit(house.url).netloc, timeout=20)
    program.request("POST", path, "List-Unsubscribe=One-Click", {"Content-Type": "application/x-www-form-urlencoded"})
    assert program.getresponse().status == 200
    program.close()


def _state() -> str:
    return Subscription.objects.get().state
