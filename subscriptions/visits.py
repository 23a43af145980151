"""The reader's own page: a link that is mailed, opened once within 15 minutes, and a visit of half an hour."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from newsroom import persons, registry
from newsroom.limits import allow, is_shared
from newsroom.mail import queue_mail
from newsroom.models import Suppression
from newsroom.suppressions import lift, reasons_against, suppress
from newsroom.waking import wake, wake_again
from subscriptions import readers
from subscriptions.models import AddressChange, ReaderVisit, Subscriber

Reason = Suppression.Reason

LINK_LASTS = timedelta(minutes=15)
VISIT_LASTS = timedelta(minutes=30)
CHANGE_LASTS = timedelta(days=1)
# A wish that was not answered for a day (the broker and the sweep both away) is no longer wanted.
FORGOTTEN_AFTER = timedelta(days=1)

NETWORK_RATE = "10/hour"
SHARED_NETWORK_RATE = "300/hour"
ADDRESS_RATE = "3/hour"
CHANGE_RATE = "5/day"
CHANGE_RATE_TO_ADDRESS = "3/day"


class TooManyVisits(Exception):
    """This network asked too often."""


class LinkEnded(Exception):
    """The link was used before, is too old, or was never made."""


class AddressTaken(Exception):
    """The new address has a subscription of its own."""


@dataclass(frozen=True)
class Visit:
    """An open visit: whose it is, and the proof that its forms carry against forgery by other sites."""

    pk: int
    address: str
    language: str
    form_proof: str


def request_link(*, address: str, language: str, network: str, at: datetime) -> None:
    """Keep the wish for a link. The work is the same for every address. Raises TooManyVisits."""
    if not allow("visit-network", network, rate=SHARED_NETWORK_RATE if is_shared(network) else NETWORK_RATE):
        raise TooManyVisits
    with transaction.atomic():
        visit = ReaderVisit.objects.create(address=address, language=language, requested_at=at)
        wake("subscriptions.tasks.send_visit_link", visit.pk)


def send_link(pk: int, *, at: datetime) -> None:
    """Mail the link if anything is held about the address; else forget the wish. A second call finds nothing to do."""
    visit = ReaderVisit.objects.filter(pk=pk, token_hash__isnull=True).first()
    if visit is None:
        return
    if visit.is_within_limit is None:
        # Kept before anything else is tried: a later try is not another wish of the reader.
        visit.is_within_limit = allow("visit-address", visit.address, rate=ADDRESS_RATE)
        ReaderVisit.objects.filter(pk=pk).update(is_within_limit=visit.is_within_limit)
    with transaction.atomic():
        visit = ReaderVisit.objects.select_for_update(skip_locked=True).filter(pk=pk, token_hash__isnull=True).first()
        if visit is None:
            return
        if not (visit.is_within_limit and is_known(visit.address)):
            visit.delete()
            return
        token = secrets.token_urlsafe(32)
        visit.token_hash, visit.expires_at = _hash(token), at + LINK_LASTS
        visit.save(update_fields=["token_hash", "expires_at"])
        queue_mail(
            key=f"visit:{visit.pk}",
            template="own_page",
            to=visit.address,
            context={
                "url": settings.SITE_URL + reverse("subscriptions:open_visit", kwargs={"token": token}),
                "minutes": int(LINK_LASTS.total_seconds() // 60),
            },
            language=visit.language,
            at=at,
        )


def is_known(address: str) -> bool:
    """Say whether any package holds something about a normalised address."""
    if Subscriber.objects.filter(email=address).exists():
        return True
    others = (exported for name, exported in registry.person_exported.items() if name != "newsletters")
    return any(any(exported(address).values()) for exported in others)


def sweep(*, at: datetime, limit: int = 200) -> int:
    """Wake a worker for wishes that wait, and delete the visits that ended."""
    ended = ReaderVisit.objects.filter(requested_at__lt=at - FORGOTTEN_AFTER)
    ended.delete()
    AddressChange.objects.filter(expires_at__lt=at).delete()
    waiting = ReaderVisit.objects.filter(token_hash__isnull=True, requested_at__gte=at - FORGOTTEN_AFTER)
    pks = list(waiting.order_by("pk").values_list("pk", flat=True)[:limit])
    for pk in pks:
        wake_again("subscriptions.tasks.send_visit_link", pk)
    return len(pks)


def can_open(token: str, *, at: datetime) -> bool:
    """Say whether a mailed link can still be opened, and change nothing."""
    return ReaderVisit.objects.filter(token_hash=_hash(token), opened_at__isnull=True, expires_at__gt=at).exists()


def open_visit(token: str, *, at: datetime) -> str:
    """Use a mailed link up and return the secret of the visit, for the browser's cookie. Raises LinkEnded."""
    secret = secrets.token_urlsafe(32)
    unused = ReaderVisit.objects.filter(token_hash=_hash(token), opened_at__isnull=True, expires_at__gt=at)
    if not unused.update(opened_at=at, session_hash=_hash(secret), session_expires_at=at + VISIT_LASTS):
        raise LinkEnded
    return secret


