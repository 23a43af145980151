"""An article from the empty form in the admin to the reader's page."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from newsroom.models import Article
from tests.browser.house import House
from tests.browser.paper import make_paper
from tests.browser.waiting import wait_for
from tests.newsroom.factories import picture_bytes

HEADLINE = "The ferry that came back empty"
STANDFIRST = "It left with 212 people. The harbour office says that it never sailed."


@pytest.fixture(autouse=True)
def _paper(house: House) -> None:
    make_paper(articles=4)


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    path = tmp_path / "ferry.jpg"
    path.write_bytes(picture_bytes(width=900, height=600))
    return path


def _choose(form: Page, field: str, text: str) -> None:
    """Search in one of the admin's fields that look rows up, and take the first answer."""
    form.locator(f"#id_{field} + .select2").click()
    form.locator(".select2-search__field").last.fill(text)
    answer = form.locator(".select2-results__option", has_text=text)
    expect(answer.first).to_be_visible()
    answer.first.click()


def _write_body(form: Page) -> None:
    editor = form.get_by_role("textbox", name="Text")
    editor.click()
    form.keyboard.type("The gangway was down at six.")
    form.keyboard.press("Enter")
    form.keyboard.type("Nobody came ashore, ")
    form.keyboard.press("Control+b")
    form.keyboard.type("nobody at all")
    form.keyboard.press("Control+b")
    form.keyboard.type(".")


def _upload(staff: Page, photograph: Path) -> None:
    staff.goto("/admin/newsroom/image/add/")
    staff.get_by_label("File").set_input_files(photograph)
    staff.locator("#id_alt").fill("An empty ferry at the quay")
    staff.locator("#id_caption").fill("Port Selen, Tuesday at six.")
    staff.locator("#id_credit").fill("Photo: Pavel Orrin")
    staff.get_by_role("button", name="Save", exact=True).click()
    expect(staff.locator(".messagelist .success")).to_be_visible()


def _step(staff: Page, name: str) -> None:
    # The step before has left a word of success on the page as well.
    with staff.expect_navigation():
        staff.get_by_role("button", name=name).click()
    expect(staff.locator(".messagelist .success")).to_be_visible()


def _teasers(page: Page) -> Locator:
    return page.locator("main article.teaser").filter(has_text=HEADLINE)


def test_article_written_in_the_admin_is_read_on_every_page_that_shows_it(
    staff: Page, reader: Page, photograph: Path
) -> None:
    _upload(staff, photograph)
    staff.goto("/admin/newsroom/article/add/")
    staff.get_by_label("Headline").fill(HEADLINE)
    staff.get_by_label("Standfirst").fill(STANDFIRST)
    _write_body(staff)
    staff.locator("#id_credit_line").fill("With reporting by the Coast News Agency.")
    staff.locator("#id_section").select_option(label="Veresia")
    _choose(staff, "tags", "infrastructure")
    _choose(staff, "lead_image", "An empty ferry at the quay")
    _choose(staff, "bylines-0-author", "Danil")
    staff.get_by_role("button", name="Save and continue editing").click()
    expect(staff.locator(".messagelist .success")).to_be_visible()
    assert reader.request.get("/articles/the-ferry-that-came-back-empty/").status == 404

    _step(staff, "Submit for review")
    _step(staff, "Publish now")

    assert Article.objects.get(headline=HEADLINE).status == Article.Status.PUBLISHED
    reader.goto("/")
    _teasers(reader).get_by_role("link", name=HEADLINE).click()
    expect(reader.get_by_role("heading", level=1)).to_have_text(HEADLINE)
    story = reader.locator("article.story")
    expect(story.locator(".standfirst")).to_have_text(STANDFIRST)
    expect(story.locator(".text p")).to_have_text(
        ["The gangway was down at six.", "Nobody came ashore, nobody at all."]
    )
    expect(story.locator(".text strong")).to_have_text("nobody at all")
    expect(story.get_by_role("img", name="An empty ferry at the quay")).to_be_visible()
    expect(story.locator("figcaption")).to_contain_text("Port Selen, Tuesday at six. Photo: Pavel Orrin")
    expect(story.locator(".credit-line")).to_have_text("With reporting by the Coast News Agency.")
    expect(reader.get_by_role("region", name="Read more").locator("article")).not_to_have_count(0)

    story.get_by_role("link", name="Veresia").click()
    expect(_teasers(reader)).to_have_count(1)
    reader.go_back()
    story.locator("[rel=author]").click()
    expect(_teasers(reader)).to_have_count(1)
    reader.go_back()
    story.locator("[rel=tag]").click()
    expect(_teasers(reader)).to_have_count(1)


def test_worker_draws_the_sizes_of_an_uploaded_picture(staff: Page, photograph: Path) -> None:
    _upload(staff, photograph)
    staff.locator("#result_list").get_by_role("link", name="An empty ferry at the quay").last.click()
    drawn = staff.locator(".field-rendered_at .readonly")
    assert wait_for(lambda: (staff.reload(), drawn.inner_text() not in ("", "-"))[1], "the picture's sizes")


def test_withdrawn_article_says_so_at_its_address(staff: Page, reader: Page, complaints: list[str]) -> None:
    article = Article.objects.order_by("pk")[0]
    staff.goto(f"/admin/newsroom/article/{article.pk}/change/")
    staff.get_by_role("button", name="Withdraw").click()
    staff.get_by_label("Reason").fill("A source was in danger.")
    staff.get_by_label("Note to readers").fill("We took this text back.")
    staff.get_by_role("button", name="Withdraw").click()
    expect(staff.locator(".messagelist .success")).to_be_visible()

    response = reader.goto(article.get_absolute_url())

    assert response is not None
    assert response.status == 410
    expect(reader.locator("main")).to_contain_text("We took this text back.")
    expect(reader.locator("main")).not_to_contain_text(article.headline)
    assert len(complaints) == 1
    complaints.clear()
