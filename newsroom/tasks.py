from celery import shared_task
from django.utils import timezone

from newsroom import alarms, heartbeats, images, offsite, outbox, preparing, publishing, staff_sessions
from newsroom.jobs import run_daily
from newsroom.models import Heartbeat
from newsroom.waking import wake_again


@shared_task
def tick() -> None:
    """Ask, once a minute, what is due."""
    at = timezone.now()
    heartbeats.write(Heartbeat.Kind.TICK, name="tick", at=at)
    offsite.now_if_alive()
    outbox.sweep(at=at)
    publishing.settle_due(at=at)
    for pk in publishing.unrendered_images():
        wake_again(render_image, pk)
    wake_again(look_for_alarms)
    run_daily("forget-ended-sessions", staff_sessions.forget_ended, at=at)
    run_daily("prepare-figures", preparing.prepare, at=at)
    run_daily("forget-heartbeats", heartbeats.forget_old, at=at)
    run_daily("forget-alarms", alarms.forget_old, at=at)


# It asks servers elsewhere, so it holds up no tick.
@shared_task(soft_time_limit=50, time_limit=60)
def look_for_alarms() -> None:
    alarms.look(at=timezone.now())


@shared_task
def write_offsite() -> None:
    offsite.write_or_wait()


@shared_task
def deliver_mail(pk: int) -> None:
    outbox.deliver(pk)


@shared_task
def render_image(pk: int) -> None:
    images.render(pk, at=timezone.now())


@shared_task
def prepare_figures() -> None:
    """Count the figures of the first page again, because somebody asked."""
    preparing.prepare(at=timezone.now())
