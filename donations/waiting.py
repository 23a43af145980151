"""The moment between the donor's return and the truth from Stripe."""

import threading
import time

from donations.models import Donation

LONGEST_WAIT_SECONDS = 4.0
STEP_SECONDS = 0.2
# A reload is cheap and waiting holds a thread of the server, so no more than these wait at once in one process.
_places = threading.BoundedSemaphore(2)


def wait_for_the_truth(donation: Donation) -> None:
    """Give the worker a moment to learn what became of a started donation, and take over the state it wrote.

    A donor who comes back from Stripe is usually a second ahead of the event. A page that reloads itself would tear
    readers of screen readers out of their place (WCAG 2.2.1), so the server waits instead, if it has a place free.
    """
    if donation.state != Donation.State.STARTED or not _places.acquire(blocking=False):
        return
    try:
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while donation.state == Donation.State.STARTED and time.monotonic() < deadline:
            time.sleep(STEP_SECONDS)
            donation.refresh_from_db(fields=["state", "state_at"])
    finally:
        _places.release()
