"""What an issue may carry beside blurbs: whole articles, pictures, mirrors and the newsroom's appeal."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from donations.models import Appeal
from newsroom.models import Article
from subscriptions import rendering
from subscriptions.models import Issue, Mirror, Newsletter
from subscriptions.plain_text import plain_text
from tests.newsroom.factories import make_article, make_image
from tests.subscriptions.factories import NOW
from tests.subscriptions.issue_factories import make_issue

pytestmark = pytest.mark.django_db

BODY = (
    '<p>The <a href="/articles/bridge/">bridge</a> was open.</p><h2>Who paid</h2>'
    "<blockquote><p>Nobody asked.</p></blockquote><ul><li>one lamp</li><li>two lamps &amp; a wire</li></ul>"
)


def rendered(newsletter: Newsletter, *articles: Article, **fields: object) -> rendering.Rendered:
    newsletter.save()
    return rendering.render(make_issue(newsletter=newsletter, articles=list(articles), **fields), at=NOW)


def test_a_newsletter_may_carry_whole_articles(newsletter: Newsletter) -> None:
    newsletter.shows_full_text = True

    issue = rendered(newsletter, make_article(body=BODY))

    assert f'href="{settings.SITE_URL}/articles/bridge/"' in issue.mail_html
    assert "<blockquote" in issue.mail_html
    lines = issue.mail_text.splitlines()
    assert f"The bridge ({settings.SITE_URL}/articles/bridge/) was open." in lines
    assert lines.index("Who paid") < lines.index("> Nobody asked.") < lines.index("– two lamps & a wire")


def test_without_that_setting_only_the_blurb_leaves(newsletter: Newsletter) -> None:
    issue = rendered(newsletter, make_article(body=BODY, standfirst="A bridge, at last."))

    assert "A bridge, at last." in issue.mail_html
    assert "Who paid" not in issue.mail_html + issue.mail_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a<br>b</p>", "a\nb"),
        ("<ol start='3'><li>x<ul><li>y</li></ul></li><li>z</li></ol>", "3. x\n\n  – y\n\n4. z"),
        ("<p>one</p><hr><p>two</p>", "one\n\n* * *\n\ntwo"),
        ('<p><a href="https://a.example/">https://a.example/</a></p>', "https://a.example/"),
        ('<p>see <a href="/x/"><em>this</em></a>.</p>', "see this (https://me.example/x/)."),
        ("<p>Ёлка &lt;b&gt;</p>", "Ёлка <b>"),
        ("<p>a <strong>b</strong> c</p>", "a b c"),
        ("", ""),
    ],
)
def test_html_becomes_text_to_read(html: str, text: str) -> None:
    assert plain_text(html, base="https://me.example") == text


def test_pictures_have_their_words_and_the_text_names_them(newsletter: Newsletter) -> None:
    newsletter.shows_images = True
    article = make_article(lead_image=make_image(width=900, height=600, alt="A lamp over a river", credit="V. Ilyina"))

    issue = rendered(newsletter, article)

    (picture,) = re.findall(r"<img[^>]*>", issue.mail_html)
    assert 'alt="A lamp over a river"' in picture
    assert 'width="552"' in picture
    assert 'height="368"' in picture
    assert f'src="{settings.SITE_URL}/media/' in picture
    assert "V. Ilyina" in issue.mail_html
    assert "[Picture: A lamp over a river]" in issue.mail_text
    assert f">{article.headline}</a>" in issue.mail_html


def test_pictures_may_stand_in_webmail_and_nothing_else_may(client: Client, newsletter: Newsletter) -> None:
    name = "Cross-Origin-Resource-Policy"

    assert client.get("/media/images/a.jpg").headers[name] == "cross-origin"
    assert client.get("/newsletter/friday/").headers[name] == "same-origin"


def test_articles_lead_to_a_mirror_and_the_foot_names_all(newsletter: Newsletter) -> None:
    newsletter.names_mirrors = True
    Mirror.objects.create(address="https://second.example", position=2)
    Mirror.objects.create(address="https://first.example", position=1)
    Mirror.objects.create(address="https://old.example", is_active=False)
    article = make_article()

    issue = rendered(newsletter, article)

    path = article.get_absolute_url()
    assert f'<a href="https://first.example{path}"' in issue.mail_html
    assert f"On a mirror: https://first.example{path}" in issue.mail_text
    for part in (issue.mail_html, issue.mail_text):
        assert "https://second.example/newsletter/friday/issues/2026-11-20/" in part
        assert "old.example" not in part


def test_a_newsletter_that_names_no_mirror_betrays_none(newsletter: Newsletter) -> None:
    Mirror.objects.create(address="https://first.example")

    assert "first.example" not in rendered(newsletter, make_article()).mail_html


@pytest.fixture
def appeal() -> Appeal:
    return Appeal.objects.create(
        title="Keep us printing",
        message='<p>Paper <a href="/support/">costs</a>.</p>',
        starts_at=NOW - timedelta(days=3),
        ends_at=NOW + timedelta(days=3),
    )


def test_the_appeal_stands_in_the_issue_that_wants_it(newsletter: Newsletter, appeal: Appeal) -> None:
    issue = rendered(newsletter, make_article(), carries_appeal=True)

    assert "Keep us printing" in issue.mail_html
    assert issue.mail_html.count(f'href="{settings.SITE_URL}/support/"') == 2
    assert "KEEP US PRINTING" in issue.mail_text
    assert f"Paper ({settings.SITE_URL}" not in issue.mail_text
    assert f"costs ({settings.SITE_URL}/support/)." in issue.mail_text


@pytest.mark.parametrize("why", ["unwanted", "sensitive", "over", "other language"])
def test_the_appeal_is_left_out(newsletter: Newsletter, appeal: Appeal, why: str) -> None:
    article = make_article(is_sensitive=why == "sensitive")
    if why == "over":
        Appeal.objects.update(ends_at=NOW - timedelta(hours=5), starts_at=NOW - timedelta(days=9))
    if why == "other language":
        Appeal.objects.update(language="ru")

    issue = rendered(newsletter, article, carries_appeal=why != "unwanted")

    assert "Keep us printing" not in issue.mail_html


def test_everything_at_once_costs_the_same_few_queries(
    newsletter: Newsletter, django_assert_max_num_queries: object
) -> None:
    newsletter.shows_images = newsletter.shows_full_text = newsletter.names_mirrors = True
    newsletter.save()
    issue = make_issue(newsletter=newsletter, articles=[make_article(lead_image=make_image()) for _number in range(9)])
    fresh = Issue.objects.select_related("newsletter").get(pk=issue.pk)

    with django_assert_max_num_queries(7):  # type: ignore[operator]
        rendering.render(fresh, at=NOW)
