"""The figures of Stripe's events, of the books, and of giving."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count, ExpressionWrapper, F, Max, Min, fields
from prometheus_client.core import Metric

from donations import card_testing, stripe_api
from donations.models import Payment, StripeEvent
from donations.reconcile import Report
from newsroom.metrics import figure, seconds_since
from newsroom.models import Job

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)


def webhook_figures(at: datetime) -> Iterator[Metric]:
    """Yield how Stripe's events arrive, and how quickly they are applied."""
    way = ExpressionWrapper(F("received_at") - F("created_at"), output_field=fields.DurationField())
    lately = StripeEvent.objects.filter(received_at__gt=at - HOUR).aggregate(longest=Max(way))
    lag = lately["longest"].total_seconds() if lately["longest"] else 0.0
    yield figure("webhook_lag_seconds", "The longest way of an event of the last hour from Stripe to here.", lag)
    waiting = StripeEvent.objects.filter(state=StripeEvent.State.RECEIVED)
    found = waiting.aggregate(count=Count("pk"), oldest=Min("received_at"))
    yield figure("webhook_waiting", "Events that are not applied yet.", found["count"])
    age = seconds_since(found["oldest"], at) if found["oldest"] else 0.0
    yield figure("webhook_oldest_seconds", "How long the longest waiting event waits.", age)
    failed = StripeEvent.objects.filter(received_at__gt=at - WEEK, state=StripeEvent.State.FAILED).count()
    yield figure("webhook_failed", "Events of the last week that a person has to look at.", failed)
    last = StripeEvent.objects.order_by("-received_at", "-pk").values_list("received_at", flat=True).first()
    yield figure("webhook_silence_seconds", "Time since Stripe last told anything.", seconds_since(last, at))


def money_figures(at: datetime) -> Iterator[Metric]:
    """Yield whether the books agree with Stripe, whether cards are being tried, and when somebody last gave."""
    job = Job.objects.filter(name="reconcile").first()
    yield figure(
        "books_differed", "Objects that differed in the last comparison.", Report.differed_in(job.report) if job else 0
    )
    compared = job.succeeded_at if job else None
    yield figure("books_age_seconds", "Time since the books were last compared.", seconds_since(compared, at))
    tried = card_testing.is_under_attack(at)
    yield figure("card_testing", "1 while stolen cards are tried and everyone is asked for a mailed link.", int(tried))
    paid = Payment.objects.filter(state=Payment.State.PAID, livemode=stripe_api.uses_live_mode())
    last = paid.order_by("-created_at", "-pk").values_list("created_at", flat=True).first()
    yield figure("donation_age_seconds", "Time since somebody last gave.", seconds_since(last, at))
