"""The demo's texts, people and pictures are complete, believable and name nobody's real address."""

import re
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from newsroom.importing.posts import slug_of
from sandbox.demo import people, pictures, reading

NOW = datetime(2026, 3, 31, 9, 0, tzinfo=UTC)
RESERVED = re.compile(r"(^|\.)example(\.(org|net|com))?$")


@pytest.fixture(scope="module")
def content() -> reading.Content:
    return reading.read_content()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with the demo's content that a test may damage."""
    return shutil.copytree(reading.CONTENT, tmp_path / "content")


def words(html: str) -> list[str]:
    return re.sub(r"<[^>]+>", " ", html).split()


def test_there_are_fourteen_articles_of_every_kind(content):
    kinds = {section.slug: section.kind for section in content.sections}
    assert len(content.articles) == 14
    assert {kinds[article.section] for article in content.articles} == {"news", "feature", "analysis", "opinion"}
    assert len({article.slug for article in content.articles}) == 14
    assert sum(article.is_sensitive for article in content.articles) == 1
    tags = {(article.language, tag) for article in content.articles for tag in article.tags}
    slugs = {(language, slug_of(tag)) for language, tag in tags}
    assert len({(language, slug) for language, slug in slugs if slug}) == len(tags)


def test_articles_are_of_a_readable_length(content):
    for article in content.articles:
        assert 450 <= len(words(article.body)) <= 1000, article.slug
        assert 60 <= len(article.standfirst) <= 200, article.slug
        assert len(article.headline) <= 110, article.slug


def test_articles_lie_within_the_last_four_weeks(content):
    for article in content.articles:
        at = article.published_at(now=NOW, zone=content.outlet.zone)
        assert NOW - timedelta(days=28) <= at < NOW, article.slug


def test_publication_time_is_the_outlets_own_time(content):
    article = next(article for article in content.articles if article.slug == "port-selen-dockers-strike")
    # Vilnius has changed its clocks two days earlier, so 07:10 there is 04:10 in UTC.
    assert article.published_at(now=NOW, zone=content.outlet.zone).astimezone(UTC) == datetime(
        2026, 3, 29, 4, 10, tzinfo=UTC
    )


def test_each_article_has_its_own_picture_with_words_to_it(content):
    images = [article.lead_image for article in content.articles]
    assert sorted(image.name for image in images) == sorted(pictures.SCENES)
    for image in images:
        assert image.caption and image.alt and image.credit


def test_each_author_has_a_portrait_and_an_article(content):
    assert sorted(author.portrait for author in content.authors) == sorted(pictures.LOOKS)
    assert {author for article in content.articles for author in article.authors} == {a.slug for a in content.authors}
    assert [author.slug for author in content.authors if author.is_pseudonymous] == ["m-alder"]


def test_translations_are_russian_and_point_to_english_originals(content):
    originals = {article.slug: article for article in content.articles}
    translations = [article for article in content.articles if article.translation_of]
    assert len(translations) == 2
    for article in translations:
        assert article.language == "ru"
        assert originals[article.translation_of].language == "en"
        # Whoever loads the articles in this order finds the original already there.
        assert content.articles.index(originals[article.translation_of]) < content.articles.index(article)


def test_appeals_and_policy_exist_in_both_languages(content):
    assert {appeal.language for appeal in content.appeals} == {"en", "ru"}
    assert {policy.language for policy in content.policies} == {"en", "ru"}
    for policy in content.policies:
        assert policy.version == content.outlet.policy_version == "2026-09"
        assert "{{" not in policy.body
        assert content.outlet.policy_parts["controller"] in policy.body


def test_past_issues_pick_articles_that_were_out_and_not_sent_before(content):
    articles = {article.slug: article for article in content.articles}
    newsletter, russian = content.newsletters
    assert (newsletter.language, russian.language, russian.issues) == ("en", "ru", ())
    assert newsletter.quotas == {"news": 4, "feature": 2, "analysis": 2}
    picked = [pick.article for issue in newsletter.issues for pick in issue.picks]
    assert len(picked) == len(set(picked))
    for shift in range(7):
        now = NOW + timedelta(days=shift)
        for issue in newsletter.issues:
            day = issue.issue_date(today=now.astimezone(content.outlet.zone).date())
            assert day.weekday() == 4
            for pick in issue.picks:
                out = articles[pick.article].published_at(now=now, zone=content.outlet.zone).date()
                assert out <= day, f"{pick.article} on day {shift}"


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2026, 11, 26), date(2026, 11, 20)),
        (date(2026, 11, 27), date(2026, 11, 20)),
        (date(2026, 11, 28), date(2026, 11, 27)),
    ],
)
def test_the_last_issue_went_out_on_the_last_past_friday(content, today, expected):
    latest = content.newsletters[0].issues[0]
    assert latest.fridays_ago == 1
    assert latest.issue_date(today=today) == expected


