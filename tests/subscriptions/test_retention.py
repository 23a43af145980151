"""What nobody confirmed is deleted after 30 days, and nothing else."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from subscriptions import ledger, retention
from subscriptions.models import Newsletter, SignupRequest, Subscriber, Subscription
from subscriptions.policies import text_in_force
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
    report = retention.delete_unconfirmed(at=NOW)
    assert (report.signup_requests, report.subscriptions, report.subscribers) == (1, 2, 1)
    left = set(Subscriber.objects.values_list("pk", flat=True))
    assert {name for name, person in people.items() if person.pk not in left} == {"forgotten"}
    assert list(people["half"].subscriptions.values_list("state", flat=True)) == [State.ACTIVE]
    assert not list(ledger.faults())


def test_dry_run_says_the_same_and_deletes_nothing(people: dict[str, Subscriber]) -> None:
    before = (Subscriber.objects.count(), Subscription.objects.count(), SignupRequest.objects.count())
    out = StringIO()
    call_command("delete_unconfirmed", "--dry-run", "--at", NOW.isoformat(), stdout=out)
    assert (Subscriber.objects.count(), Subscription.objects.count(), SignupRequest.objects.count()) == before
    call_command("delete_unconfirmed", "--at", NOW.isoformat(), stdout=out)
    said = out.getvalue().splitlines()
    assert said[0].removeprefix("Would delete") == said[1].removeprefix("Deleted")


def test_second_run_finds_nothing(people: dict[str, Subscriber]) -> None:
    retention.delete_unconfirmed(at=NOW)
    assert retention.delete_unconfirmed(at=NOW) == retention.Report()


def test_address_of_the_deleted_stands_nowhere(people: dict[str, Subscriber]) -> None:
    retention.delete_unconfirmed(at=NOW)
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith("subscriptions_"):
                sql = f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s'  # noqa: S608 - the database's own names.
                cursor.execute(sql, [f"%{people['forgotten'].email}%"])
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
