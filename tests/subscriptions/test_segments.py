"""Segments: who is in one by what they said and did here, and an issue that goes to one."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from newsroom.models import HistoryEntry
from subscriptions import issues, segments
from subscriptions.models import Delivery, Issue, Newsletter, Segment, Subscriber, Subscription
from tests.donations.factories import make_donor
from tests.subscriptions.factories import NOW, make_newsletter, make_subscription
from tests.subscriptions.issue_factories import make_issue


@pytest.fixture
def people(newsletter: Newsletter) -> dict[str, Subscription]:
    people = {
        name: make_subscription(newsletter=newsletter, email=f"{name}@example.org", at=at)
        for name, at in (
            ("donor", NOW - timedelta(days=9)), ("early", NOW - timedelta(days=300)), ("russian", NOW), ("plain", NOW),
        )
    }  # fmt: skip
    Subscriber.objects.filter(email="russian@example.org").update(language="ru")
    make_donor(email="donor@example.org")
    make_donor(email="somebody@example.org")
    people["elsewhere"] = make_subscription(newsletter=make_newsletter(slug="other"), email="plain@example.org")
    return people


def test_conditions_and_their_count(people: dict[str, Subscription], newsletter: Newsletter) -> None:
    def names(**conditions: Any) -> set[str]:
        segment = Segment(name="A part", **conditions)
        found = set(segments.members(segment).values_list("pk", flat=True))
        assert segments.count(segment, at=NOW) == len(found)
        return {name for name, one in people.items() if one.pk in found}

    assert names() == set(people)
    assert names(newsletter=newsletter) == set(people) - {"elsewhere"}
    assert names(language="ru") == {"russian"}
    assert names(donors="only") == {"donor"}
    assert names(donors="without", newsletter=newsletter) == {"early", "russian", "plain"}
    assert names(signed_up_from=NOW.date() - timedelta(days=9), signed_up_until=NOW.date() - timedelta(days=1)) == {
        "donor"
    }
    assert names(signed_up_until=NOW.date(), language="ru") == {"russian"}
    assert names(source="form") == set(people)
    assert names(source="import") == set()


def test_issue_goes_to_its_segment_in_one_statement(
    people: dict[str, Subscription], newsletter: Newsletter, staff_client: Client
) -> None:
    make_subscription(newsletter=newsletter, email="left@example.org", state=Subscription.State.UNSUBSCRIBED)
    staff_client.post(
        "/admin/subscriptions/segment/add/", {"name": "In peace: 100 % others", "donors": "without", "source": "form"}
    )
    segment = Segment.objects.get()
    assert HistoryEntry.objects.get(action="segment.saved").object_pk == str(segment.pk)
    assert "4" in staff_client.get(f"/admin/subscriptions/segment/{segment.pk}/change/").content.decode()

    issue = make_issue(newsletter=newsletter)
    desk = f"/admin/subscriptions/issue/{issue.pk}"
    assert "In peace" in staff_client.get(f"{desk}/change/").content.decode()
    words = {"subject": issue.subject, "preheader": issue.preheader, "letter": issue.letter}
    for sent in ("nonsense", str(segment.pk)):
        version = Issue.objects.get().version
        staff_client.post(f"{desk}/save/", {**words, "version": version, "segment": sent})
    issue = Issue.objects.get()
    assert issue.segment == segment
    assert "It goes only to the segment “In peace: 100 % others”: 3 readers." in (
        staff_client.get(f"{desk}/change/").content.decode()
    )

    issues.approve(issue, by=None, at=NOW)
    with CaptureQueriesContext(connection) as queries:
        issues.start(issue, by=None, at=NOW)
    assert len([one for one in queries if "subscriptions_delivery" in one["sql"] and "INSERT" in one["sql"]]) == 1
    reached = set(Delivery.objects.values_list("subscription__subscriber__email", flat=True))
    assert reached == {"early@example.org", "russian@example.org", "plain@example.org"}
    assert (issue.candidates, issue.prepared) == (5, 3)
    assert issue.exclusions == {"segment": 1, "unsubscribed": 1}
    assert staff_client.post(f"/admin/subscriptions/segment/{segment.pk}/delete/", {"post": "yes"}).status_code == 403


def test_segment_without_a_reader_keeps_the_issue_from_leaving(newsletter: Newsletter) -> None:
    segment = Segment.objects.create(name="Nobody", language="ru")
    with pytest.raises(issues.NotReady):
        issues.approve(make_issue(newsletter=newsletter, segment=segment), by=None, at=NOW)
