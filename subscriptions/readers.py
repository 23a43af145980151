"""Everything this package holds about one reader: as a document, and its erasure."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from newsroom import registry
from newsroom.addresses import address_hash, address_hashes
from newsroom.personal_data import facts, facts_of, rows_of
from subscriptions import consent, waiting_files
from subscriptions.models import (
    AddressChange,
    Consent,
    Delivery,
    Erasure,
    ImportRow,
    MailEvent,
    ReaderVisit,
    RenewalRequest,
    SignupRequest,
    Subscriber,
    Subscription,
)


def export_person(address: str) -> dict[str, Any]:
    """Return everything held about the reader behind a normalised address, as JSON. Empty lists where nothing is.

    The declarations beside the models say what is exported of each row.
    """
    subscriptions = rows_of(Subscription, address).select_related("newsletter")
    deliveries = rows_of(Delivery, address).select_related("issue__newsletter")
    in_imports = rows_of(ImportRow, address).select_related("subscriber_import")
    return {
        "subscriber": facts_of(Subscriber, address),
        "subscriptions": [{"newsletter": one.newsletter.name, **facts(one)} for one in subscriptions],
        "consent": [{"position": one.position, **facts(one)} for one in rows_of(Consent, address)],
        "issues_sent": [
            {
                "newsletter": one.issue.newsletter.name,
                "issue_date": one.issue.issue_date.isoformat(),
                **facts(one),
            }
            for one in deliveries
        ],
        "reports_of_mail": facts_of(MailEvent, address),
        "sign_ups_in_waiting": facts_of(SignupRequest, address),
        "visits": facts_of(ReaderVisit, address),
        "lines_of_imports": [{"file": one.subscriber_import.file_name, **facts(one)} for one in in_imports],
        "lines_of_files": waiting_files.lines_about(address),
        "address_changes": facts_of(AddressChange, address),
        "requests_to_renew_consent": facts_of(RenewalRequest, address),
        "erasures": facts_of(Erasure, address),
    }


def subjects_of(address: str) -> list[UUID]:
    """Return the names under which the ledger speaks of a reader, also of one who was erased since."""
    erased = Erasure.objects.filter(address_hash__in=address_hashes(address), subject__isnull=False)
    subscribers = Subscriber.objects.filter(email=address)
    return [subject for rows in (erased, subscribers) for subject in rows.values_list("subject", flat=True) if subject]


def ledger_by_address(address: str) -> QuerySet[Consent]:
    """Return what the ledger holds of whoever presents an address, also where the person was erased since."""
    return Consent.objects.filter(subject__in=subjects_of(address)).order_by("position")


def erase_person(address: str, at: datetime) -> None:
    """Erase a reader from this package, in the transaction that erases the person.

    1. Files of staff's that wait to be imported lose the person's lines.
    2. Consent that stands is withdrawn in the ledger, which names nobody once the person's row is gone.
    3. Deliveries stay as counts, without their person and without the mail server's words.
    4. The person's rows go, and an Erasure row with a keyed hash proves it.
    """
    forget_beside(address)
    subscriber = Subscriber.objects.select_for_update().filter(email=address).first()
    subject = subscriber.subject if subscriber else None
    Erasure.objects.create(address_hash=address_hash(address), subject=subject, erased_at=at)
    if subscriber is None:
        return
    for subscription in Subscription.objects.filter(subscriber=subscriber).order_by("pk"):
        consent.withdraw(subscription, page="", method=Consent.Method.ERASURE, at=at)
    forget_words_of_servers(subscriber)
    Subscription.objects.filter(subscriber=subscriber).delete()
    subscriber.delete()


def forget_beside(address: str) -> None:
    """Take an address out of whatever stands beside the reader's own row, and end a change of address under way."""
    # First, because whoever changes the address holds its row before any other.
    AddressChange.objects.filter(Q(new_address=address) | Q(subscriber__email=address)).delete()
    waiting_files.forget(address)
    SignupRequest.objects.filter(email=address).delete()
    ReaderVisit.objects.filter(address=address).delete()
    in_imports = ImportRow.objects.filter(email=address)
    in_imports.filter(verdict="").update(verdict=ImportRow.Verdict.SUPPRESSED)
    in_imports.update(email="")


def is_known_elsewhere(address: str) -> bool:
    """Say whether another package holds something about an address: a gift, a reminder."""
    others = (exported for name, exported in registry.person_exported.items() if name != "newsletters")
    return any(any(exported(address).values()) for exported in others)


def rows_seen_by_staff(address: str) -> list[Model]:
    """Return the rows whose pages in the admin show the reader behind a normalised address."""
    return [*Subscriber.objects.filter(email=address), *Subscription.objects.filter(subscriber__email=address)]


def forget_words_of_servers(subscriber: Subscriber) -> None:
    """Empty what mail servers answered to a reader's deliveries: many repeat the address, and the rows stay."""
    Delivery.objects.filter(subscription__subscriber=subscriber).exclude(reply="").update(reply="")