def find(secret: str, *, at: datetime) -> Visit | None:
    """Return the open visit of a cookie's secret."""
    if not secret:
        return None
    row = ReaderVisit.objects.filter(session_hash=_hash(secret), session_expires_at__gt=at).first()
    if row is None:
        return None
    return Visit(pk=row.pk, address=row.address, language=row.language, form_proof=_form_proof(secret))


def is_own_form(visit: Visit, proof: str) -> bool:
    return hmac.compare_digest(visit.form_proof.encode(), proof.encode())


def close(visit: Visit) -> None:
    ReaderVisit.objects.filter(pk=visit.pk).delete()


def request_address_change(subscriber: Subscriber, *, new_address: str, at: datetime) -> None:
    """Mail a button to the new address. Nothing tells whether that address is known here, nor whether it is mailed.

    Nothing is mailed beyond what one reader may ask for and one mailbox gets, so that the page is no way to flood
    somebody else. The limits are asked before the transaction, because they speak to another server.
    """
    if allow("address-change", str(subscriber.subject), rate=CHANGE_RATE) and allow(
        "address-change-to", new_address, rate=CHANGE_RATE_TO_ADDRESS
    ):
        _mail_address_change(subscriber, new_address, at)


@transaction.atomic
def _mail_address_change(subscriber: Subscriber, new_address: str, at: datetime) -> None:
    """End an earlier wish and mail the new one's button, but none to an address that bounced, complained or left."""
    AddressChange.objects.filter(subscriber=subscriber).delete()
    if set(reasons_against(new_address, scope=Suppression.Scope.NEWSLETTERS, at=at)) - {Reason.MOVED}:
        return
    token = secrets.token_urlsafe(32)
    change = AddressChange.objects.create(
        subscriber=subscriber,
        new_address=new_address,
        token_hash=_hash(token),
        requested_at=at,
        expires_at=at + CHANGE_LASTS,
    )
    queue_mail(
        key=f"address-change:{change.pk}",
        template="address_change",
        to=new_address,
        context={"url": settings.SITE_URL + reverse("subscriptions:confirm_address", kwargs={"token": token})},
        language=subscriber.language,
        at=at,
    )


def can_change(token: str, *, at: datetime) -> bool:
    return AddressChange.objects.filter(token_hash=_hash(token), expires_at__gt=at).exists()


@transaction.atomic
def change_address(token: str, *, at: datetime) -> Subscriber:
    """Give the subscriber the new address, tell the old one, and forget it. Raises LinkEnded and AddressTaken."""
    change = AddressChange.objects.select_for_update().filter(token_hash=_hash(token), expires_at__gt=at).first()
    if change is None:
        raise LinkEnded
    old = change.subscriber.email
    if Subscriber.objects.filter(email=change.new_address).exists():
        raise AddressTaken
    # The order of an erasure: what stands beside the person, the person's row, the outbox.
    readers.forget_beside(old)
    subscriber = Subscriber.objects.select_for_update().get(pk=change.subscriber_id)
    if subscriber.email != old:
        raise LinkEnded
    readers.forget_words_of_servers(subscriber)
    subscriber.email = change.new_address
    subscriber.save(update_fields=["email"])
    if not readers.is_known_elsewhere(old):
        # Where a gift or a reminder knows the person by it, mails to it are found by it when that is erased.
        persons.forget_mails(old, at=at)
    suppress(old, reason=Reason.MOVED, scope=Suppression.Scope.NEWSLETTERS, at=at)
    lift(change.new_address, reasons=[Reason.MOVED])
    queue_mail(
        key=f"address-changed:{change.pk}",
        template="address_changed",
        to=old,
        context={},
        language=subscriber.language,
        at=at,
    )
    change.delete()
    return subscriber


def erase(visit: Visit, *, at: datetime) -> None:
    """Erase the person of a visit everywhere, and with them the visit. Raises registry.CannotLeaveNow."""
    persons.erase(visit.address, at=at)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _form_proof(secret: str) -> str:
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()
