"""What is no longer needed is deleted in time, and nothing else."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils.html import escape

from newsroom import registry
from newsroom.models import HistoryEntry, Suppression
from newsroom.suppressions import is_suppressed
from subscriptions import ledger, retention
from subscriptions.models import Erasure, Newsletter, RetentionPeriod, SignupRequest, Subscriber, Subscription
from subscriptions.policies import text_in_force
from subscriptions.readers import ledger_by_address
from tests.subscriptions.factories import NOW, make_newsletter, make_subscription

State = Subscription.State
OLD = NOW - timedelta(days=31)


@pytest.fixture
def people(newsletter: Newsletter) -> dict[str, Subscriber]:
    other = make_newsletter()
    people = {
        "forgotten": make_subscription(newsletter=newsletter, state=State.PENDING, at=OLD).subscriber,
        "young": make_subscription(newsletter=newsletter, state=State.PENDING, at=NOW - timedelta(days=29)).subscriber,
        "active": make_subscription(newsletter=newsletter, at=OLD).subscriber,
        "gone": make_subscription(newsletter=newsletter, state=State.UNSUBSCRIBED, at=OLD).subscriber,
        "asked again": make_subscription(newsletter=newsletter, state=State.PENDING, at=OLD).subscriber,
        "half": make_subscription(newsletter=newsletter, at=OLD).subscriber,
    }
    make_subscription(newsletter=newsletter, email=people["asked again"].email, state=State.PENDING, at=NOW)
    make_subscription(newsletter=other, email=people["half"].email, state=State.PENDING, at=OLD)
    SignupRequest.objects.create(
        email="stuck@example.org",
        newsletter=newsletter,
        policy_text=text_in_force("en", at=NOW),
        wording="Send me.",
        language="en",
        page="/",
        method="form",
        requested_at=OLD,
        not_before=OLD,
    )
    return people


def test_only_the_unconfirmed_are_deleted(people: dict[str, Subscriber]) -> None:
    retention.run(at=NOW)
    left = set(Subscriber.objects.values_list("pk", flat=True))
    assert {name for name, person in people.items() if person.pk not in left} == {"forgotten", "gone"}
    assert list(people["half"].subscriptions.values_list("state", flat=True)) == [State.ACTIVE]
    assert not SignupRequest.objects.exists()
    assert not list(ledger.faults())


def test_former_reader_leaves_a_hash_against_imports_and_a_proof(people: dict[str, Subscriber]) -> None:
    retention.run(at=NOW)
    gone = people["gone"]
    assert is_suppressed(gone.email, scope=Suppression.Scope.NEWSLETTERS, at=NOW)
    assert Erasure.objects.get().subject == gone.subject
    assert [row.action for row in ledger_by_address(gone.email)] == ["granted", "confirmed", "withdrawn"]


def test_former_reader_whom_another_package_needs_stays(people: dict[str, Subscriber]) -> None:
    others = registry.person_exported
    others["test"] = lambda address: {"gifts": ["one"] if address == people["gone"].email else []}
    try:
        retention.run(at=NOW)
    finally:
        del others["test"]
    assert Subscriber.objects.filter(pk=people["gone"].pk).exists()


def test_reader_who_left_one_of_two_newsletters_stays(people: dict[str, Subscriber]) -> None:
    half = people["half"].subscriptions.get(state=State.ACTIVE)
    make_subscription(newsletter=make_newsletter(), email=people["half"].email, state=State.UNSUBSCRIBED, at=OLD)
    retention.run(at=NOW)
    half.refresh_from_db()
    assert half.state == State.ACTIVE


def test_period_that_staff_set_is_kept(people: dict[str, Subscriber], staff_client: Client) -> None:
    period = RetentionPeriod.objects.get(kind="unconfirmed-subscribers")
    assert period.days == 30
    staff_client.post(f"/admin/subscriptions/retentionperiod/{period.pk}/change/", {"days": "60"})
    retention.run(at=NOW)
    assert Subscriber.objects.filter(pk=people["forgotten"].pk).exists()
    assert HistoryEntry.objects.get(action="retention.changed").after == {"days": 60}


def test_every_rule_has_a_period_and_a_reason_in_the_admin(staff_client: Client) -> None:
    page = staff_client.get("/admin/subscriptions/retentionperiod/").content.decode()
    for rule in registry.retention_rules:
        assert escape(str(rule.title)) in page
        assert escape(str(rule.reason)) in page
    assert set(RetentionPeriod.objects.values_list("kind", flat=True)) == {
        rule.kind for rule in registry.retention_rules
    }


def test_dry_run_says_the_same_and_deletes_nothing(people: dict[str, Subscriber]) -> None:
    before = (Subscriber.objects.count(), Subscription.objects.count(), SignupRequest.objects.count())
    out = StringIO()
    call_command("enforce_retention", "--dry-run", "--at", NOW.isoformat(), stdout=out)
    assert (Subscriber.objects.count(), Subscription.objects.count(), SignupRequest.objects.count()) == before
    call_command("enforce_retention", "--at", NOW.isoformat(), stdout=out)
    would, did = (part.splitlines() for part in out.getvalue().removeprefix("Would delete:\n").split("Deleted:\n"))
    assert would == did
    assert "unconfirmed-subscribers (30 days): 3" in did


def test_second_run_finds_nothing(people: dict[str, Subscriber]) -> None:
    retention.run(at=NOW)
    assert {line.count for line in retention.enforce_all(at=NOW)} == {0}


def test_address_of_the_deleted_stands_nowhere(people: dict[str, Subscriber]) -> None:
    retention.run(at=NOW)
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            sql = f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE ANY(%s)'  # noqa: S608 - the database's own names.
            cursor.execute(sql, [[f"%{people[name].email}%" for name in ("forgotten", "gone")]])
            assert cursor.fetchone() == (0,), table


@pytest.mark.parametrize(
    "change",
    [
        {"state": "active", "confirmed_at": None},
        {"state": "unsubscribed", "unsubscribed_at": None},
        {"state": "other"},
    ],
)
def test_state_without_its_time_is_refused_by_the_database(
    people: dict[str, Subscriber], change: dict[str, object]
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Subscription.objects.filter(subscriber=people["forgotten"]).update(**change)


@pytest.mark.parametrize("email", ["Lena@example.org", "lena", ""])
def test_address_out_of_its_normal_form_is_refused_by_the_database(db: None, email: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Subscriber.objects.create(email=email, created_at=datetime.now(UTC))
