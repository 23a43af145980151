from celery import shared_task
from django.utils import timezone

from newsroom import outbox
from newsroom.jobs import run_daily


@shared_task
def tick() -> None:
    """Ask, once a minute, what is due."""
    at = timezone.now()
    outbox.sweep(at=at)
    run_daily("empty-ended-mail", outbox.empty_ended, at=at)


@shared_task
def deliver_mail(pk: int) -> None:
    outbox.deliver(pk)
