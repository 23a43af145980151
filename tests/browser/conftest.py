"""The whole product, a reader without JavaScript and a member of staff with it, in a real browser.

Without a Chromium these tests are skipped with one line that says how to get one; in CI a skip is a failure.
"""

import os
import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Route, expect
from pytest_django import DjangoDbBlocker

from tests.browser.finding import ARGUMENTS, HOW_TO_GET_ONE, find_browser
from tests.browser.house import House
from tests.mailbox import Mailbox
from tests.servers import FOLDER_VARIABLE

# Playwright's loop runs in this thread, so Django would take every query for one from asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

HERE = Path(__file__).parent
BEYOND_THIS_MACHINE = re.compile(r"^(?!data:|blob:|about:)(?!(http|ws)://(localhost|127\.0\.0\.1)(:|/|$))")
LOGIN, PASSWORD = "mira", "a-long-and-quiet-evening"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            # The first of these tests waits until the whole product has started.
            item.add_marker(pytest.mark.timeout(180))


def pytest_runtest_setup(item: pytest.Item) -> None:
    # One place that skips makes one line of the report, however many the tests are.
    if find_browser() is None:
        pytest.skip(HOW_TO_GET_ONE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the product's programs said beside each failure."""
    report = yield
    house = getattr(item, "funcargs", {}).get("running_house")
    if report.failed and house is not None:
        report.sections += [(f"What {name} said", words) for name, words in house.last_words().items() if words]
    return report


@pytest.fixture(autouse=True)
def _quick_passwords() -> None:
    """Keep the product's own way of hashing: the running programs read the passwords that are stored here."""


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    return {"executable_path": find_browser(), "args": ARGUMENTS}


@pytest.fixture(scope="session")
def running_house(
    django_db_blocker: DjangoDbBlocker,
    _mailbox: Mailbox,
) -> Iterator[House]:
    folder = Path(os.environ[FOLDER_VARIABLE]) / os.environ.get("PYTEST_XDIST_WORKER", "main") / "house"
    with django_db_blocker.unblock(), House(folder, smtp_port=_mailbox.port).running() as house:
        yield house


@pytest.fixture(scope="module")
def empty_house(running_house: House, django_db_blocker: DjangoDbBlocker, _mailbox: Mailbox) -> Iterator[House]:
    """The running product with nothing in it, for tests of one module that tell one story together."""
    with django_db_blocker.unblock(), running_house.own_database():
        running_house.empty()
        _mailbox.clear()
        yield running_house


@pytest.fixture
def house(running_house: House, django_db_blocker: DjangoDbBlocker, _mailbox: Mailbox) -> Iterator[House]:
    """The running product with nothing in it; the models of this process are those of its database."""
    with django_db_blocker.unblock(), running_house.own_database():
        running_house.empty()
        _mailbox.clear()
        yield running_house


@pytest.fixture
def mailbox(_mailbox: Mailbox) -> Mailbox:
    """What the product's mail server took over in this test."""
    return _mailbox


@pytest.fixture
def visit(new_context: Callable[..., BrowserContext], running_house: House) -> Iterator[Callable[..., Page]]:
    """Open a page in a browser of its own. The test fails when it asks another machine for anything."""
    asked_for: list[str] = []

    def refuse(route: Route) -> None:
        asked_for.append(route.request.url)
        route.abort()

    def open_page(**options: Any) -> Page:
        context = new_context(base_url=running_house.url, **options)
        context.set_default_timeout(15_000)
        context.route(BEYOND_THIS_MACHINE, refuse)
        return context.new_page()

    yield open_page
    assert asked_for == []


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained about on the pages of `reader` and `staff`: refused styles, missing files, errors."""
    return []


@pytest.fixture
def reader(visit: Callable[..., Page], complaints: list[str]) -> Iterator[Page]:
    """A reader's browser, which runs no script. What the browser complains about fails the test."""
    page = visit(java_script_enabled=False)
    page.on("console", _keep_in(complaints))
    yield page
    assert complaints == []


@pytest.fixture
def staff(house: House, visit: Callable[..., Page], complaints: list[str]) -> Page:
    """A browser in which a member of staff has logged in."""
    User.objects.create_superuser(LOGIN, "mira@meridian.example", PASSWORD)
    page = visit(viewport={"width": 1280, "height": 900})
    page.on("console", _keep_in(complaints))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/admin/")
    page.get_by_label("Name or email").fill(LOGIN)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.locator("#user-tools")).to_be_visible()
    return page


def _keep_in(complaints: list[str]) -> Callable[[ConsoleMessage], None]:
    def keep(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"{message.text} ({message.location['url']})")

    return keep
