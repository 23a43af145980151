"""Send each event to the webhook endpoints: signed, retried, and on demand doubled, disordered, late, lost or forged.

Signatures use the real time, whatever the sandbox's clock says, because their receivers check them against theirs.
https://docs.stripe.com/webhooks#verify-manually
"""

import fnmatch
import json
import random
import threading
import time
import urllib.error
import urllib.request
from typing import Any

from stripe import WebhookSignature

from sandbox.stripe.shapes import Thing
from sandbox.stripe.world import World

MODES = ("normal", "duplicated", "reordered", "delayed", "dropped", "bad_signatures")
# Seconds between attempts. Stripe takes three days over it; nobody in a sandbox waits that long.
BACK_OFF = (1, 2, 4, 8, 15, 30, 60, 120, 300)
TIMEOUT = 20
SENDERS = 4


def mode(world: World) -> dict[str, Any]:
    """Return how webhooks are delivered at present."""
    return {"webhooks": "normal", "delay_seconds": 5, "seed": None} | world.store.setting("webhook_mode", {})


def receivers(world: World, kind: str) -> list[tuple[str, str]]:
    """Return the address and secret of each endpoint that wants events of this kind.

    The address may be empty: then nothing is sent and a test takes the deliveries itself.
    """
    found = [(world.webhook_url, world.webhook_secret)] if world.webhook_secret else []
    registered = reversed(world.store.select("webhook_endpoint", status="enabled"))
    return found + [
        (endpoint["url"], endpoint["_secret"])
        for endpoint in registered
        if any(fnmatch.fnmatchcase(kind, wanted) for wanted in endpoint["enabled_events"])
    ]


def enqueue(world: World, event: Thing) -> None:
    """Plan the deliveries of an event as the present mode says."""
    how = mode(world)
    now = time.time()
    state, copies, wait = "pending", 1, 0.0
    if how["webhooks"] == "dropped":
        state = "dropped"
    elif how["webhooks"] == "duplicated":
        copies = 2
    elif how["webhooks"] == "delayed":
        wait = float(how["delay_seconds"])
    world.has_deliveries = True
    for url, secret in receivers(world, event["type"]):
        for _ in range(copies):
            if how["webhooks"] == "reordered":
                wait = _shuffled_wait(event["id"], how)
            world.store.execute(
                "INSERT INTO deliveries (event, url, secret, state, next_at) VALUES (?, ?, ?, ?, ?)",
                [event["id"], url, secret, state, now + wait],
            )


def _shuffled_wait(event_id: str, how: dict[str, Any]) -> float:
    """Return a wait that puts events in another order; with a seed the same history is shuffled the same way."""
    if how["seed"] is None:
        return random.uniform(0, float(how["delay_seconds"]))
    return random.Random(f"{how['seed']}{event_id}").uniform(0, float(how["delay_seconds"]))


def pending(world: World, event_id: str) -> int:
    """Return how many deliveries of an event have not succeeded."""
    row = world.store.execute(
        "SELECT count(*) FROM deliveries WHERE event = ? AND state != 'succeeded'", [event_id]
    ).fetchone()
    return int(row[0])


def signed(secret: str, payload: str, *, badly: bool) -> dict[str, str]:
    """Return the headers of a delivery made now."""
    if badly:
        secret = "whsec_of_somebody_else"
    header = WebhookSignature.generate_signature_header(payload, secret, int(time.time()))
    return {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Stripe/1.0", "Stripe-Signature": header}


def payload_of(world: World, event_id: str) -> str:
    """Return the body of an event's delivery, as pretty as Stripe sends it."""
    return json.dumps(world.store.get(event_id), indent=2, ensure_ascii=False)


def waiting(world: World, *, due_only: bool = True) -> list[dict[str, Any]]:
    """Return the deliveries that have not been made, in the order in which they are due, with bodies and headers."""
    rows = world.store.execute(
        "SELECT * FROM deliveries WHERE state IN ('pending', 'failed') AND (next_at <= ? OR ?)"
        " ORDER BY next_at, sequence",
        [time.time(), not due_only],
    ).fetchall()
    badly = mode(world)["webhooks"] == "bad_signatures"
    found = []
    for row in rows:
        payload = payload_of(world, row["event"])
        event = json.loads(payload)
        found.append(
            {
                "id": row["sequence"],
                "event": row["event"],
                "type": event["type"],
                "attempts": row["attempts"],
                "body": payload,
                "headers": signed(row["secret"], payload, badly=badly),
            }
        )
    return found


def settle(world: World, delivery_id: int, *, succeeded: bool, answer: str) -> None:
    """Write down how an attempt ended, and plan the next one after a failure."""
    row = world.store.execute("SELECT attempts FROM deliveries WHERE sequence = ?", [delivery_id]).fetchone()
    if row is None:
        return
    attempts = row["attempts"] + 1
    exhausted = attempts > len(BACK_OFF)
    state = "succeeded" if succeeded else ("failed" if exhausted else "pending")
    pause = 0 if succeeded or exhausted else BACK_OFF[attempts - 1]
    world.store.execute(
        "UPDATE deliveries SET state = ?, attempts = ?, next_at = ?, last_answer = ? WHERE sequence = ?",
        [state, attempts, time.time() + pause, answer[:200], delivery_id],
    )


class Senders:
    """A few threads that make the deliveries that are due."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.stopping = threading.Event()
        self.busy: set[int] = set()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(SENDERS)]

    def start(self) -> None:
        """Start sending."""
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Stop after the deliveries under way."""
        self.stopping.set()
        self.world.changed.set()

    def _run(self) -> None:
        while not self.stopping.is_set():
            claim = self._claim()
            if claim is None:
                self.world.changed.wait(0.2)
                self.world.changed.clear()
                continue
            delivery_id, url, headers, body = claim
            try:
                succeeded, answer = _post(url, headers, body)
                with self.world.transaction():
                    settle(self.world, delivery_id, succeeded=succeeded, answer=answer)
            finally:
                self.busy.discard(delivery_id)

    def _claim(self) -> tuple[int, str, dict[str, str], bytes] | None:
        with self.world.lock:
            if self.world.after_advance is not None and self.world.after_advance.is_busy:
                return None
            rows = self.world.store.execute(
                "SELECT * FROM deliveries WHERE state = 'pending' AND url != '' AND next_at <= ?"
                " ORDER BY next_at, sequence LIMIT ?",
                [time.time(), SENDERS + 1],
            ).fetchall()
            for row in rows:
                if row["sequence"] in self.busy:
                    continue
                self.busy.add(row["sequence"])
                payload = payload_of(self.world, row["event"])
                badly = mode(self.world)["webhooks"] == "bad_signatures"
                headers = signed(row["secret"], payload, badly=badly)
                return row["sequence"], row["url"], headers, payload.encode()
        return None


def _post(url: str, headers: dict[str, str], body: bytes) -> tuple[bool, str]:
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return 200 <= answer.status < 300, str(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return False, str(error.code)
    except OSError as error:
        return False, f"{type(error).__name__}: {error}"
