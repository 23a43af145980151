"""What is looked at before an issue goes out: words, links, pictures, places, size."""

import pytest

from newsroom.models import Article, FormerAddress, Image
from subscriptions.checklist import checklist
from subscriptions.links import broken_links
from subscriptions.models import Issue, Newsletter
from tests.newsroom.factories import make_article, make_image, make_page, make_section
from tests.subscriptions.factories import NOW
from tests.subscriptions.issue_factories import make_issue

pytestmark = pytest.mark.django_db

SITE = "http://localhost:8000"


@pytest.fixture(autouse=True)
def _site(settings: object) -> None:
    settings.SITE_URL = SITE  # type: ignore[attr-defined]


def said(issue: Issue) -> list[str]:
    return [finding.text for finding in checklist(issue, at=NOW)]


def test_a_complete_issue_has_no_broken_link(newsletter: Newsletter) -> None:
    newsletter.shows_full_text = newsletter.shows_images = newsletter.names_mirrors = True
    newsletter.save()
    articles = [make_article(lead_image=make_image()) for _number in range(3)]

    assert not [text for text in said(make_issue(newsletter=newsletter, articles=articles)) if "place" not in text]


def test_links_of_the_site_are_looked_up() -> None:
    there, gone = make_article(slug="there"), make_article(slug="gone", status=Article.Status.WITHDRAWN)
    draft = make_article(slug="draft", status=Article.Status.DRAFT)
    make_page(slug="about")
    section = make_section(slug="news")
    FormerAddress.objects.create(path="/articles/old-name/", article=there)
    good = ["/", "/articles/there/", "/articles/old-name/", "/about/", section.get_absolute_url(), "/search/?q=lamp"]
    bad = [f"/articles/{gone.slug}/", f"/articles/{draft.slug}/", "/articles/never/", "/nobody/", "/a/b/c/"]
    html = "".join(f'<a href="{SITE}{path}">x</a>' for path in [*good, *bad])

    assert broken_links(html=html, typed="", at=NOW) == [f"{SITE}{path}" for path in bad]


@pytest.mark.parametrize(
    ("address", "is_broken"),
    [
        ("https://example.org/a?b=1&amp;c=2", False),
        ("https://пример.испытание/путь", False),
        ("http://expyuzz4wqqyqhjn.onion/", False),
        ("mailto:desk@meridian.example", False),
        ("tel:+3712345678", False),
        ("http://nowhere", True),
        ("https://", True),
        ("https:/example.org", True),
        ("mailto:nobody", True),
        ("ftp://example.org/", True),
        ("articles/relative/", True),
    ],
)
def test_links_to_others_are_read_for_their_form(address: str, is_broken: bool) -> None:
    assert bool(broken_links(html=f'<a href="{address}">x</a>', typed="", at=NOW)) is is_broken


def test_an_address_typed_wrong_is_found_in_the_letter(newsletter: Newsletter) -> None:
    issue = make_issue(newsletter=newsletter, letter="Read https:/example.org/a (or https://example.org/b).")

    assert [text for text in said(issue) if "nowhere" in text] == ["This link leads nowhere: https:/example.org/a"]


def test_links_are_looked_up_in_a_few_queries(django_assert_max_num_queries: object) -> None:
    html = "".join(f'<a href="{SITE}/articles/a-{n}/"></a><a href="{SITE}/tags/t-{n}/"></a>' for n in range(40))

    with django_assert_max_num_queries(3):  # type: ignore[operator]
        assert len(broken_links(html=html, typed="", at=NOW)) == 80


def test_a_picture_without_words_is_named(newsletter: Newsletter) -> None:
    newsletter.shows_images = True
    newsletter.save()
    article = make_article(headline="The lamp", lead_image=make_image())
    Image.objects.update(alt="")

    assert "The picture of “The lamp” has no description for those who cannot see it." in said(
        make_issue(newsletter=newsletter, articles=[article])
    )


def test_a_mail_that_gmail_cuts_is_named(newsletter: Newsletter) -> None:
    newsletter.shows_full_text = True
    newsletter.save()
    article = make_article(body="<p>" + "many words " * 10_000 + "</p>")
    almost = make_article(body="<p>" + "many words " * 8_300 + "</p>")

    assert any("larger than 102 KB" in text for text in said(make_issue(newsletter=newsletter, articles=[article])))
    Issue.objects.all().delete()
    assert any("almost as large" in text for text in said(make_issue(newsletter=newsletter, articles=[almost])))


def test_an_issue_of_headlines_alone_and_its_empty_places_are_named(newsletter: Newsletter) -> None:
    article = make_article(standfirst="")

    found = said(make_issue(newsletter=newsletter, articles=[article], letter="", preheader="", subject="x" * 80))

    for words in ("no letter and no blurb", "has no blurb", "places for “News” are empty", "preheader is empty"):
        assert any(words in text for text in found), words
    assert "The subject is long: phones show about 40 characters of it." in found


def test_an_appeal_that_will_not_show_is_named(newsletter: Newsletter) -> None:
    assert any("appeal is left out" in text for text in said(make_issue(newsletter=newsletter, carries_appeal=True)))


def test_obstacles_stand_first(newsletter: Newsletter) -> None:
    issue = make_issue(newsletter=newsletter, subject="", preheader="")
    Article.objects.filter(picks__issue=issue).update(status=Article.Status.WITHDRAWN, withdrawn_at=NOW)

    kinds = [finding.is_obstacle for finding in checklist(issue, at=NOW)]

    assert kinds.count(True) == 4
    assert kinds == sorted(kinds, reverse=True)
