"""Everything that may go wrong, made from rows: for the alarms and for the figures."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from donations.card_testing import FEWEST_DECLINES
from donations.models import Decline, Payment, StripeEvent
from newsroom import holding
from newsroom.mail import queue_mail
from newsroom.models import Job, OffsiteLine
from subscriptions.models import Delivery, Issue, MailEvent, SendingLimit
from tests.donations.factories import make_event, make_payment
from tests.subscriptions.factories import make_newsletter, make_subscription
from tests.subscriptions.issue_factories import make_issue, make_sending_issue

Trouble = Callable[[datetime, Any], None]
HOUR = timedelta(hours=1)


def outbox_stuck(at: datetime, settings: Any) -> None:
    queue_mail(key="late", template="notice", to="reader@example.org", context={}, at=at - HOUR)


def jobs_failed(at: datetime, settings: Any) -> None:
    Job.objects.create(name="enforce-retention", error="RuntimeError at 03:00", started_at=at)
    Job.objects.create(name="reconcile", started_at=at - 3 * HOUR)


def disk_full(at: datetime, settings: Any) -> None:
    settings.ALARM_DISK_PERCENT = 101


def backup_old(at: datetime, settings: Any) -> None:
    Job.objects.create(name="backup", started_at=at - 30 * HOUR, succeeded_at=at - 30 * HOUR)


def sending_on_hold(at: datetime, settings: Any) -> None:
    holding.hold(lost_from=at - HOUR, at=at)


def offsite_waits(at: datetime, settings: Any) -> None:
    OffsiteLine.objects.create(line="newsroom-left", made_at=at - HOUR)


def issue_not_begun(at: datetime, settings: Any) -> None:
    make_issue(send_at=at - HOUR)


def issue_stands_still(at: datetime, settings: Any) -> None:
    newsletter = make_newsletter()
    make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)
    Issue.objects.filter(pk=issue.pk).update(started_at=at - 2 * HOUR)
    issue.tallies.update(at=at - HOUR)


def issue_held(at: datetime, settings: Any) -> None:
    make_issue(state="held", state_reason="Nobody has approved this issue.")


def issue_paused(at: datetime, settings: Any) -> None:
    newsletter = make_newsletter()
    make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)
    Issue.objects.filter(pk=issue.pk).update(paused_at=at, pause_reason="The mail server refuses the sender.")


def no_gifts(at: datetime, settings: Any) -> None:
    make_payment(created_at=at - timedelta(days=364) - HOUR)


def no_gifts_by_method(at: datetime, settings: Any) -> None:
    """Cards go on, PayPal had three gifts a day and none for four days, and TWINT is rare anyway."""
    shown = make_payment(created_at=at - timedelta(days=2), method="card")
    for method, count in (("paypal", 90), ("twint", 20)):
        Payment.objects.bulk_create(
            Payment(
                payment_intent_id=f"pi_{method}_{number}", donation=shown.donation, method=method, state="paid",
                gross=500, currency="EUR", created_at=at - timedelta(days=4) - number * 7 * HOUR, paid_at=at,
                gift_date=at.date(), livemode=False,
            )
            for number in range(count)
        )  # fmt: skip


def events_silent(at: datetime, settings: Any) -> None:
    make_event(received_at=at - timedelta(days=2), state="applied", ended_at=at)
    make_payment(created_at=at - HOUR)


def events_wait(at: datetime, settings: Any) -> None:
    make_event(created_at=at - 3 * HOUR, received_at=at - HOUR + timedelta(minutes=1))


def card_testing(at: datetime, settings: Any) -> None:
    Decline.objects.bulk_create(
        Decline(charge_id=f"ch_bad_{number}", code="generic_decline", at=at - timedelta(minutes=5))
        for number in range(FEWEST_DECLINES)
    )


TROUBLES: dict[str, Trouble] = {
    "outbox-stuck": outbox_stuck,
    "jobs-failed": jobs_failed,
    "disk-full": disk_full,
    "backup-old": backup_old,
    "sending-on-hold": sending_on_hold,
    "offsite-waits": offsite_waits,
    "issue-not-begun": issue_not_begun,
    "issue-stands-still": issue_stands_still,
    "issue-held": issue_held,
    "issue-paused": issue_paused,
    "no-gifts": no_gifts,
    "no-gifts-by-method": no_gifts_by_method,
    "events-silent": events_silent,
    "events-wait": events_wait,
    "card-testing": card_testing,
}


def everything_at_once(at: datetime, settings: Any) -> None:
    """Make all of it wrong, and what has a figure and no alarm."""
    for make in (outbox_stuck, jobs_failed, issue_not_begun, issue_held, issue_paused, events_wait, card_testing):
        make(at, settings)
    Job.objects.filter(name="reconcile").update(
        report="compared 7 payments\n3 differed\npi_1: missing", succeeded_at=at - 50 * HOUR
    )
    make_event(received_at=at - HOUR, state=StripeEvent.State.FAILED, ended_at=at)
    make_payment(created_at=at - 100 * HOUR)
    SendingLimit.objects.create(domain="example.com", rests_until=at + HOUR)
    newsletter = make_newsletter(slug="friday")
    for _number in range(3):
        make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)
    accepted, refused, _waiting = issue.deliveries.order_by("pk")
    Delivery.objects.filter(pk=accepted.pk).update(state="accepted", outcome_at=at)
    Delivery.objects.filter(pk=refused.pk).update(state="refused", reason="refused", outcome_at=at, reply="550 no")
    MailEvent.objects.create(
        source="test", event_id="1", kind="complained", delivery=accepted, happened_at=at, received_at=at
    )
