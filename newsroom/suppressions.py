"""Addresses that are not written to. Every mail asks here, whoever sends it."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from newsroom import offsite
from newsroom.addresses import address_hash, address_hashes
from newsroom.models import Suppression


def suppress(
    address: str,
    *,
    reason: Suppression.Reason,
    scope: Suppression.Scope,
    at: datetime,
    expires_at: datetime | None = None,
) -> None:
    """Write to a normalised address no more, for one reason. Doing it again renews the row."""
    digest = address_hash(address)
    with transaction.atomic():
        suppress_hash(digest, reason=reason, scope=scope, at=at, expires_at=expires_at)
        until = expires_at.isoformat() if expires_at else "-"
        offsite.note(offsite.SUPPRESSED, digest=digest, detail=f"{reason}/{scope}/{until}", at=at)


def suppress_hash(
    digest: str,
    *,
    reason: Suppression.Reason,
    scope: Suppression.Scope,
    at: datetime,
    expires_at: datetime | None = None,
) -> None:
    """Write the row of a suppression whose address only a keyed hash names."""
    Suppression.objects.update_or_create(
        address_hash=digest,
        reason=reason,
        defaults={"scope": scope, "expires_at": expires_at, "created_at": at},
    )


def is_suppressed(address: str, *, scope: Suppression.Scope, at: datetime | None = None) -> bool:
    """Say whether mail of this scope may not go to a normalised address. The wider scope covers the narrower."""
    return bool(reasons_against(address, scope=scope, at=at))


def reasons_against(address: str, *, scope: Suppression.Scope, at: datetime | None = None) -> list[str]:
    """Return the reasons why mail of this scope may not go to a normalised address."""
    at = at or timezone.now()
    in_force = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
    rows = Suppression.objects.filter(in_force, address_hash__in=address_hashes(address))
    if scope == Suppression.Scope.EVERYTHING:
        rows = rows.filter(scope=scope)
    return list(rows.order_by("reason").values_list("reason", flat=True))


def forget_old(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Delete suppressions that lapsed before `limit`. What an erasure or a wish of the person left has no end."""
    lapsed = Suppression.objects.filter(expires_at__lt=limit)
    return lapsed.count() if is_dry_run else lapsed.delete()[0]


def lift(address: str, *, reasons: Iterable[Suppression.Reason]) -> int:
    """End suppressions of a normalised address, and return how many there were.

    `erased`, `unsubscribed` and `moved` are lifted only by the person's own deed: a newly confirmed sign-up, a change
    back.
    """
    deleted, _by_model = Suppression.objects.filter(
        address_hash__in=address_hashes(address), reason__in=reasons
    ).delete()
    return deleted
