"""Processes that say that they run, and who asks whether they do."""

import logging
import os
import socket
import time
from datetime import datetime, timedelta

from django.db import Error, connection
from django.db.models import Max
from django.utils import timezone

from newsroom.models import Heartbeat

logger = logging.getLogger(__name__)

# How often a process says so at most, and after how long a silence it counts as gone: beat asks for a tick each minute.
PAUSE_SECONDS = 20.0
SILENCE = timedelta(seconds=150)
# A row that nobody renews is of interest for a day.
KEPT = timedelta(days=1)

_last_said: dict[str, float] = {}


def own_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"[:120]


def say(kind: Heartbeat.Kind) -> None:
    """Write that this process runs, unless it has just done so.

    A database that is away costs a line in the log: the process goes on, and its silence tells the rest. The connection
    is not kept, because whoever forks other processes must not pass it on.
    """
    now = time.monotonic()
    if now - _last_said.get(kind, -PAUSE_SECONDS) < PAUSE_SECONDS:
        return
    _last_said[kind] = now
    try:
        write(kind, name=own_name(), at=timezone.now())
    except Error as error:
        logger.warning("The heartbeat of %s could not be written (%s).", kind, type(error).__name__)
    finally:
        connection.close()


def write(kind: Heartbeat.Kind, *, name: str, at: datetime) -> None:
    """Write one heartbeat, in one statement."""
    Heartbeat.objects.bulk_create(
        [Heartbeat(kind=kind, name=name, at=at)],
        update_conflicts=True,
        unique_fields=["kind", "name"],
        update_fields=["at"],
    )


def ages(at: datetime) -> dict[str, timedelta | None]:
    """Return how long ago the liveliest process of each kind was heard; None where none ever was."""
    heard = dict(Heartbeat.objects.values_list("kind").annotate(last=Max("at")).order_by("kind"))
    return {kind.value: at - heard[kind] if kind in heard else None for kind in Heartbeat.Kind}


def counts(at: datetime) -> dict[str, int]:
    """Return how many processes of each kind run."""
    alive = Heartbeat.objects.filter(at__gt=at - SILENCE).values_list("kind", flat=True)
    found = list(alive)
    return {kind.value: found.count(kind) for kind in Heartbeat.Kind}


def forget_old(*, at: datetime) -> int:
    """Delete the rows of processes that ended long ago, and return how many there were."""
    deleted, _by_model = Heartbeat.objects.filter(at__lt=at - KEPT).delete()
    return deleted
