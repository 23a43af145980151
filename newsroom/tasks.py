from celery import shared_task
from django.utils import timezone

from newsroom import images, offsite, outbox, publishing, staff_sessions
from newsroom.jobs import run_daily
from newsroom.waking import wake


@shared_task
def tick() -> None:
    """Ask, once a minute, what is due."""
    at = timezone.now()
    offsite.now_if_alive()
    outbox.sweep(at=at)
    publishing.settle_due(at=at)
    for pk in publishing.unrendered_images():
        wake(render_image, pk)
    run_daily("forget-ended-sessions", staff_sessions.forget_ended, at=at)


@shared_task
def write_offsite() -> None:
    offsite.write_or_wait()


@shared_task
def deliver_mail(pk: int) -> None:
    outbox.deliver(pk)


@shared_task
def render_image(pk: int) -> None:
    images.render(pk, at=timezone.now())
