"""The figures of what runs, of the outbox and of public pages."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Count, Min
from prometheus_client.core import Metric
from redis.exceptions import RedisError

from newsroom import heartbeats, page_counts, queues
from newsroom.metrics import counter, figure, figures, seconds_since
from newsroom.models import Alarm, Job, OutgoingMail

DAY = timedelta(days=1)


def running_figures(at: datetime) -> Iterator[Metric]:
    """Yield what tells whether the product runs."""
    ages = heartbeats.ages(at)
    yield figures(
        "heartbeat_age_seconds",
        "Time since the liveliest process of a kind was heard.",
        ("kind",),
        {(kind,): seconds_since(None if age is None else at - age, at) for kind, age in ages.items()},
    )
    yield figures(
        "processes",
        "Processes of a kind that were heard lately.",
        ("kind",),
        {(kind,): number for kind, number in heartbeats.counts(at).items()},
    )
    try:
        lengths = queues.lengths()
    except (RedisError, OSError):
        # The missing figure is what the alert on the broker asks for.
        lengths = {}
    yield figures(
        "queue_length", "Tasks that wait in the broker.", ("queue",), {(name,): size for name, size in lengths.items()}
    )
    yield figure("disk_free_ratio", "Free share of the disk that holds the pictures.", disk_free())
    yield figure("jobs_failed", "Daily jobs whose last run failed.", Job.objects.exclude(error="").count())
    backup = Job.objects.filter(name="backup").values_list("succeeded_at", flat=True).first()
    yield figure("backup_age_seconds", "Time since the last good backup.", seconds_since(backup, at))
    ringing = Alarm.objects.ringing().values_list("name", flat=True)
    yield figures("alarm_ringing", "Alarms that people were told of.", ("alarm",), {(name,): 1 for name in ringing})


def disk_free() -> float:
    """Return the free share of the disk that holds the pictures, or the code where there are none yet."""
    pictures = Path(settings.MEDIA_ROOT)
    folder = pictures if pictures.exists() else settings.BASE_DIR
    usage = shutil.disk_usage(folder)
    return usage.free / usage.total


def outbox_figures(at: datetime) -> Iterator[Metric]:
    """Yield what tells whether receipts and confirmations leave."""
    due = OutgoingMail.objects.due(at).aggregate(count=Count("pk"), oldest=Min("not_before"))
    yield figure("outbox_waiting", "Single mails that are due.", due["count"])
    age = seconds_since(due["oldest"], at) if due["oldest"] else 0
    yield figure("outbox_oldest_seconds", "How long the longest waiting single mail is overdue.", age)
    states = OutgoingMail.objects.filter(created_at__gt=at - DAY).values_list("state").annotate(Count("pk"))
    yield figures(
        "outbox_mails",
        "Single mails of the last day, by what became of them.",
        ("state",),
        dict.fromkeys((("sent",), ("failed",), ("unknown",)), 0) | {(state,): n for state, n in states.order_by()},
    )


def page_figures(at: datetime) -> Iterator[Metric]:
    """Yield how many public pages were served, and how many of them had to be made."""
    totals = page_counts.totals()
    yield counter("pages_served", "Public pages that were answered.", totals["served"])
    yield counter("pages_made", "Public pages that had to be made, because no copy was fresh.", totals["made"])
