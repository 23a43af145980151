"""The signed token in each newsletter mail. It names one subscription, never expires, and shows no address."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadEncoding
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from subscriptions import consent
from subscriptions.models import Consent, Newsletter, Subscription, UnsubscribeReason

MAC_BYTES = 16


class BadToken(Exception):
    """The token was altered or cut short, or its key is not known here."""


def token(link_id: UUID) -> str:
    """Return the token of a subscription: key id, then its random name and a MAC of it in URL-safe base64."""
    key_id = next(iter(settings.UNSUBSCRIBE_KEYS))
    return f"{key_id}.{_encoded(link_id.bytes + _mac(link_id, key_id))}"


def read(text: str) -> UUID:
    """Return the subscription's random name from a token. Raises BadToken."""
    key_id, _dot, encoded = text.partition(".")
    if key_id not in settings.UNSUBSCRIBE_KEYS or not encoded.isascii():
        raise BadToken
    try:
        raw = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except BadEncoding as error:
        raise BadToken from error
    # The last character has two bits to spare, and characters outside the alphabet are passed over: one token, one way.
    if len(raw) != 16 + MAC_BYTES or _encoded(raw) != encoded:
        raise BadToken
    link_id = UUID(bytes=raw[:16])
    if not hmac.compare_digest(raw[16:], _mac(link_id, key_id)):
        raise BadToken
    return link_id


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _mac(link_id: UUID, key_id: str) -> bytes:
    key = bytes.fromhex(settings.UNSUBSCRIBE_KEYS[key_id])
    return hmac.digest(key, b"subscription\x00" + link_id.bytes, hashlib.sha256)[:MAC_BYTES]


def find(link_id: UUID) -> Subscription | None:
    """Return the subscription a token names, or None when the person was erased since."""
    return Subscription.objects.select_related("subscriber", "newsletter").filter(link_id=link_id).first()


def unsubscribe(link_id: UUID, *, page: str, method: Consent.Method, at: datetime) -> Subscription | None:
    """End the subscription that a token names; any number of times, and also for a person who was erased since."""
    subscription = find(link_id)
    if subscription is None:
        return None
    return consent.withdraw(subscription, page=page, method=method, at=at)


@transaction.atomic
def count_reason(newsletter: Newsletter, *, reason: UnsubscribeReason.Reason, at: datetime) -> None:
    """Count a reason for leaving, without the person who gave it."""
    day = {"newsletter": newsletter, "date": at.date(), "reason": reason}
    UnsubscribeReason.objects.bulk_create([UnsubscribeReason(**day)], ignore_conflicts=True)
    UnsubscribeReason.objects.filter(**day).update(count=F("count") + 1)
