from threading import Thread
from time import monotonic

import pytest
from django.db import connection

from donations import waiting
from donations.models import Donation
from tests.donations.factories import make_donation

pytestmark = pytest.mark.django_db(transaction=True)


def test_page_waits_until_the_worker_has_written_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LONGEST_WAIT_SECONDS", 20.0)
    donation = make_donation()

    def work() -> None:
        Donation.objects.filter(pk=donation.pk).update(state=Donation.State.GIVEN)
        connection.close()

    worker = Thread(target=work)
    worker.start()
    waiting.wait_for_the_truth(donation)
    worker.join()
    assert donation.state == Donation.State.GIVEN


def test_settled_gift_is_shown_at_once_and_so_is_everything_when_no_place_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "LONGEST_WAIT_SECONDS", 60.0)
    began = monotonic()
    waiting.wait_for_the_truth(make_donation(state=Donation.State.GIVEN))
    with waiting._places, waiting._places:
        waiting.wait_for_the_truth(make_donation())
    assert monotonic() - began < 30
