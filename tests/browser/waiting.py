"""Waiting for what other processes do."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 30.0
BETWEEN_LOOKS_SECONDS = 0.05


def wait_for(condition: Callable[[], T | None], what: str, *, seconds: float = PATIENCE_SECONDS) -> T:
    """Return the first truthy answer of `condition`; fail with `what` when none comes."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"Waited {seconds:.0f} seconds in vain for {what}."
        time.sleep(BETWEEN_LOOKS_SECONDS)
    return answer
