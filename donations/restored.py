"""What this package does after a restore: cancelled reminders again, and all that Stripe knows."""

from datetime import datetime, timedelta

from donations import reminders, stripe_api
from donations.models import Payment, Reminder
from donations.reconcile import AlreadyRunning, Report, reconcile
from newsroom import after_restore, offsite
from newsroom.addresses import address_hashes
from newsroom.after_restore import Finding, Look
from subscriptions.consent import Method

# What began before the backup may have moved after it: a debit takes two weeks, a dispute longer.
REACH = timedelta(days=35)
PURPOSE = "reminder"
MOST_LINES = 10


def register_steps() -> None:
    after_restore.withdrawing.append(replay_cancellations)
    after_restore.learning.append(learn_from_stripe)
    after_restore.came_back.append(gave_after)


def replay_cancellations(look: Look) -> Finding:
    """Cancel again each reminder that its reader cancelled in the lost time."""
    lines = look.left.since(look.restoration.lost_from, offsite.WITHDRAWN)
    cancelled = {one.digest: one for one in lines if one.detail.startswith(PURPOSE)}
    count = 0
    if cancelled:
        for pk, subject in Reminder.objects.order_by("pk").values_list("pk", "subject").iterator():
            line = next((cancelled[digest] for digest in address_hashes(str(subject)) if digest in cancelled), None)
            if line is None or not Reminder.objects.get(pk=pk).is_waiting:
                continue
            count += 1
            if not look.is_dry_run:
                method = Method(line.detail.rpartition("/")[2])
                reminders.cancel_again(pk, method=method, at=line.at, reason="replayed after a restore")
    return Finding(f"Reminders: {count} cancelled again")


def learn_from_stripe(look: Look) -> Finding:
    """Learn again all that Stripe knows, and see that a second comparison finds nothing more."""
    if not stripe_api.is_configured():
        return Finding("Stripe: no key is set, so nothing was compared")
    since = look.restoration.lost_from - REACH
    try:
        report = reconcile(since=since, dry_run=look.is_dry_run)
        again = report if look.is_dry_run else reconcile(since=since, dry_run=True)
    except AlreadyRunning:
        return Finding("Stripe: another comparison runs at this moment", is_fault=True)
    if look.is_dry_run:
        return Finding(
            f"Stripe: {sum(report.seen.values())} objects compared, {len(report.drift)} differ", _is_cut(report)
        )
    words = (
        f"Stripe: {sum(report.seen.values())} objects compared, {len(report.drift)} learnt again, "
        f"drift now {len(again.drift)}"
    )
    left_over = [*again.drift, *again.unreadable, *again.broken][:MOST_LINES]
    return Finding("; ".join([words, *left_over]), is_fault=not again.is_clean)


def _is_cut(report: Report) -> bool:
    return bool(report.unreadable or report.broken)


def gave_after(address: str, moment: datetime) -> bool:
    """Say whether the person at an address gave after a moment."""
    paid = Payment.objects.filter(state=Payment.State.PAID, paid_at__gt=moment)
    return paid.filter(donation__donor__email=address).exists() or paid.filter(donation__email=address).exists()