def test_no_address_outside_the_reserved_domains():
    for path in reading.CONTENT.rglob("*.*"):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text, path.name
        assert "www." not in text, path.name
        for host in re.findall(r"@([\w.-]+\w)", text):
            assert RESERVED.search(host), f"{host} in {path.name}"


def test_links_between_texts_become_addresses():
    html = '<p><a href="article:a-b">x</a> <a href="page:c">y</a></p>'
    assert reading.with_addresses(html, lambda kind, slug: f"/{kind}/{slug}/") == (
        '<p><a href="/article/a-b/">x</a> <a href="/page/c/">y</a></p>'
    )


@pytest.mark.parametrize(
    "html",
    ["<script>x</script>", '<p onclick="x">y</p>', "<p><strong>x</p></strong>", "<p>x", "loose words", '<img src="x">'],
)
def test_markup_outside_the_allow_list_is_refused(html):
    with pytest.raises(reading.ContentError):
        reading.check_markup(html)


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        (
            "articles/a-correction-is-a-promise.md",
            'authors = ["mira-tolland"]',
            'authors = ["nobody"]',
            "no author “nobody”",
        ),
        ("articles/a-correction-is-a-promise.md", 'section = "opinion"', 'section = "sport"', "no section “sport”"),
        ("articles/a-correction-is-a-promise.md", 'headline = "A correction is a promise"', "", "lacks headline"),
        ("articles/a-correction-is-a-promise.md", 'time = "06:30"', 'time = "half six"', "needs days_ago and a time"),
        ("articles/a-correction-is-a-promise.md", 'slug = "a-correction', 'slug = "another', "named for its slug"),
        (
            "articles/the-village-that-listens.md",
            "article:providers-told",
            "article:nobody-told",
            "no article “nobody-told",
        ),
        ("authors.toml", 'role = "Editor-in-chief"', 'rank = "Editor-in-chief"', "lacks role"),
        ("sections.toml", 'kind = "opinion"', 'kind = "gossip"', "“gossip” is not a kind"),
        ("newsletters.toml", 'article = "a-week-counted-in-onions"', 'article = "gone"', "no article “gone”"),
        ("outlet.toml", "hosting_provider =", "host =", "no policy part “hosting_provider”"),
    ],
)
def test_a_damaged_file_is_named_with_its_fault(copy, file, old, new, complaint):
    path = copy / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(reading.ContentError, match=re.escape(complaint)):
        reading.read_content(copy)


def test_readers_are_two_hundred_and_the_same_on_each_run():
    found = people.readers(now=NOW)
    assert found == people.readers(now=NOW)
    assert len(found) == len({reader.email for reader in found}) == 200
    assert {reader.language for reader in found} == {"en", "ru"}
    assert {reader.state for reader in found} == {"active", "pending", "unsubscribed"}
    for reader in found:
        assert RESERVED.search(reader.email.partition("@")[2])
        assert NOW - timedelta(days=184) <= reader.signed_up_at < NOW
        assert (reader.confirmed_at is None) == (reader.state == "pending")
        assert (reader.unsubscribed_at is not None) == (reader.state == "unsubscribed")
        # An unconfirmed address older than thirty days would be deleted by the product itself.
        assert reader.state != "pending" or NOW - reader.signed_up_at < timedelta(days=30)


@pytest.mark.parametrize(
    "now", [NOW, datetime(2026, 11, 23, 6, 0, tzinfo=UTC), datetime(2028, 2, 29, 23, 59, tzinfo=UTC)]
)
def test_givers_have_a_believable_history(now):
    found = people.givers(now=now)
    gifts = [gift for giver in found for gift in giver.gifts]
    subscribed = {reader.email for reader in people.readers(now=now)}
    assert len({giver.email for giver in found}) == 25
    assert sum(giver.email in subscribed for giver in found) == 19
    assert {gift.frequency for gift in gifts} == {"once", "monthly", "annual"}
    assert {gift.currency for gift in gifts} == {"USD", "EUR", "GBP"}
    for gift in gifts:
        times = [payment.paid_at for payment in gift.payments]
        assert times == sorted(set(times))
        assert times[0] == gift.started_at
        assert times[-1] < (gift.cancelled_at or now) or times == [gift.started_at]
        assert gift.amount >= 200
        assert gift.frequency == "monthly" or len(times) == 1


@pytest.mark.parametrize("name", ["river-bridge", "portrait-alder"])
def test_a_picture_is_the_same_each_time(name):
    first, second = pictures.paint(name), pictures.paint(name)
    assert first.size == (pictures.LEAD_SIZE if name in pictures.SCENES else (800, 800))
    assert first.tobytes() == second.tobytes()


def test_a_picture_is_written_as_a_jpeg_file(tmp_path):
    pictures.render("portrait-kesh", tmp_path / "kesh.jpg")
    assert (tmp_path / "kesh.jpg").read_bytes()[:3] == b"\xff\xd8\xff"


def test_an_unknown_picture_is_refused_with_the_names_there_are(tmp_path):
    with pytest.raises(pictures.UnknownPicture, match="archive-shelves"):
        pictures.render("nothing", tmp_path / "nothing.jpg")
