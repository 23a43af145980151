from celery import shared_task
from django.utils import timezone

from donations import reminders, reminding
from donations.truth import events, sweeping
from newsroom.jobs import run_daily
from newsroom.waking import wake


@shared_task
def tick() -> None:
    """Ask, once a minute, what is due."""
    at = timezone.now()
    for pk in sweeping.due_events(at=at):
        wake(process_event, pk)
    for pk in sweeping.donations_to_ask_about(at=at):
        wake(learn_donation, pk)
    for pk in sweeping.payments_to_ask_about(at=at):
        wake(learn_payment, pk)
    reminders.sweep(at=at)
    reminding.queue_due(by=at, at=at)
    reminding.settle(at=at)
    reminding.note_conversions()
    run_daily("forget-reminders", reminders.forget_old, at=at)


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
def handle_reminder(pk: int) -> None:
    reminders.handle(pk, at=timezone.now())
