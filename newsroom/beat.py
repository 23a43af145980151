"""Celery's clock, which also says that it runs."""

from typing import Any

from celery.beat import Scheduler as CelerysScheduler

from newsroom import heartbeats
from newsroom.models import Heartbeat


class Scheduler(CelerysScheduler):
    """Keep the schedule in memory, where nothing can be lost, and leave a heartbeat with each look at it."""

    max_interval = int(heartbeats.PAUSE_SECONDS)

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        heartbeats.say(Heartbeat.Kind.BEAT)
        return super().tick(*args, **kwargs)
