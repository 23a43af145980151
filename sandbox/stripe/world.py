"""The state that every request, page and timer shares: the store, the clock, one lock, and who is asking."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.stripe.after_advance import Hook
from sandbox.stripe.errors import ApiError, missing
from sandbox.stripe.shapes import Thing
from sandbox.stripe.store import Store

API_VERSION = "2026-10-28.endive"


class World:
    """One sandbox. Every change happens inside `transaction()`, one at a time."""

    def __init__(self, store: Store, *, webhook_url: str = "", webhook_secret: str = "") -> None:
        self.store = store
        self.webhook_url = webhook_url
        self.webhook_secret = webhook_secret
        self.base_url = ""
        # What runs after the clock was advanced.
        self.after_advance: Hook | None = None
        self.lock = threading.RLock()
        # Set when webhooks are waiting to be sent.
        self.changed = threading.Event()
        self.has_deliveries = False
        # The request on whose behalf events are recorded; None for what happens by itself.
        self.request: dict[str, str | None] | None = None
        # The test clock whose customers are being worked on; empty for the sandbox's own clock.
        self.test_clock = ""
        # The moment being lived through while the clock is advanced.
        self.moment: int | None = None
        self._depth = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock, and commit what was changed unless an error that keeps nothing ends the block."""
        with self.lock:
            self._depth += 1
            if self._depth == 1:
                self.store.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException as error:
                if self._depth == 1:
                    keep = isinstance(error, ApiError) and error.keep
                    self.store.execute("COMMIT" if keep else "ROLLBACK")
                raise
            else:
                if self._depth == 1:
                    self.store.execute("COMMIT")
            finally:
                self._depth -= 1
                if self._depth == 0 and self.has_deliveries:
                    self.has_deliveries = False
                    self.changed.set()

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Do something inside a transaction and undo it, to know what would come of it."""
        self.store.execute("SAVEPOINT rehearsal")
        try:
            yield
        finally:
            self.store.execute("ROLLBACK TO rehearsal")
            self.store.execute("RELEASE rehearsal")

    def now(self) -> int:
        """Return the time on the clock that counts at this point, in seconds since the epoch."""
        if self.moment is not None:
            return self.moment
        if self.test_clock:
            clock = self.store.get(self.test_clock)
            if clock is not None:
                return int(clock["frozen_time"])
        return int(time.time()) + self.offset()

    def offset(self) -> int:
        """Return by how many seconds the sandbox's clock is ahead of the real one."""
        return int(self.store.setting("clock_offset", 0))

    @contextmanager
    def clock_of(self, thing: Thing | None) -> Iterator[None]:
        """Use the test clock of a customer (or of an object that names one) inside the block."""
        before = self.test_clock
        self.test_clock = (thing or {}).get("test_clock") or before
        try:
            yield
        finally:
            self.test_clock = before

    def fetch(self, kind: str, object_id: Any, *, param: str | None = None) -> Thing:
        """Return the object with this id, or raise Stripe's "No such …".

        `param` names the request parameter that held the id; without it the id was in the path.
        """
        thing = self.store.get(object_id) if object_id else None
        if thing is None or thing["object"] != kind:
            raise missing(kind, str(object_id), param=param or "id", status=400 if param else 404)
        return thing

    def schedule(self, at: int, action: str, thing: Thing) -> None:
        """Have the engine do something to an object when its clock reaches this time."""
        self.store.execute(
            "INSERT INTO schedule (at, action, object_id, clock) VALUES (?, ?, ?, ?)",
            [at, action, thing["id"], self.test_clock],
        )

    def unschedule(self, action: str, thing: Thing) -> None:
        """Take back what was planned."""
        self.store.execute("DELETE FROM schedule WHERE action = ? AND object_id = ?", [action, thing["id"]])
