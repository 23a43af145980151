"""What every page for readers promises: no script, no cookie, nobody else asked, readable by everyone on any screen."""

import gzip
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Request, Response, Route

from tests.browser.house import House
from tests.browser.paper import STORY
from tests.browser.public_pages import PAGES, PublicPage, make_all_rows
from tests.browser.screenshots import photograph

NARROWEST = 320
ARTICLE_BYTES = 15 * 1024
# The demo’s longest, of some thousand words.
LONG_STORY = "the-women-who-saved-the-court-files"

each_page = pytest.mark.parametrize("public_page", PAGES, ids=[page.name for page in PAGES])


@pytest.fixture(scope="module")
def full_house(empty_house: House) -> House:
    make_all_rows()
    return empty_house


def _arrive(page: Page, public_page: PublicPage) -> Response:
    """Open the page, do there what has to be done, and return the answer that brought the document."""
    documents: list[Response] = []

    def keep(response: Response) -> None:
        if response.request.is_navigation_request() and not 300 <= response.status < 400:
            documents.append(response)

    page.on("response", keep)
    page.goto(public_page.address)
    if public_page.act:
        public_page.act(page)
        page.wait_for_load_state()
    return documents[-1]


@each_page
def test_page_has_no_script_and_no_cookie_and_asks_nobody_else(
    public_page: PublicPage, full_house: House, visit: Callable[..., Page]
) -> None:
    page = visit(java_script_enabled=False, viewport={"width": NARROWEST, "height": 640})
    asked: list[Request] = []
    answered: list[Response] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request))
    page.on("response", lambda response: answered.append(response))
    page.on("console", lambda message: complaints.append(message.text))

    document = _arrive(page, public_page)

    assert document.status == public_page.status
    assert {request.url.startswith((full_house.url + "/", "data:")) for request in asked} == {True}
    assert [name for response in answered for name in response.headers if name == "set-cookie"] == []
    assert page.context.cookies() == []
    policy = document.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe-inline" not in policy
    assert [words for words in complaints if "status of" not in words] == []
    scripts = page.locator('script:not([type="application/ld+json"])')
    assert scripts.count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROWEST
    photograph(page, public_page.name)


@each_page
def test_axe_finds_nothing_in_light_or_dark(
    public_page: PublicPage, full_house: House, visit: Callable[..., Page]
) -> None:
    page = visit(bypass_csp=True, reduced_motion="reduce")
    _arrive(page, public_page)

    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    # Nothing but colours differs in the dark.
    page.emulate_media(color_scheme="dark")
    found = Axe().run(page, options={"runOnly": ["color-contrast"]})
    assert found.violations_count == 0, found.generate_report()


def test_a_style_that_the_policy_refuses_would_be_noticed(full_house: House, visit: Callable[..., Page]) -> None:
    page = visit(java_script_enabled=False)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))

    def add_style(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("<main", '<p style="color: red">red</p><main'))

    page.route("**/about-us/", add_style)
    page.goto("/about-us/")

    assert "Content Security Policy" in " ".join(complaints)


def test_article_and_its_style_weigh_little(full_house: House, visit: Callable[..., Page]) -> None:
    page = visit(java_script_enabled=False)
    bodies: dict[str, bytes] = {}

    def keep(response: Response) -> None:
        kind = response.headers.get("content-type", "")
        if kind.startswith(("text/html", "text/css")):
            bodies[kind.partition(";")[0]] = response.body()

    page.on("response", keep)
    page.goto(f"/articles/{LONG_STORY}/", wait_until="networkidle")

    text = page.locator(".story .text").inner_text()
    assert len(text.split()) > 900
    assert page.locator("#newsletter form").count() == page.locator("#give form.give").count() == 1
    assert set(bodies) == {"text/html", "text/css"}
    weights = {kind: len(gzip.compress(body, 6)) for kind, body in bodies.items()}
    assert sum(weights.values()) <= ARTICLE_BYTES, weights


def test_first_tab_leads_past_the_masthead(full_house: House, visit: Callable[..., Page]) -> None:
    page = visit(java_script_enabled=False)
    page.goto(f"/articles/{STORY}/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert page.url.endswith("#main")
