from celery import shared_task
from django.utils import timezone

from donations import (
    card_testing,
    checkout,
    mine,
    notices,
    reconcile,
    reminders,
    reminding,
    safety,
    statements,
    stripe_api,
)
from donations.truth import events, sweeping
from newsroom.jobs import run_daily
from newsroom.waking import wake_again


@shared_task
def tick() -> None:
    """Ask, once a minute, what is due."""
    at = timezone.now()
    for pk in sweeping.due_events(at=at):
        wake_again(process_event, pk)
    for pk in sweeping.donations_to_ask_about(at=at):
        wake_again(learn_donation, pk)
    for pk in sweeping.payments_to_ask_about(at=at):
        wake_again(learn_payment, pk)
    for pk in card_testing.sessions_to_close():
        wake_again(close_session, pk)
    for pk in safety.due(at=at):
        wake_again(return_for_safety, pk)
    for pk in mine.waiting_requests():
        wake_again(handle_link_request, pk)
    run_daily("gift-notices", notices.queue_due_notices, at=at, hour=notices.JOB_HOUR)
    wake_again(nightly)
    wake_again(yearly)
    reminders.sweep(at=at)
    reminding.queue_due(by=at, at=at)
    reminding.settle(at=at)
    reminding.note_conversions()


# Some hundred thousand objects take longer than other tasks are allowed.
@shared_task(soft_time_limit=3300, time_limit=3500)
def nightly() -> None:
    """Compare everything with Stripe, once a day, apart from the minute's tick because it may take long."""
    if stripe_api.is_configured():
        run_daily("reconcile", reconcile.nightly, at=timezone.now())


# A large newsroom has some hundred thousand donors.
@shared_task(soft_time_limit=3300, time_limit=3500)
def yearly() -> None:
    """Mail the statements of the year before, looked at once a day."""
    run_daily("yearly-statements", statements.send_due, at=timezone.now(), hour=statements.JOB_HOUR)


@shared_task
def process_event(pk: int) -> None:
    events.process(pk)


@shared_task
def learn_donation(pk: int) -> None:
    sweeping.learn_donation(pk, at=timezone.now())


@shared_task
def learn_payment(pk: int) -> None:
    sweeping.learn_payment(pk)


@shared_task
def close_session(pk: int) -> None:
    checkout.close_tried(pk, at=timezone.now())


@shared_task
def return_for_safety(pk: int) -> None:
    safety.work(pk, at=timezone.now())


@shared_task
def handle_link_request(pk: int) -> None:
    mine.handle_request(pk, at=timezone.now())


@shared_task
def handle_reminder(pk: int) -> None:
    reminders.handle(pk, at=timezone.now())
