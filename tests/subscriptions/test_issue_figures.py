"""How an issue gets on: counts by state and reason while it leaves, and what is known afterwards."""

from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsroom.models import Suppression
from newsroom.suppressions import suppress
from subscriptions import claims, consent, figures, issues, sending
from subscriptions.models import Consent, Delivery, Issue, MailEvent, Newsletter, ReasonTally, Subscription
from tests.mailbox import Mailbox
from tests.subscriptions.desk import desk_url
from tests.subscriptions.factories import NOW, make_subscription
from tests.subscriptions.issue_factories import make_sending_issue

pytestmark = pytest.mark.django_db


def counted(issue: Issue) -> dict[tuple[str, str], int]:
    return {(one.state, one.name): one.count for one in figures.reasons(issue)}


def event(delivery: Delivery, kind: str, number: int = 0) -> MailEvent:
    return MailEvent.objects.create(
        source="test", event_id=f"{delivery.pk}-{kind}-{number}", kind=kind, delivery=delivery, happened_at=NOW,
        received_at=NOW,
    )  # fmt: skip


def test_everybody_who_got_nothing_is_counted_by_reason(
    staff_client: Client, newsletter: Newsletter, smtp: Mailbox
) -> None:
    make_subscription(newsletter=newsletter)
    make_subscription(newsletter=newsletter, state=Subscription.State.PENDING)
    leaving, bounced, erased = (make_subscription(newsletter=newsletter) for _number in range(3))
    issue = make_sending_issue(newsletter=newsletter)
    consent.withdraw(leaving, page="/", method=Consent.Method.ONE_CLICK, at=NOW)
    suppress(bounced.subscriber.email, reason=Suppression.Reason.BOUNCED, scope=Suppression.Scope.EVERYTHING, at=NOW)
    Delivery.objects.filter(subscription=erased).update(subscription=None)
    smtp.answer_next("550 5.1.1 unknown")

    sending.send_issue(issue.pk)

    issue.refresh_from_db()
    assert counted(issue) == {
        ("", "unconfirmed"): 1,
        ("refused", "refused"): 1,
        ("skipped", "erased"): 1,
        ("skipped", "suppressed"): 1,
        ("skipped", "unsubscribed"): 1,
    }
    page = staff_client.get(desk_url(issue)).content.decode()
    for words in ("has still to confirm", "bounced or complained, not written to", "left out from the start"):
        assert words in page


def test_a_cancelled_issue_counts_in_one_row(newsletter: Newsletter) -> None:
    for _number in range(5):
        make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)

    issues.cancel(issue, by=None, at=NOW, reason="a wrong name")

    assert counted(issue) == {("skipped", "cancelled"): 5}
    assert ReasonTally.objects.count() == 1


@given(steps=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(Delivery.State.values)), max_size=14))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_sums_are_the_rows_whatever_happens(newsletter: Newsletter, steps: list[tuple[int, str]]) -> None:
    Delivery.objects.all().delete()
    ReasonTally.objects.all().delete()
    issue = Issue.objects.first() or make_sending_issue(newsletter=newsletter)
    rows = [Delivery.objects.create(issue=issue) for _number in range(4)]
    for which, state in steps:
        is_over = state not in ("pending", "claimed")
        Delivery.objects.filter(pk=rows[which].pk).update(
            state=state,
            reason="refused" if is_over and state != "accepted" else "",
            claim_id=uuid4() if state == "claimed" else None,
            claim_expires_at=NOW if state == "claimed" else None,
            outcome_at=NOW if is_over else None,
        )

    lost = Delivery.objects.filter(state__in=["refused", "unknown", "skipped"]).values_list("state", flat=True)
    assert counted(issue) == {(state, "refused"): count for state, count in Counter(lost).items()}


def test_events_are_counted_once_for_each_delivery(newsletter: Newsletter) -> None:
    for _number in range(3):
        make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)
    first, second, _third = Delivery.objects.order_by("pk")

    for delivery in (first, second):
        event(delivery, "delivered")
    event(first, "delivered", 2)
    event(second, "complained")
    MailEvent.objects.bulk_create(
        MailEvent(source="b", event_id=f"{n}", kind="bounced", delivery=first, happened_at=NOW, received_at=NOW)
        for n in range(3)
    )
    MailEvent.objects.create(source="x", event_id="1", kind="bounced", happened_at=NOW, received_at=NOW)

    after = figures.aftermath(issue)
    assert (after.delivered, after.bounced, after.complained, after.unsubscribed) == (2, 1, 1, 0)


def test_leaving_counts_for_the_issue_before_it_and_survives_an_erasure(
    newsletter: Newsletter, staff_client: Client
) -> None:
    early, late, other = (make_subscription(newsletter=newsletter) for _number in range(3))
    first = make_sending_issue(newsletter=newsletter)
    week = NOW + timedelta(days=7)
    consent.withdraw(early, page="/", method=Consent.Method.ONE_CLICK, at=NOW + timedelta(days=1))
    consent.withdraw(other, page="/", method=Consent.Method.STAFF, reason="asked", at=NOW + timedelta(days=1))
    second = make_sending_issue(newsletter=newsletter, issue_date=first.issue_date + timedelta(days=7), at=week)
    consent.withdraw(late, page="/", method=Consent.Method.UNSUBSCRIBE_PAGE, at=week + timedelta(hours=1))
    Delivery.objects.update(subscription=None)
    early.delete()

    assert figures.aftermath(first).unsubscribed == 1
    assert figures.aftermath(second).unsubscribed == 1


def test_the_page_reads_no_delivery_and_no_event(staff_client: Client, newsletter: Newsletter) -> None:
    for _number in range(20):
        make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)

    for part in ("change", "progress"):
        with CaptureQueriesContext(connection) as queries:
            assert staff_client.get(desk_url(issue, part)).status_code == 200
        asked = [query["sql"] for query in queries]
        assert not [sql for sql in asked if 'FROM "subscriptions_delivery"' in sql], part
        assert not [sql for sql in asked if '"subscriptions_mailevent"' in sql], part
        assert not [sql for sql in asked if 'FROM "subscriptions_subscription"' in sql], part
    assert len(asked) <= 12


def test_the_sums_are_found_by_their_indexes(newsletter: Newsletter) -> None:
    issue = make_sending_issue(newsletter=newsletter)

    with connection.cursor() as cursor, CaptureQueriesContext(connection) as queries:
        claims.progress(issue, at=NOW)
        figures.reasons(issue)
        figures.aftermath(issue)
        cursor.execute("SET LOCAL enable_seqscan = off")
        for query in [one["sql"] for one in queries if one["sql"].startswith("SELECT")]:
            cursor.execute(f"EXPLAIN {query}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Seq Scan" not in plan, plan


def test_the_progress_part_is_for_an_issue_on_its_way(
    staff_client: Client, newsletter: Newsletter, smtp: Mailbox
) -> None:
    make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)

    part = staff_client.get(desk_url(issue, "progress")).content.decode()
    assert 'data-state="sending"' in part
    assert "<html" not in part
    issues.pause(issue, by=None, at=NOW, reason="wait")
    assert 'data-state="sending paused"' in staff_client.get(desk_url(issue, "progress")).content.decode()


def test_a_draft_has_no_progress(staff_client: Client, newsletter: Newsletter) -> None:
    issue = Issue.objects.create(newsletter=newsletter, issue_date=NOW.date(), send_at=NOW, created_at=NOW)

    assert staff_client.get(desk_url(issue, "progress")).status_code == 404
