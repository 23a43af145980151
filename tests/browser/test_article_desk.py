"""An article at the editor's desk: typed, lost and found again, pasted, pictured, previewed, scheduled, restored."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from newsroom.models import Article, UnsavedWords
from tests.browser.house import House
from tests.browser.paper import make_paper
from tests.browser.screenshots import photograph
from tests.browser.waiting import wait_for
from tests.newsroom.factories import picture_bytes
from tests.newsroom.test_pasting import WORD

PASTE = """(element, html) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/html", html);
  clipboardData.setData("text/plain", "words");
  element.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(autouse=True)
def _paper(house: House) -> None:
    make_paper(articles=2)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "ferry.jpg"
    path.write_bytes(picture_bytes(width=900, height=600, colour=(40, 70, 110)))
    return path


def _editor(staff: Page) -> Locator:
    return staff.get_by_role("textbox", name="Text", exact=True)


def _save(staff: Page) -> None:
    # The message of the save before may still be there.
    with staff.expect_navigation(timeout=30_000):
        staff.get_by_role("button", name="Save and continue editing").click()
    expect(staff.locator(".messagelist .success")).to_be_visible()


def test_an_article_is_made_at_the_desk_and_no_word_is_lost(
    staff: Page, reader: Page, photo: Path, complaints: list[str]
) -> None:
    # Typed, and the browser gone before anything was saved.
    staff.goto("/admin/newsroom/article/add/")
    staff.get_by_label("Headline").fill("The ferry that came back empty")
    staff.get_by_label("Standfirst").fill("It left with 212 people.")
    _editor(staff).click()
    staff.keyboard.type("Nobody came ashore.")
    expect(staff.locator(".autosave")).to_contain_text("Not saved, but kept at")
    assert UnsavedWords.objects.get().body == "<p>Nobody came ashore.</p>"
    staff.goto("/admin/newsroom/article/add/")
    expect(staff.locator(".unsaved")).to_contain_text("You have unsaved words of")
    expect(_editor(staff)).not_to_contain_text("Nobody")
    staff.get_by_role("link", name="Restore").click()
    expect(staff.get_by_label("Headline")).to_have_value("The ferry that came back empty")
    expect(_editor(staff)).to_have_text("Nobody came ashore.")
    staff.locator("#id_slug").fill("ferry")
    staff.locator("#id_credit_line").fill("With reporting by the Coast News Agency.")
    staff.locator("#id_section").select_option(label="Veresia")
    _save(staff)
    assert not UnsavedWords.objects.exists()

    # A note, what Word put into the clipboard, and a picture.
    editor = _editor(staff)
    editor.click()
    staff.keyboard.press("Control+End")
    staff.keyboard.type(" As the harbour log says")
    for _letter in "As the harbour log says":
        staff.keyboard.press("Shift+ArrowLeft")
    staff.get_by_role("button", name="Note").click()
    expect(editor.locator("foot-note")).to_have_text("As the harbour log says")
    expect(editor).to_be_focused()
    staff.keyboard.press("Control+End")
    # The editor hears of the new place a moment later than the browser.
    expect(staff.get_by_role("button", name="Note")).not_to_have_class(re.compile("active"))
    staff.keyboard.press("Enter")
    editor.evaluate(PASTE, WORD)
    expect(editor.locator("ul ul li")).to_have_text("Deeper")
    expect(editor.locator("strong")).to_have_text("Bold")
    expect(editor.locator("foot-note")).to_have_count(2)
    staff.keyboard.press("Control+End")
    staff.keyboard.press("Enter")
    staff.locator(".prose-menubar [data-name=picture]").click()
    dialog = staff.get_by_role("dialog")
    dialog.get_by_label("File").set_input_files(photo)
    dialog.get_by_label("Description for those who cannot see it").fill("An empty ferry at the quay")
    dialog.get_by_label("Caption").fill("Port Selen, Tuesday at six.")
    dialog.get_by_label("Credit").fill("Pavel Orrin")
    photograph(staff, "article-picture", is_whole=False)
    dialog.get_by_role("button", name="Upload and place").click()
    figure = editor.locator("figure")
    expect(figure.locator("figcaption")).to_have_text("Port Selen, Tuesday at six.")
    assert wait_for(lambda: figure.locator("img").evaluate("image => image.naturalWidth"), "the picture") > 100

    # Logged out meanwhile: the page keeps the words, and a login elsewhere is enough.
    cookies = staff.context.cookies()
    staff.context.clear_cookies()
    staff.get_by_role("button", name="Save and continue editing").click()
    expect(staff.locator(".autosave")).to_contain_text("You are not logged in any more.")
    staff.context.add_cookies(cookies)  # type: ignore[arg-type]
    _save(staff)
    body = Article.objects.get(slug="ferry").body
    assert body.startswith(
        "<p>Nobody came ashore. <foot-note>As the harbour log says</foot-note></p><h2>The harbour</h2>"
    )
    assert body.endswith("<figcaption>Port Selen, Tuesday at six.</figcaption></figure>")
    photograph(staff, "article-desk")

    # What the lawyer sees.
    address = staff.locator(".field-preview_link a").get_attribute("href", timeout=3_000)
    assert address
    reader.goto(address)
    text = reader.locator(".story .text")
    expect(text.get_by_role("img", name="An empty ferry at the quay")).to_be_visible()
    expect(text.locator("figcaption")).to_have_text("Port Selen, Tuesday at six. Pavel Orrin")
    expect(text.get_by_role("link", name="Note 2", exact=True)).to_have_attribute(
        "href", "#note-" + _number(text) + "-2"
    )
    expect(text.locator(".notes li")).to_have_count(2)
    photograph(reader, "article-preview")

    # An older version again, and then the time at which readers see it.
    editor.click()
    staff.keyboard.press("Control+A")
    staff.keyboard.type("All gone by mistake.")
    _save(staff)
    staff.get_by_role("link", name="Revisions").click()
    photograph(staff, "article-revisions")
    staff.get_by_role("row", name="From 2").get_by_role("button", name="Restore").click()
    expect(_editor(staff).locator("figure")).to_have_count(1)
    assert Article.objects.get(slug="ferry").body == body
    staff.get_by_role("button", name="Schedule…").click()
    staff.get_by_label("Time of publication").fill("2036-07-01T10:00")
    staff.get_by_role("button", name="Schedule").click()
    expect(staff.locator(".messagelist .success")).to_contain_text("The article is scheduled.")
    assert Article.objects.get(slug="ferry").status == Article.Status.SCHEDULED
    assert reader.request.get("/articles/ferry/").status == 404
    assert [words for words in complaints if "401" not in words] == []


def _number(text: Locator) -> str:
    """Return the article's number, which keeps its notes apart from those of others."""
    return str(text.locator(".notes li").first.get_attribute("id")).split("-")[1]
