"""What undeliverable mail means for an address: classed by the enhanced status code and never by a provider's label.

A hard bounce says that the mailbox does not exist: the address is suppressed. A soft bounce may pass: it is counted, a
delivery sets the count back, and too many in a row suppress for a while. What a server says about us, our message or
its own policy is no fault of the reader and counts for nothing.
"""

import re
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db import transaction

from newsroom.addresses import address_hash, address_hashes
from newsroom.models import SoftBounces, Suppression
from newsroom.suppressions import reasons_against, suppress

ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
KEY = re.compile(r"[0-9a-f]{32}")

# RFC 3463 and the registry of RFC 5248. 1.7 and 1.8 speak of the sender's address; 7.13 and 7.17 of a mailbox that was
# closed or has another owner. 4.4 and Exchange's 4.310: the domain has nowhere to deliver to.
HARD = {(1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (1, 6), (1, 9), (1, 10), (2, 1), (4, 4), (4, 310), (7, 13), (7, 17)}
# Not about the reader: the sender's address, the message's size or content, the protocol, and policy.
HOUSE_SUBJECTS = {5, 6, 7}
HOUSE = {(1, 7), (1, 8), (2, 3), (3, 4)}

HARD_FOR = timedelta(days=180)
# So many soft bounces in a row, with nothing delivered between them, and the address rests.
SOFT_LIMIT = 5
SOFT_FOR = timedelta(days=30)
# A count that nobody added to for this long says nothing any more.
SOFT_KEPT = timedelta(days=90)


class Weight(StrEnum):
    HARD = "hard"
    SOFT = "soft"
    HOUSE = "house"


def code_in(text: str) -> str:
    """Return the first enhanced status code of a server's words, or ''."""
    match = ENHANCED.search(text)
    return match[0] if match else ""


def weigh(status_code: str) -> Weight:
    """Return what a failure with this code says. One without a code may pass, and is counted."""
    match = ENHANCED.fullmatch(status_code)
    if match is None:
        return Weight.SOFT
    permanence, detail = match[1], (int(match[2]), int(match[3]))
    if permanence == "2" or (detail not in HARD and (detail[0] in HOUSE_SUBJECTS or detail in HOUSE)):
        return Weight.HOUSE
    return Weight.HARD if permanence == "5" and detail in HARD else Weight.SOFT


@transaction.atomic
def heard(address: str, *, status_code: str, at: datetime) -> bool:
    """Count a failure against a normalised address, and say whether it was suppressed for it."""
    weight = weigh(status_code)
    if not address or weight is Weight.HOUSE:
        return False
    if weight is Weight.HARD:
        _suppress(address, at=at, lasts=HARD_FOR)
        return True
    # A count that an older key wrote goes on.
    known = SoftBounces.objects.filter(address_hash__in=address_hashes(address))
    if not known.exists():
        SoftBounces.objects.get_or_create(address_hash=address_hash(address), defaults={"last_at": at})
    row = known.select_for_update().order_by("pk")[0]
    row.count = 1 if row.last_at < at - SOFT_KEPT else row.count + 1
    row.last_at = max(row.last_at, at)
    row.save()
    if row.count < SOFT_LIMIT:
        return False
    row.delete()
    _suppress(address, at=at, lasts=SOFT_FOR)
    return True


def delivered(address: str) -> None:
    """Set the count of soft bounces back: the mailbox takes mail, or nobody counts any more."""
    SoftBounces.objects.filter(address_hash__in=address_hashes(address)).delete()


def forget_old(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Delete counts that nobody added to for long."""
    old = SoftBounces.objects.filter(last_at__lt=limit)
    return old.count() if is_dry_run else old.delete()[0]


def _suppress(address: str, *, at: datetime, lasts: timedelta) -> None:
    suppress(
        address,
        reason=Suppression.Reason.BOUNCED,
        scope=Suppression.Scope.EVERYTHING,
        at=at,
        expires_at=at + lasts,
    )


def return_path(sender: str, *, key: str) -> str:
    """Return the envelope's sender: one address for each mail where BOUNCE_ADDRESS is set, so any report names it."""
    local, _at, domain = settings.BOUNCE_ADDRESS.partition("@")
    return f"{local}+{key}@{domain}" if domain else sender


def key_in(address: str) -> str:
    """Return the key of a mail from the address that its report was sent to, or ''."""
    local, _at, domain = settings.BOUNCE_ADDRESS.lower().partition("@")
    box, _at, host = address.strip().strip("<>").lower().rpartition("@")
    name, _plus, key = box.partition("+")
    return key if domain and (name, host) == (local, domain) and KEY.fullmatch(key) else ""


def is_at_rest(address: str, *, at: datetime) -> bool:
    """Say whether a normalised address is suppressed because mail to it failed."""
    return Suppression.Reason.BOUNCED in reasons_against(address, scope=Suppression.Scope.EVERYTHING, at=at)
