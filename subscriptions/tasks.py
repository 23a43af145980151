import logging

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from newsroom.jobs import run_daily
from newsroom.waking import wake, wake_again
from subscriptions import (
    anchoring,
    bounce_mailbox,
    importing,
    renewing,
    reports,
    retention,
    schedule,
    sending,
    signup,
    visits,
)

logger = logging.getLogger(__name__)


@shared_task
def tick() -> None:
    """Ask, once a minute, what is due."""
    at = timezone.now()
    signup.sweep(at=at)
    visits.sweep(at=at)
    importing.sweep()
    renewing.sweep()
    schedule.tick(at=at)
    if settings.BOUNCES_URL:
        wake_again(read_bounces)
    run_daily("take-up-rested", reports.take_up_rested, at=at)
    run_daily("enforce-retention", retention.run, at=at)
    run_daily("anchor-consent", anchoring.write, at=at)


@shared_task
def read_bounces() -> None:
    try:
        bounce_mailbox.read_bounces(at=timezone.now())
    except bounce_mailbox.MailboxAway as error:
        logger.warning("The mailbox of bounces could not be read (%s).", error)


@shared_task
def handle_signup(pk: int) -> None:
    signup.handle(pk, at=timezone.now())


@shared_task
def work_on_import(pk: int) -> None:
    importing.work(pk)


@shared_task
def work_on_renewal(pk: int) -> None:
    renewing.work(pk, at=timezone.now())


@shared_task
def send_visit_link(pk: int) -> None:
    visits.send_link(pk, at=timezone.now())


# A window that ends in a silent mail server may take longer than other tasks are allowed.
@shared_task(soft_time_limit=1140, time_limit=1200)
def send_issue(pk: int) -> None:
    """Send a part of an issue, then stand in line again, so that other mail has its turn between two parts."""
    if sending.send_issue(pk).stop is sending.Stop.TURN_IS_OVER:
        wake(send_issue, pk)
