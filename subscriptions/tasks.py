from celery import shared_task
from django.utils import timezone

from newsroom.jobs import run_daily
from subscriptions import retention, signup


@shared_task
def tick() -> None:
    """Ask, once a minute, what is due."""
    at = timezone.now()
    signup.sweep(at=at)
    run_daily("delete-unconfirmed-subscribers", retention.delete_unconfirmed, at=at)


@shared_task
def handle_signup(pk: int) -> None:
    signup.handle(pk, at=timezone.now())
