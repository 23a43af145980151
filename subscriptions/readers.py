"""Everything this package holds about one reader: as a document, and its erasure."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from newsroom.addresses import address_hash, address_hashes
from subscriptions import consent, ledger
from subscriptions.models import (
    AddressChange,
    Consent,
    Delivery,
    Erasure,
    ImportRow,
    ReaderVisit,
    SignupRequest,
    Subscriber,
    Subscription,
)


def export_person(address: str) -> dict[str, Any]:
    """Return everything held about the reader behind a normalised address, as JSON. Empty lists where nothing is."""
    subscriber = Subscriber.objects.filter(email=address).first()
    own = Subscription.objects.filter(subscriber=subscriber).select_related("newsletter").order_by("pk")
    deliveries = Delivery.objects.filter(subscription__subscriber=subscriber).select_related("issue__newsletter")
    return {
        "subscriber": [_fields(subscriber, "email", "language", "subject", "created_at", "confirmed_at")]
        if subscriber
        else [],
        "subscriptions": [
            {
                "newsletter": one.newsletter.name,
                "name_in_links": str(one.link_id),
                "state": one.state,
                **_fields(one, "requested_at", "confirmed_at", "unsubscribed_at", "suppressed_at", "paused_until"),
            }
            for one in own
        ],
        "consent": [_fields(row, "position", *ledger.ENTRY_FIELDS, "row_hash") for row in ledger_of(subscriber)],
        "issues_sent": [
            {
                "newsletter": one.issue.newsletter.name,
                "issue_date": one.issue.issue_date.isoformat(),
                **_fields(one, "state", "reason", "outcome_at", "reply"),
            }
            for one in deliveries.order_by("pk")
        ],
        "sign_ups_in_waiting": [
            _fields(row, "wording", "language", "page", "method", "requested_at")
            for row in SignupRequest.objects.filter(email=address).order_by("pk")
        ],
        "visits": [
            _fields(row, "requested_at", "expires_at", "opened_at", "session_expires_at")
            for row in ReaderVisit.objects.filter(address=address).order_by("pk")
        ],
        "lines_of_imports": [
            {"file": row.subscriber_import.file_name, **_fields(row, "line", "email", "signed_up_at", "verdict")}
            for row in ImportRow.objects.filter(email=address).select_related("subscriber_import").order_by("pk")
        ],
        "address_changes": [
            _fields(row, "new_address", "requested_at", "expires_at")
            for row in AddressChange.objects.filter(subscriber=subscriber).order_by("pk")
        ],
    }


def ledger_of(subscriber: Subscriber | None) -> QuerySet[Consent]:
    """Return what the ledger holds of a reader, in order."""
    if subscriber is None:
        return Consent.objects.none()
    return Consent.objects.filter(subject=subscriber.subject).order_by("position")


def ledger_by_address(address: str) -> QuerySet[Consent]:
    """Return what the ledger holds of whoever presents an address, also where the person was erased since."""
    subscriber = Subscriber.objects.filter(email=address).first()
    erased = Erasure.objects.filter(address_hash__in=address_hashes(address))
    subjects = [subject for subject in erased.values_list("subject", flat=True) if subject is not None]
    if subscriber is not None:
        subjects.append(subscriber.subject)
    return Consent.objects.filter(subject__in=subjects).order_by("position")


def erase_person(address: str, at: datetime) -> None:
    """Erase a reader from this package, in the transaction that erases the person.

    1. Consent that stands is withdrawn in the ledger, which names nobody once the person's row is gone.
    2. Deliveries stay as counts, without their person and without the mail server's words.
    3. The person's rows go, and an Erasure row with a keyed hash proves it.
    """
    SignupRequest.objects.filter(email=address).delete()
    ReaderVisit.objects.filter(address=address).delete()
    AddressChange.objects.filter(new_address=address).delete()
    in_imports = ImportRow.objects.filter(email=address)
    in_imports.filter(verdict="").update(verdict=ImportRow.Verdict.SUPPRESSED)
    in_imports.update(email="")
    subscriber = Subscriber.objects.select_for_update().filter(email=address).first()
    subject = subscriber.subject if subscriber else None
    Erasure.objects.create(address_hash=address_hash(address), subject=subject, erased_at=at)
    if subscriber is None:
        return
    for subscription in Subscription.objects.filter(subscriber=subscriber).order_by("pk"):
        consent.withdraw(subscription, page="", method=Consent.Method.ERASURE, at=at)
    Delivery.objects.filter(subscription__subscriber=subscriber).exclude(reply="").update(reply="")
    Subscription.objects.filter(subscriber=subscriber).delete()
    subscriber.delete()


def _fields(row: Any, *names: str) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in names}
    return {name: value.isoformat() if isinstance(value, datetime) else _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | bool) else str(value)
