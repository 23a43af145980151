"""The only way to start a task."""

import logging
from typing import Any

from celery import Task
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from newsroom.celery import app

logger = logging.getLogger(__name__)

# By then the sweep has asked several times; behind a long queue the older of the same questions are only in the way.
HINT_SECONDS = 600


def wake(task: str | Task[Any, Any], pk: Any = None) -> None:
    """Ask a worker, once the transaction is committed, to look at one row.

    `task` is a task or its dotted name, where importing it would be a circle. The message is a hint and may be lost:
    the row is already committed, and the beat's sweep finds it within a minute. So a broker that is away costs the
    person at the page nothing but the wait for the sweep.
    """
    name = task if isinstance(task, str) else task.name
    transaction.on_commit(lambda: _send(name, pk), robust=True)


def _send(name: str, pk: Any) -> None:
    try:
        app.send_task(name, args=() if pk is None else (pk,), retry=False, expires=HINT_SECONDS)
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("The broker is away; the sweep will find %s %s (%s).", name, pk, type(error).__name__)
