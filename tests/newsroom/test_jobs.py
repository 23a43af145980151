"""A daily job runs once a day, however many beats tick at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection

from newsroom.jobs import run_daily
from newsroom.models import Job

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_of_many_beats_at_once_one_runs_the_job() -> None:
    """Elsewhere a job that was started twice charged five hundred donors twice."""
    runs: list[datetime] = []
    together = Barrier(8)

    def tick(number: int) -> bool:
        try:
            together.wait(10)
            return run_daily("statements", lambda *, at: runs.append(at), at=AT)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as beats:
        assert sorted(beats.map(tick, range(8))) == [False] * 7 + [True]
    assert runs == [AT]


@pytest.mark.django_db
def test_the_next_day_it_runs_again_and_a_failure_is_kept() -> None:
    def fail(*, at: datetime) -> None:
        raise RuntimeError("olga@example.org")

    assert run_daily("fails", fail, at=AT)
    job = Job.objects.get()
    assert (job.succeeded_at, job.error.split()[0]) == (None, "RuntimeError")
    assert "olga" not in job.error
    assert not run_daily("fails", fail, at=AT + timedelta(hours=5))
    assert not run_daily("fails", fail, at=AT.replace(day=21, hour=2))
    assert run_daily("fails", lambda *, at: "done", at=AT + timedelta(days=1))
    job.refresh_from_db()
    assert (job.error, job.report) == ("", "done")
