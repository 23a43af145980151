"""Removing the ledger's expired beginning, as the role that owns the tables."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connections, transaction
from django.db.models import Exists, Min, OuterRef, Q

from newsroom.database_roles import OWNER
from subscriptions import ledger
from subscriptions.models import Consent, ConsentCheckpoint, ConsentHead, Subscriber

# Claims about a consent lapse three years after the end of the year in which it was last relied upon.
KEPT = timedelta(days=4 * 365)


class PruningRefused(Exception):
    """The ledger does not hold, or nobody here is its owner. The first argument says which."""


@dataclass(frozen=True)
class Prefix:
    """The rows at the ledger's beginning that nobody needs: how many, and up to which position."""

    last_position: int
    rows: int


def expired(*, older_than: datetime) -> Prefix:
    """Return the longest beginning of the ledger that is older than a time and names no person who is still here.

    Positions are gapless and each row leads to the next, so only a beginning can go: one reader who stays keeps all
    rows after their oldest.
    """
    known = Exists(Subscriber.objects.filter(subject=OuterRef("subject")))
    kept_from = Consent.objects.filter(Q(at__gte=older_than) | known).aggregate(first=Min("position"))["first"]
    rows = Consent.objects.all() if kept_from is None else Consent.objects.filter(position__lt=kept_from)
    count = rows.count()
    last = rows.order_by("-position").values_list("position", flat=True).first() or 0
    return Prefix(last, count)


def prune(*, older_than: datetime, at: datetime) -> Prefix:
    """Remove what has expired and leave a signed checkpoint where the ledger begins now. Raises PruningRefused.

    1. The whole ledger is verified: what does not hold must stay as it is found.
    2. As the owner, in one transaction, writers are made to wait, the trigger that refuses is lifted, the rows go, and
       the checkpoint is written.
    """
    if OWNER not in settings.DATABASES:
        raise PruningRefused("DATABASE_OWNER_URL does not name the role that owns the tables.")
    if next(ledger.faults(limit=1), None) is not None:
        raise PruningRefused("The ledger does not hold. Nothing was removed; run verify_consent.")
    prefix = expired(older_than=older_than)
    if prefix.rows == 0:
        return prefix
    with transaction.atomic(using=OWNER), connections[OWNER].cursor() as cursor:
        ConsentHead.objects.using(OWNER).select_for_update().get(pk=1)
        last = Consent.objects.using(OWNER).get(position=prefix.last_position)
        checkpoint = ConsentCheckpoint(
            position=last.position, row_hash=last.row_hash, older_than=older_than, made_at=at
        )
        ledger.sign(checkpoint)
        checkpoint.save(using=OWNER, force_insert=True)
        cursor.execute("ALTER TABLE subscriptions_consent DISABLE TRIGGER subscriptions_consent_append_only")
        cursor.execute("DELETE FROM subscriptions_consent WHERE position <= %s", [prefix.last_position])
        cursor.execute("ALTER TABLE subscriptions_consent ENABLE TRIGGER subscriptions_consent_append_only")
    return prefix
