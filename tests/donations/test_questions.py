"""An object is asked about by its id and by nothing else, and a later answer is never overwritten by an earlier one."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from donations.models import StripeObject
from donations.truth import ownership, payment_intents, recurring, sessions
from donations.truth.questions import ask

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("learn", [ask, payment_intents.learn, recurring.learn, sessions.learn])
def test_an_empty_id_is_refused_before_any_look_up(learn: Callable[[str], object]) -> None:
    """Elsewhere a charge that named no payment intent overwrote the card of every gift that had no id."""
    with CaptureQueriesContext(connection) as queries, pytest.raises(ValueError, match="without an id"):
        learn("")
    assert len(queries) == 0
    assert not StripeObject.objects.exists()


def test_money_that_names_no_payment_intent_is_not_ours_and_asks_nothing() -> None:
    with CaptureQueriesContext(connection) as queries, pytest.raises(ownership.NotOurs, match="no payment intent"):
        payment_intents._learn_or_disown("")
    assert len(queries) == 0


def test_a_later_answer_is_never_overwritten_by_an_earlier_one() -> None:
    first, second = ask("pi_1"), ask("pi_1")
    assert second.use()
    assert not first.use()
    assert not second.use()
