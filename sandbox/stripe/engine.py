"""Do what becomes due as the clock goes on, by itself or because somebody advances it."""

import threading
import time
from collections.abc import Callable

from sandbox.stripe import (
    billing,
    checkout,
    checkout_payment,
    disputes,
    events,
    payment_intents,
    payment_methods,
    refunds,
)
from sandbox.stripe.shapes import Thing
from sandbox.stripe.world import World

TICK_SECONDS = 0.5


def settle_debit(world: World, intent: Thing, *, failure: str | None = None) -> None:
    """Let the bank answer a debit: as its test account says, or with the given failure (empty for success)."""
    if intent["status"] != "processing":
        return
    method = world.fetch("payment_method", intent["payment_method"])
    if failure is None:
        failure = payment_methods.account_of(method).failure
    payment_intents.settle(world, intent, failure=failure)
    invoice = world.store.get(intent.get("_invoice") or "")
    if invoice:
        billing.follow(world, invoice, intent)
    checkout_payment.settled(world, intent)
    world.unschedule("settle_debit", intent)


def _expire_authorisation(world: World, intent: Thing) -> None:
    if intent["status"] == "requires_capture":
        payment_intents.abandon(world, intent, "automatic")


def _settle_refund(world: World, refund: Thing) -> None:
    if refund["status"] in ("pending", "succeeded"):
        refunds.settle(world, refund)


def _dispute_charge(world: World, charge: Thing) -> None:
    if not charge["disputed"] and refunds.refundable(world, charge) > 0:
        disputes.open_by_card(world, charge)


def _expire_session(world: World, session: Thing) -> None:
    checkout.close(world, session)


def _cancel_subscription(world: World, subscription: Thing) -> None:
    due = subscription["cancel_at"] is not None and subscription["cancel_at"] <= world.now()
    if due and subscription["status"] not in ("canceled", "incomplete_expired"):
        billing.end(world, subscription, reason="cancellation_requested")


ACTIONS: dict[str, Callable[[World, Thing], None]] = {
    "announce_renewal": billing.announce,
    "cancel_subscription": _cancel_subscription,
    "close_dispute": disputes.close_unanswered,
    "dispute_charge": _dispute_charge,
    "expire_authorisation": _expire_authorisation,
    "expire_incomplete": billing.expire_incomplete,
    "expire_session": _expire_session,
    "finalize_invoice": billing.finalize_and_collect,
    "renew": billing.renew,
    "resume_collection": billing.resume_collection,
    "retry_invoice": billing.retry,
    "settle_debit": settle_debit,
    "settle_refund": _settle_refund,
}


def run_until(world: World, until: int) -> int:
    """Do everything that is due on the present clock up to a moment, in order, and return how much that was."""
    done = 0
    start = world.now()
    while True:
        row = world.store.execute(
            "SELECT * FROM schedule WHERE clock = ? AND at <= ? ORDER BY at, sequence LIMIT 1",
            [world.test_clock, until],
        ).fetchone()
        if row is None:
            return done
        world.store.execute("DELETE FROM schedule WHERE sequence = ?", [row["sequence"]])
        thing = world.store.get(row["object_id"])
        if thing is None or thing.get("deleted"):
            continue
        world.moment = max(start, row["at"])
        try:
            ACTIONS[row["action"]](world, thing)
        finally:
            world.moment = None
        done += 1


def advance(world: World, to: int) -> int:
    """Move the sandbox's clock to a moment, living through everything on the way."""
    done = run_until(world, to)
    world.store.set_setting("clock_offset", max(world.offset(), to - int(time.time())))
    return done


def advance_test_clock(world: World, clock: Thing, to: int) -> None:
    """Move one test clock, and with it the customers that are tied to it."""
    with world.clock_of({"test_clock": clock["id"]}):
        run_until(world, to)
    changes = {"frozen_time": to, "status": "ready", "status_details": {}}
    events.update(world, clock, None, **changes)
    events.emit(world, "test_helpers.test_clock.ready", clock)


class Ticker(threading.Thread):
    """Does what becomes due while the real time passes."""

    def __init__(self, world: World) -> None:
        super().__init__(daemon=True)
        self.world = world
        self.stopping = threading.Event()

    def run(self) -> None:
        """Look twice a second."""
        while not self.stopping.wait(TICK_SECONDS):
            with self.world.lock:
                now = self.world.now()
                due = self.world.store.execute(
                    "SELECT 1 FROM schedule WHERE clock = '' AND at <= ? LIMIT 1", [now]
                ).fetchone()
                if due:
                    with self.world.transaction():
                        run_until(self.world, now)
