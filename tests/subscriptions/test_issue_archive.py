"""Issues on the web: the list, its feed, and whether search engines may have them."""

import xml.etree.ElementTree as ET
from datetime import date, timedelta

import pytest
from django.conf import settings
from django.test import Client

from subscriptions.models import Newsletter
from tests.subscriptions.factories import NOW
from tests.subscriptions.issue_factories import make_issue, make_sending_issue

pytestmark = pytest.mark.django_db
ATOM = "{http://www.w3.org/2005/Atom}"


def test_the_feed_carries_whole_issues_that_have_left(client: Client, newsletter: Newsletter) -> None:
    sent = make_sending_issue(newsletter=newsletter)
    make_issue(newsletter=newsletter, issue_date=date(2026, 11, 27), articles=[], subject="Not yet")

    response = client.get("/newsletter/friday/issues/feed.xml")

    assert response.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    feed = ET.fromstring(response.content)
    (entry,) = feed.findall(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}title") == "The week in seven stories"
    content = entry.findtext(f"{ATOM}content") or ""
    first = sent.picks.in_order().select_related("article")[0].article
    assert f'href="{settings.SITE_URL}{first.get_absolute_url()}"' in content
    assert "this is the letter." in content
    assert not response.cookies


def test_the_feed_asks_few_questions_and_ends(
    client: Client, newsletter: Newsletter, django_assert_max_num_queries: object
) -> None:
    for week in range(14):
        make_sending_issue(newsletter=newsletter, issue_date=date(2026, 8, 7) + timedelta(days=7 * week))

    with django_assert_max_num_queries(4):  # type: ignore[operator]
        feed = ET.fromstring(client.get("/newsletter/friday/issues/feed.xml").content)

    assert len(feed.findall(f"{ATOM}entry")) == 12


@pytest.mark.parametrize("is_indexed", [True, False])
def test_search_engines_have_the_issues_only_by_choice(
    client: Client, newsletter: Newsletter, is_indexed: bool
) -> None:
    newsletter.is_indexed = is_indexed
    newsletter.save()
    make_sending_issue(newsletter=newsletter)

    for page in ("issues/", "issues/2026-11-20/"):
        html = client.get(f"/newsletter/friday/{page}").content.decode()
        assert ('<meta name="robots" content="noindex">' in html) is not is_indexed
    assert ("X-Robots-Tag" in client.get("/newsletter/friday/issues/feed.xml").headers) is not is_indexed


def test_the_list_leads_to_each_issue_and_to_the_feed(client: Client, newsletter: Newsletter) -> None:
    make_sending_issue(newsletter=newsletter)

    html = client.get("/newsletter/friday/issues/").content.decode()

    assert '<a href="/newsletter/friday/issues/2026-11-20/">The week in seven stories</a>' in html
    assert 'type="application/atom+xml"' in html
    assert client.get("/newsletter/nobody/issues/feed.xml").status_code == 404


def test_an_issue_has_the_paper_s_own_look_and_none_of_the_mail_s(client: Client, newsletter: Newsletter) -> None:
    issue = make_sending_issue(newsletter=newsletter, at=NOW)

    html = client.get(issue.get_absolute_url()).content.decode()

    assert "style=" not in html
    assert "<table" not in html
    assert "/newsletter/unsubscribe/" not in html
    assert "newsroom.css" in html
