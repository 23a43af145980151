"""The only ways to start a task."""

import logging
from typing import Any

from celery import Task
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from newsroom.celery import app

logger = logging.getLogger(__name__)

# A sweep asks again every minute: behind a long queue the older of its questions are only in the way.
SWEEP_HINT_SECONDS = 600


def wake(task: str | Task[Any, Any], pk: Any = None) -> None:
    """Ask a worker, once the transaction is committed, to look at one row.

    `task` is a task or its dotted name, where importing it would be a circle. The message is a hint and may be lost:
    the row is already committed, and the beat's sweep finds it within a minute. So a broker that is away costs the
    person at the page nothing but the wait for the sweep.
    """
    _ask(task, pk)


def wake_again(task: str | Task[Any, Any], pk: Any = None) -> None:
    """Ask like `wake`, from a sweep that asks the same again as long as it is not answered."""
    _ask(task, pk, expires=SWEEP_HINT_SECONDS)


def _ask(task: str | Task[Any, Any], pk: Any, **options: Any) -> None:
    name = task if isinstance(task, str) else task.name
    transaction.on_commit(lambda: _send(name, pk, options), robust=True)


def _send(name: str, pk: Any, options: dict[str, Any]) -> None:
    try:
        app.send_task(name, args=() if pk is None else (pk,), retry=False, **options)
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("The broker is away; the sweep will find %s %s (%s).", name, pk, type(error).__name__)
