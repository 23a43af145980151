"""Page furniture: what stands around every page, read from the database once for each state of the site.

The outlet's facts, the menus, the appeal and the forms are the same under every article, and reading them costs more
than reading the article. While kept pages are made, each is read by the first page that needs it and is at hand for
the next ones, as long as no change was reported (`newsroom.site_version`) and no page changes by the clock. Everywhere
else, above all where staff or a form ask, the functions marked here read the database each time.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from newsroom.site_version import Version

P = ParamSpec("P")
R = TypeVar("R")

# Long enough for the pages that are asked for after a change, all at once. A report that got lost costs no more.
TRUST_SECONDS = 10.0


@dataclass
class Room:
    """What was read for one state of the site, until the clock changes it. Nobody changes what is in it."""

    version: Version | None = None
    opened_at: float = 0.0
    boundary: float | None = None
    values: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def serves(self, version: Version, now: float) -> bool:
        ends_at = self.opened_at + TRUST_SECONDS
        return self.version == version and now < (ends_at if self.boundary is None else min(ends_at, self.boundary))


_room: ContextVar[Room | None] = ContextVar("room", default=None)


@contextmanager
def room(given: Room | None = None) -> Iterator[None]:
    """Read each piece once while a page is made: into the room given, else the one that is open, else a new one."""
    if given is None and _room.get() is not None:
        yield
        return
    token = _room.set(given or Room())
    try:
        yield
    finally:
        _room.reset(token)


def open_room(version: Version, *, find_boundary: Callable[[], float | None]) -> Room:
    # The moment comes first: what is read later is at least as new.
    now = time.time()
    return Room(version=version, opened_at=now, boundary=find_boundary())


def furniture(read: Callable[P, R]) -> Callable[P, R]:
    """Mark a function whose answer is the same for every page of one state of the site.

    Its arguments are part of the question, but for `at`: a room ends where the clock changes a page.
    """

    @wraps(read)
    def answer(*args: P.args, **kwargs: P.kwargs) -> R:
        present = _room.get()
        if present is None:
            return read(*args, **kwargs)
        question = (read, args, *((name, kwargs[name]) for name in sorted(kwargs) if name != "at"))
        if question not in present.values:
            present.values[question] = read(*args, **kwargs)
        return present.values[question]

    return answer
