"""What a restored database must learn before anything leaves: who left meanwhile, what was paid, what was sent.

The steps run in this order, and each says what it found; a dry run changes nothing. Every step may run again and finds
nothing the second time, so a run that broke off is begun anew.

1. How long the house was alive after the backup: the off-site list's last line says it.
2. Suppressions, erasures and withdrawals of that time are replayed from the list.
3. What Stripe knows is learnt again. Its mails were sent in the lost time and are made as cancelled.
4. Erasures once more: Stripe may have brought an address back.
5. Mails, issues and reminders that waited in the backup are kept from leaving a second time.
6. The consent ledger is verified, against its anchors too.
7. Where no step found a fault, sending is released.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from newsroom import offsite, persons, registry
from newsroom.addresses import address_hashes
from newsroom.history import record
from newsroom.holding import RESTORED
from newsroom.models import OutgoingMail, Restoration, Suppression
from newsroom.personal_data import declared
from newsroom.suppressions import suppress_hash

# Nobody sends by itself what a person has to decide about.
NEVER = timedelta(days=3650)


class NothingToDo(Exception):
    """No restoration waits for its release."""


@dataclass(frozen=True)
class Look:
    """What every step is given: the restoration, the off-site list, and whether to change anything."""

    restoration: Restoration
    left: offsite.OffsiteList
    anchors: str
    at: datetime
    is_dry_run: bool


@dataclass(frozen=True)
class Finding:
    """What a step found, in words for the operator; a fault keeps sending on hold."""

    words: str
    is_fault: bool = False


@dataclass
class Report:
    findings: list[Finding] = field(default_factory=list)
    is_released: bool = False

    @property
    def faults(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.is_fault]

    def __str__(self) -> str:
        return "\n".join(("FAULT: " if one.is_fault else "") + one.words for one in self.findings)


Step = Callable[[Look], Finding]

# Filled by the upper packages, in the order of the docstring above.
withdrawing: list[Step] = []
learning: list[Step] = []
settling: list[Step] = []
verifying: list[Step] = []
# Called once all is well and sending is about to be released.
releasing: list[Callable[[Restoration, datetime], None]] = []
# Whether the person behind an address came back after a moment, such as by a new gift.
came_back: list[Callable[[str, datetime], bool]] = []


def waiting() -> Restoration:
    """Return the restoration that holds sending. Raises NothingToDo."""
    found = Restoration.objects.holding().order_by("-pk").first()
    if found is None:
        raise NothingToDo
    return found


def look_after(
    *, left: offsite.OffsiteList, anchors: str, at: datetime, is_dry_run: bool, lost_until: datetime | None = None
) -> Report:
    """Run every step, and release sending when none found a fault. A dry run shows what would be done.

    `lost_until` overrides when the house was last alive. Raises NothingToDo.
    """
    look = Look(waiting(), left, anchors, at, is_dry_run)
    report = Report([_learn_lost_time(look, lost_until)])
    steps = [
        replay_suppressions,
        replay_erasures,
        *withdrawing,
        *learning,
        *([] if is_dry_run else [replay_erasures]),
        keep_mails,
        *settling,
        *verifying,
    ]
    report.findings += [step(look) for step in steps]
    if not report.faults and not is_dry_run:
        release(look.restoration, report, at=at)
    return report


@transaction.atomic
def release(restoration: Restoration, report: Report, *, at: datetime, reason: str = "") -> None:
    """Let everything leave again, and write down what was done."""
    for call in releasing:
        call(restoration, at)
    Restoration.objects.holding().update(released_at=at, report=str(report))
    record(restoration, action="restoration.released", reason=reason, after={"faults": len(report.faults)}, at=at)
    report.is_released = True


def _learn_lost_time(look: Look, lost_until: datetime | None) -> Finding:
    restoration = look.restoration
    alive_until = look.left.alive_until
    if lost_until is None and alive_until is not None:
        # It may have lived on until just before the next sign of life.
        lost_until = min(alive_until + offsite.ALIVE_EVERY, restoration.restored_at)
    until = max(lost_until or restoration.restored_at, restoration.lost_from)
    restoration.lost_until = until
    if not look.is_dry_run:
        restoration.save(update_fields=["lost_until"])
    source = "" if lost_until else ", because nothing says how long the house was alive after the backup"
    return Finding(
        f"Lost: what happened from {restoration.lost_from:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC{source}. "
        "Mails that tell of it count as sent."
    )


def replay_suppressions(look: Look) -> Finding:
    """Write again who must not be written to."""
    count = unreadable = 0
    for one in look.left.since(look.restoration.lost_from, offsite.SUPPRESSED):
        try:
            reason, scope, until = one.detail.split("/")
            known_reason, known_scope = Suppression.Reason(reason), Suppression.Scope(scope)
            expires_at = None if until == "-" else datetime.fromisoformat(until)
        except ValueError:
            unreadable += 1
            continue
        if Suppression.objects.filter(address_hash=one.digest, reason=reason, created_at__gte=one.at).exists():
            continue
        count += 1
        if not look.is_dry_run:
            suppress_hash(one.digest, reason=known_reason, scope=known_scope, at=one.at, expires_at=expires_at)
    unreadable += look.left.unreadable
    words = f"Off-site list: {len(look.left.left)} lines, {count} suppressions written again"
    return Finding(f"{words}, {unreadable} lines unreadable" if unreadable else words, is_fault=bool(unreadable))


def replay_erasures(look: Look) -> Finding:
    """Erase again whoever was erased and is here again, by the backup or by what Stripe told."""
    erased = {
        one.digest: one.at
        for one in look.left.since(look.restoration.lost_from, offsite.SUPPRESSED)
        if one.detail.startswith(f"{Suppression.Reason.ERASED}/")
    }
    count = returned = failed = 0
    for address in list(_addresses_of(erased)):
        moment = max(erased[digest] for digest in address_hashes(address) if digest in erased)
        if any(came(address, moment) for came in came_back):
            returned += 1
            continue
        count += 1
        if not look.is_dry_run:
            try:
                persons.erase(address, at=look.at)
            except registry.CannotLeaveNow:
                failed += 1
    words = f"Erasures: {count} people erased again"
    words += f", {returned} gave after their erasure and stay" if returned else ""
    words += f", {failed} NOT, because Stripe gave no good answer" if failed else ""
    return Finding(words, is_fault=bool(failed))


def _addresses_of(digests: dict[str, datetime]) -> Iterator[str]:
    """Yield the addresses held anywhere whose keyed hash is among some; each table that holds one says so itself."""
    if not digests:
        return
    seen = set()
    for model, held in declared():
        for column in held.found_by:
            if "__" in column or column in {"address_hash", "subject"}:
                continue
            rows = model._default_manager.exclude(**{column: ""}).exclude(**{f"{column}__isnull": True})
            for address in rows.order_by().values_list(column, flat=True).distinct().iterator():
                if address not in seen and not digests.keys().isdisjoint(address_hashes(address)):
                    seen.add(address)
                    yield address


def keep_mails(look: Look) -> Finding:
    """Keep mails that waited in the backup from leaving a second time; a person may still send each.

    One that would have been tried only after the house was last alive goes out as it should.
    """
    states = [OutgoingMail.State.QUEUED, OutgoingMail.State.SENDING, OutgoingMail.State.UNKNOWN]
    until = look.restoration.lost_until
    # What is older than the restore was in the backup: nothing of the time between the two is here.
    rows = OutgoingMail.objects.filter(
        state__in=states, created_at__lt=look.restoration.restored_at, not_before__lte=until
    ).exclude(error=RESTORED)
    count = rows.count()
    if not look.is_dry_run:
        rows.update(
            state=OutgoingMail.State.UNKNOWN,
            error=RESTORED,
            not_before=look.at + NEVER,
            claim_id=None,
            claim_expires_at=None,
        )
    told = OutgoingMail.objects.filter(state=OutgoingMail.State.CANCELLED, error=RESTORED).count()
    return Finding(
        f"Outbox: {count} mails that waited in the backup are kept, for a person to look at; "
        f"{told} that tell of the lost time count as sent"
    )
