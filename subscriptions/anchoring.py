"""Anchors: where the consent ledger ended on a day, written where the application cannot rewrite it.

The chain alone cannot show that its end was cut together with its head. A position and its hash that left the machine
can: whoever cuts or rewrites what stood before it is found by `manage.py verify_consent --anchor`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from newsroom.mail import queue_mail
from newsroom.outlet import current_outlet
from subscriptions.ledger import GENESIS_HASH, Fault
from subscriptions.models import Consent, ConsentCheckpoint, ConsentHead

LINE = "newsroom-consent"
# The ledger was restored from a backup: what stood between `lost_from` and this line's time is gone by right.
RESTORED_LINE = "newsroom-consent-restored"


class UnreadableAnchor(ValueError):
    """A line that should be an anchor is none."""


@dataclass(frozen=True)
class Anchor:
    """The last position of the ledger at a time, and the hash of its row. Its text is one line."""

    at: datetime
    position: int
    row_hash: str
    lost_from: datetime | None = None

    def __str__(self) -> str:
        words = [LINE, _written(self.at), str(self.position), self.row_hash]
        if self.lost_from is not None:
            words[0] = RESTORED_LINE
            words.append(_written(self.lost_from))
        return " ".join(words)

    @classmethod
    def parse(cls, line: str) -> "Anchor":
        """Read one line. Raises UnreadableAnchor."""
        try:
            word, at, position, row_hash, *since = line.split()
            lost_from = datetime.fromisoformat(*since) if since else None
            anchor = cls(datetime.fromisoformat(at), int(position), row_hash, lost_from)
        except (ValueError, TypeError) as error:
            raise UnreadableAnchor(line) from error
        if word != (RESTORED_LINE if since else LINE) or len(row_hash) != len(GENESIS_HASH):
            raise UnreadableAnchor(line)
        return anchor


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def read(text: str) -> list[Anchor]:
    """Return every anchor in a file of anchors, or in the text of the mails that brought them."""
    lines = (line.strip(" >|\t") for line in text.splitlines())
    return [Anchor.parse(line) for line in lines if line.startswith(LINE)]


def current(*, at: datetime) -> Anchor:
    head = ConsentHead.objects.filter(pk=1).first() or ConsentHead(position=0, row_hash=GENESIS_HASH)
    return Anchor(at, head.position, head.row_hash)


def write(*, at: datetime, lost_from: datetime | None = None) -> str:
    """Send today's anchor to the place that `CONSENT_ANCHOR` names: a mail address, or a file that it is added to.

    `lost_from` says that the ledger was restored to what it was then.
    """
    place = settings.CONSENT_ANCHOR
    anchor = replace(current(at=at), lost_from=lost_from)
    if not place:
        return "CONSENT_ANCHOR names no place"
    if "@" in place:
        _mail(anchor, to=place)
    else:
        with Path(place).open("a", encoding="ascii") as file:
            file.write(f"{anchor}\n")
    return f"position {anchor.position}"


def _mail(anchor: Anchor, *, to: str) -> None:
    outlet = current_outlet()
    with override(outlet.language), transaction.atomic():
        queue_mail(
            key=f"consent-anchor:{anchor.at:%Y-%m-%d}" + (":restored" if anchor.lost_from else ""),
            template="notice",
            to=to,
            context={
                "title": _("Anchor of the consent ledger"),
                "words": _("Please keep this mail. With it, a missing end of the ledger can be proved.")
                + f"\n\n{anchor}",
                "url": "",
            },
            language=outlet.language,
            at=anchor.at,
        )


def faults(anchors: Iterable[Anchor]) -> Iterator[Fault]:
    """Yield each anchor that the ledger no longer agrees with.

    What a signed checkpoint covers is gone by right, and so is what a restore took, where a line says so.
    """
    anchors = list(anchors)
    lost = [(one.lost_from, one.at) for one in anchors if one.lost_from is not None]
    last = ConsentCheckpoint.objects.order_by("-position").first()
    begins_after = last.position if last else 0
    for anchor in anchors:
        was_lost = anchor.lost_from is None and any(begin < anchor.at < end for begin, end in lost)
        if anchor.position == 0 or anchor.position < begins_after or was_lost:
            continue
        row_hash = _hash_at(anchor.position, last)
        if row_hash is None:
            yield Fault(
                anchor.position, f"the ledger reached this position on {anchor.at:%Y-%m-%d}, and now ends before"
            )
        elif row_hash != anchor.row_hash:
            yield Fault(anchor.position, f"the row is not the one that stood here on {anchor.at:%Y-%m-%d}")


def _hash_at(position: int, checkpoint: ConsentCheckpoint | None) -> str | None:
    if checkpoint is not None and checkpoint.position == position:
        return checkpoint.row_hash
    return Consent.objects.filter(position=position).values_list("row_hash", flat=True).first()
