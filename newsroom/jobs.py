"""Jobs that run once a day, however many beats tick."""

import logging
from collections.abc import Callable
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from newsroom.models import Job

logger = logging.getLogger(__name__)


def run_daily(name: str, job: Callable[..., object], *, at: datetime, hour: int = 3) -> bool:
    """Run `job(at=…)` if it has not run since `hour` o'clock UTC of this day, and say whether it ran.

    A conditional UPDATE gives the day to one caller. A job that raises is recorded and logged, and runs again the next
    day or when staff start it. One whose process was killed in the middle runs once more the same day.
    """
    day = at.date()
    if at.hour < hour:
        return False
    Job.objects.get_or_create(name=name)
    free = Q(last_date__isnull=True) | Q(last_date__lt=day)
    if not Job.objects.filter(free | Job.cut_off(at), name=name).update(last_date=day, started_at=at):
        return False
    try:
        report = job(at=at)
    except Exception as error:
        logger.exception("The job %s failed.", name)
        Job.objects.filter(name=name).update(error=f"{type(error).__name__} at {timezone.now():%Y-%m-%d %H:%M} UTC")
        return True
    Job.objects.filter(name=name).update(
        succeeded_at=max(at, timezone.now()), error="", report="" if report is None else str(report)
    )
    return True
