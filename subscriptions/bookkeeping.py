"""The work that a worker does in the database while the mail server reads what it was sent."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import connection

P = ParamSpec("P")
T = TypeVar("T")


class Bookkeeper:
    """Does one thing after the other in a thread of its own, on a database connection of its own.

    Inside a transaction of the caller another connection would not see its rows: there nothing runs `apart`, and each
    thing is done on the caller's connection before `do` returns.
    """

    def __init__(self) -> None:
        self._pool = None if connection.in_atomic_block else ThreadPoolExecutor(1, thread_name_prefix="bookkeeper")

    @property
    def is_apart(self) -> bool:
        return self._pool is not None

    def do(self, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Return the future result of an act, or the exception that it raised."""
        if self._pool is not None:
            return self._pool.submit(act, *args, **kwargs)
        done: Future[T] = Future()
        done.set_result(act(*args, **kwargs))
        return done

    def close(self) -> None:
        """Wait for what was asked, and close the connection."""
        if self._pool is not None:
            # Looked up in that thread: `connection` is another one in each.
            self._pool.submit(lambda: connection.close())
            self._pool.shutdown()
