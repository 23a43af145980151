"""How many public pages were served, and how many of them had to be made, over all processes.

Each process counts for itself and adds its counts to Redis now and then, so that a page costs no further command.
"""

import threading
import time

from newsroom import site_version

KEY = "newsroom:page-counts"
FLUSH_SECONDS = 10.0

_lock = threading.Lock()
_counts = {"served": 0, "made": 0}
_flushed_at = [0.0]


def count(what: str) -> None:
    """Count one page that was `served`, or one that was `made` because no copy was fresh."""
    with _lock:
        _counts[what] += 1
        now = time.monotonic()
        if now - _flushed_at[0] < FLUSH_SECONDS:
            return
        _flushed_at[0] = now
        waiting = dict(_counts)
        _counts.update(served=0, made=0)
    for name, number in waiting.items():
        if number:
            site_version.ask_redis("hincrby", KEY, name, number)


def totals() -> dict[str, int]:
    """Return what all processes counted since Redis was last emptied."""
    found = site_version.ask_redis("hgetall", KEY) or {}
    return {name: int(found.get(name.encode(), 0)) for name in ("served", "made")}
