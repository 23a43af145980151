"""The answer to a sign-up, and the work behind it, tell nothing of what is known of an address."""

from datetime import UTC, datetime

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from newsroom.addresses import address_hash
from newsroom.models import HistoryEntry, OutgoingMail, Suppression
from newsroom.suppressions import suppress
from subscriptions.models import Consent, Newsletter, SignupRequest, Subscriber, Subscription
from tests.subscriptions.factories import make_subscription
from tests.subscriptions.sign_ups import SignUp, fields


def _know(address: str, how: str, newsletter: Newsletter) -> None:
    if how in Subscription.State.values:
        make_subscription(newsletter=newsletter, email=address, state=Subscription.State(how))
    elif how in Suppression.Reason.values:
        suppress(address, reason=Suppression.Reason(how), scope=Suppression.Scope.EVERYTHING, at=datetime.now(UTC))


KNOWN_AS = ["nobody", *Subscription.State.values, *Suppression.Reason.values]


@pytest.mark.parametrize("how", KNOWN_AS)
def test_request_does_the_same_work_whatever_is_known_of_the_address(
    newsletter: Newsletter, client: Client, how: str
) -> None:
    """Compare statements and rows, not the clock: the request does one INSERT, and nothing that asks who it is."""
    _know("known@example.org", how, newsletter)
    tables = (Subscriber, Subscription, Consent, OutgoingMail, HistoryEntry)
    before = [table.objects.count() for table in tables]
    with time_machine.travel(datetime.now(UTC), tick=False):
        with CaptureQueriesContext(connection) as stranger:
            answer = client.post("/newsletter/friday/sign-up/", fields(newsletter, email="stranger@example.org"))
        with CaptureQueriesContext(connection) as known:
            same_answer = client.post("/newsletter/friday/sign-up/", fields(newsletter, email="known@example.org"))

    def shapes(queries: CaptureQueriesContext) -> list[str]:
        return [
            query["sql"].split(" VALUES ")[0] for query in queries.captured_queries if "SAVEPOINT" not in query["sql"]
        ]

    assert shapes(known) == shapes(stranger)
    assert sum(sql.startswith("INSERT") for sql in shapes(known)) == 1
    assert (same_answer.status_code, same_answer.headers.items()) == (answer.status_code, answer.headers.items())
    assert same_answer.content == answer.content
    assert same_answer.cookies == answer.cookies == {}
    # Not one mail more or less is queued by the request, whoever it is.
    assert [table.objects.count() for table in tables] == before
    assert SignupRequest.objects.count() == 2


@pytest.mark.parametrize(
    ("how", "template"),
    [
        ("nobody", "confirm_subscription"),
        ("pending", "confirm_subscription"),
        ("unsubscribed", "confirm_subscription"),
        ("suppressed", "confirm_subscription"),
        ("active", "already_subscribed"),
        # The person's own sign-up ends these two.
        ("erased", "confirm_subscription"),
        ("bounced", None),
        ("complained", None),
    ],
)
def test_task_decides_what_is_mailed(newsletter: Newsletter, sign_up: SignUp, how: str, template: str | None) -> None:
    _know("known@example.org", how, newsletter)
    sign_up(newsletter, email="known@example.org")
    assert list(OutgoingMail.objects.values_list("template", flat=True)) == ([template] if template else [])
    assert not SignupRequest.objects.exists()


def test_sign_up_does_not_change_a_running_or_ended_subscription(newsletter: Newsletter, sign_up: SignUp) -> None:
    active = make_subscription(newsletter=newsletter)
    ended = make_subscription(newsletter=newsletter, state=Subscription.State.UNSUBSCRIBED)
    sign_up(newsletter, email=active.subscriber.email)
    sign_up(newsletter, email=ended.subscriber.email)
    active.refresh_from_db()
    ended.refresh_from_db()
    assert (active.state, ended.state) == (Subscription.State.ACTIVE, Subscription.State.UNSUBSCRIBED)


def test_suppression_hash_is_all_that_is_kept_of_a_bounced_address(newsletter: Newsletter, sign_up: SignUp) -> None:
    _know("known@example.org", "bounced", newsletter)
    sign_up(newsletter, email="known@example.org")
    assert Suppression.objects.get().address_hash == address_hash("known@example.org")
    assert not Subscriber.objects.exists()
