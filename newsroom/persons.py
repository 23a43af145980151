"""One person across all packages: everything held, as a document, and everything erased."""

from datetime import datetime
from typing import Any

from django.db import transaction

from newsroom import bounces, registry
from newsroom.models import OutgoingMail, SoftBounces, Suppression
from newsroom.personal_data import facts_of
from newsroom.suppressions import reasons_against, suppress

State = OutgoingMail.State


def export(address: str) -> dict[str, Any]:
    """Return everything held about the person behind a normalised address, by package, as JSON."""
    return {
        "address": address,
        "mails": facts_of(OutgoingMail, address),
        "suppressed_because": reasons_against(address, scope=Suppression.Scope.NEWSLETTERS),
        "suppressions": facts_of(Suppression, address),
        "mail_that_failed": facts_of(SoftBounces, address),
        **{name: exported(address) for name, exported in registry.person_exported.items()},
    }


def erase(address: str, *, at: datetime) -> None:
    """Erase the person behind a normalised address from every package. Raises registry.CannotLeaveNow.

    1. What runs for the person at other servers, such as a monthly gift, is ended there, outside any transaction.
    2. Each package erases its own, keeping only what names nobody.
    3. Mails that wait are cancelled, and the address leaves every row of the outbox.
    4. A keyed hash stays, so that an import cannot bring the address back; the person can, by signing up again.
    """
    for leave in registry.person_leaving:
        leave(address, at)
    _forget(address, at)


@transaction.atomic
def _forget(address: str, at: datetime) -> None:
    for forget in registry.person_erased:
        forget(address, at)
    forget_mails(address, at=at)
    suppress(address, reason=Suppression.Reason.ERASED, scope=Suppression.Scope.NEWSLETTERS, at=at)


def forget_mails(address: str, *, at: datetime) -> None:
    """Cancel what waits in the outbox for a normalised address, and take the address out of every row."""
    mails = OutgoingMail.objects.filter(address=address)
    mails.filter(state__in=[State.QUEUED, State.SENDING, State.UNKNOWN]).update(
        state=State.CANCELLED, ended_at=at, claim_id=None, claim_expires_at=None
    )
    mails.update(address="", context={}, error="")
    bounces.delivered(address)
