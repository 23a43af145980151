"""What this package does after a restore: withdrawals again, issues that may have left, and the ledger's proof."""

from collections import defaultdict
from datetime import datetime
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from newsroom import after_restore, offsite, registry
from newsroom.addresses import address_hashes
from newsroom.after_restore import Finding, Look
from newsroom.models import Restoration
from subscriptions import anchoring, consent, issues, ledger
from subscriptions.models import Consent, ConsentHead, Issue, Subscription

MOST_FAULTS = 5


def register_all() -> None:
    registry.backup_facts.append(ledger_facts)
    after_restore.withdrawing.append(replay_withdrawals)
    after_restore.settling.append(pause_issues)
    after_restore.verifying.append(verify_ledger)
    after_restore.releasing.append(mark_anchor)


def withdrawn_in(look: Look) -> dict[str, list[offsite.Left]]:
    """Return the withdrawals of the lost time, by the hash of who withdrew."""
    found = defaultdict(list)
    for one in look.left.since(look.restoration.lost_from, offsite.WITHDRAWN):
        found[one.digest].append(one)
    return found


def replay_withdrawals(look: Look) -> Finding:
    """End again each subscription whose reader ended it in the lost time."""
    withdrawn, count = withdrawn_in(look), 0
    if withdrawn:
        rows = Subscription.objects.exclude(state=Subscription.State.UNSUBSCRIBED).order_by("pk")
        for subscription in rows.select_related("subscriber", "newsletter").iterator():
            subject = subscription.subscriber.subject
            lines = [line for digest in address_hashes(str(subject)) for line in withdrawn.get(digest, [])]
            for line in lines:
                purpose, _slash, method = line.detail.rpartition("/")
                known = Consent.objects.filter(subject=subject, purpose=purpose, at=line.at)
                if purpose != subscription.newsletter.purpose or known.filter(action=Consent.Action.WITHDRAWN).exists():
                    continue
                count += 1
                if not look.is_dry_run:
                    consent.withdraw(
                        subscription,
                        page="",
                        method=Consent.Method(method),
                        at=line.at,
                        reason="replayed after a restore",
                    )
                break
    return Finding(f"Withdrawals: {count} subscriptions ended again")


def pause_issues(look: Look) -> Finding:
    """Pause each issue that was being sent at the backup: nobody here knows whom it reached since."""
    running = Issue.objects.filter(state=Issue.State.SENDING, paused_at__isnull=True).select_related("newsletter")
    rows = list(running.order_by("pk"))
    due = Issue.objects.filter(
        state__in=[Issue.State.DRAFT, Issue.State.APPROVED],
        send_at__gte=look.restoration.lost_from,
        send_at__lte=look.restoration.lost_until,
    ).count()
    if not look.is_dry_run:
        for issue in rows:
            reason = _("The database was restored while this issue was being sent. Cancel it, or some get it twice.")
            issues.pause(issue, by=None, at=look.at, reason=reason)
    return Finding(
        f"Issues: {len(rows)} that were being sent are paused; "
        f"{due} whose hour is in the lost time will be held, for an editor to decide"
    )


def verify_ledger(look: Look) -> Finding:
    """Walk the ledger, and compare it with the anchors from before the backup."""
    faults = list(islice(ledger.faults(), MOST_FAULTS))
    lost_from = look.restoration.lost_from
    try:
        anchors = anchoring.read(look.anchors)
    except anchoring.UnreadableAnchor:
        return Finding("Ledger: a line of the anchors cannot be read", is_fault=True)
    before = [one for one in anchors if one.at <= lost_from]
    faults += islice(anchoring.faults([*before, *(one for one in anchors if one.lost_from)]), MOST_FAULTS)
    head = ConsentHead.objects.filter(pk=1).first()
    position = head.position if head else 0
    words = f"Ledger: verified to position {position}, {len(before)} anchors agree"
    if faults:
        words = "Ledger: " + "; ".join(f"position {fault.position}: {fault.what}" for fault in faults)
    return Finding(words, is_fault=bool(faults))


def mark_anchor(restoration: Restoration, at: datetime) -> None:
    """Write to the anchors that the ledger was restored, so that those of the lost time are known to be past."""
    anchoring.write(at=at, lost_from=restoration.lost_from)


def ledger_facts(at: datetime) -> dict[str, Any]:
    """Tell a backup's manifest where the ledger stood."""
    anchor = anchoring.current(at=at)
    return {"position": anchor.position, "row_hash": anchor.row_hash}
