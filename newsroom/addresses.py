"""Email addresses: one normal form, and one keyed hash that may outlive the address."""

import hashlib
import hmac
import re
from functools import lru_cache

from django.conf import settings
from email_validator import EmailNotValidError, validate_email


class InvalidAddress(ValueError):
    """The text is no address that mail can be sent to. The message is fit for a form."""


# What nearly every address looks like. Whatever looks otherwise is taken apart by the validator, which costs far more.
_PLAIN = re.compile(r"([a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*)@([a-z0-9.-]+)")
_LONGEST, _LONGEST_LOCAL_PART = 254, 64


def normalise_email(text: str) -> str:
    """Return the form under which an address is unique: NFC, lower case, the domain in IDNA's ASCII form.

    The local part is lowered although RFC 5321 lets servers distinguish case, as no provider does, and two spellings
    of one reader were two readers elsewhere. Dots and plus-tags are kept: they belong to the address.

    Raises InvalidAddress when the text is no address, or one that needs SMTPUTF8, which much of the mail world refuses.
    """
    text = text.strip()
    plain = _PLAIN.fullmatch(text.lower()) if text.isascii() and len(text) <= _LONGEST else None
    if plain is not None and len(plain[1]) <= _LONGEST_LOCAL_PART and _is_plain_domain(plain[2]):
        return plain[0]
    return _validated(text)


def _validated(text: str) -> str:
    try:
        valid = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise InvalidAddress(str(error)) from error
    if valid.ascii_email is None:
        raise InvalidAddress("The address cannot be written in ASCII.")
    return valid.ascii_email.lower()


@lru_cache(maxsize=10_000)
def _is_plain_domain(domain: str) -> bool:
    """Say whether a domain is valid and in its normal form already. A million readers share a few thousand."""
    try:
        return _validated(f"reader@{domain}") == f"reader@{domain}"
    except InvalidAddress:
        return False


def address_hash(normalised: str) -> str:
    """Return `<key id>:<64 hex>`, a keyed SHA-256 of a normalised address under the current suppression key."""
    key_id = next(iter(settings.SUPPRESSION_KEYS))
    return _hash(normalised, key_id)


def address_hashes(normalised: str) -> list[str]:
    """Return the hash under every known key, so that a look-up still finds what an older key wrote."""
    return [_hash(normalised, key_id) for key_id in settings.SUPPRESSION_KEYS]


def _hash(normalised: str, key_id: str) -> str:
    secret = bytes.fromhex(settings.SUPPRESSION_KEYS[key_id])
    return f"{key_id}:{hmac.digest(secret, normalised.encode(), hashlib.sha256).hex()}"
