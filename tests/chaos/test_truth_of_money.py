"""Random histories of gifts, whose webhooks come twice, in any order or not at all: the books equal Stripe's.

The histories of one run share the database and the sandbox, and nothing is emptied between them: what is compared at
the end of each is everything so far. The queue is worked off in this process; `test_money_survives.py` has processes.
"""

import os
import random
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from donations.models import Payment, StripeEvent
from donations.reconcile import reconcile
from newsroom.models import OutgoingMail
from tests.chaos.history import History, deeds, ours, theirs
from tests.donations.conftest import _stripe_process, amounts, reader, stripe_sandbox  # noqa: F401 - fixtures.
from tests.donations.reader import Delivery, Reader

pytestmark = [pytest.mark.django_db, pytest.mark.chaos]

HISTORIES = int(os.environ.get("CHAOS_SHORT_HISTORIES", "6"))

steps = st.one_of(
    deeds,
    deeds,
    deeds,
    st.tuples(st.just("deliver"), st.sampled_from(["all", "twice", "shuffled", "half", "none"]), st.integers(0, 999)),
)


class Told(History):
    """A history whose webhooks the test hands over itself."""

    def __init__(self, who: Reader) -> None:
        super().__init__(who)
        self.reader = who
        self.said: list[Delivery] = []

    def _deliver(self, how: str, seed: int) -> None:
        deliveries = self.sandbox.deliveries()
        self.said += deliveries
        chance = random.Random(seed)
        row = deliveries * (2 if how in ("twice", "shuffled") else 1)
        if how in ("shuffled", "half"):
            chance.shuffle(row)
        if how == "half":
            row = row[: len(row) // 2]
        if how == "none":
            row = []
        for delivery in row:
            assert self.reader.deliver(delivery).status_code == 200
        self.reader.work()


@settings(
    max_examples=HISTORIES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(steps, min_size=4, max_size=14))
def test_the_books_equal_stripes_to_the_cent_and_to_the_state(
    reader: Reader,  # noqa: F811 - the fixture.
    history: list[tuple[Any, ...]],
) -> None:
    life = Told(reader)
    for step in history:
        life.live(step)
    since = timezone.now() - timedelta(days=3)
    reconcile(since=since)
    assert reconcile(since=since).drift == []
    books = ours()
    assert books == theirs(reader.sandbox.ledger())

    mails = set(OutgoingMail.objects.values_list("key", "message_id"))
    for payment in Payment.objects.filter(state="paid"):
        assert OutgoingMail.objects.filter(key=f"receipt:{payment.pk}").count() == 1
    assert len({message_id for _key, message_id in mails}) == len(mails)

    StripeEvent.objects.all().delete()
    for delivery in reversed(life.said):
        reader.deliver(delivery)
    reader.work()
    assert ours() == books
    assert set(OutgoingMail.objects.exclude(template="notice").values_list("key", "message_id")) <= mails
