"""What an authenticator app shares with us, encrypted: who reads the database, or a backup, makes no code with it.

Written as `<key id>:<Fernet token>` (https://github.com/fernet/spec) under the first of `SECOND_FACTOR_KEYS`. What an
older key wrote, or what was written before there were keys, stays good, and is written anew when its owner logs in.
"""

import base64
from collections import Counter
from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.conf import settings
from django.db import transaction

KIND = Authenticator.Type
# The one value in each kind's data that is a secret. A passkey has none: its data is a public key.
SECRETS = {KIND.TOTP: "secret", KIND.RECOVERY_CODES: "seed"}


def encrypted(text: str) -> str:
    key_id = next(iter(settings.SECOND_FACTOR_KEYS))
    return f"{key_id}:{_cipher(key_id).encrypt(text.encode()).decode()}"


def decrypted(text: str) -> str:
    """Return what was encrypted. Raises KeyError with the id of a key that is gone."""
    key_id, colon, token = text.partition(":")
    return _cipher(key_id).decrypt(token.encode()).decode() if colon else text


def renew(*, user_id: int) -> None:
    """Write a person's secrets under the first key where they are not. A passkey's log-in renews the others' too."""
    current = f"{next(iter(settings.SECOND_FACTOR_KEYS))}:"
    with transaction.atomic():
        for authenticator in _with_secrets().filter(user_id=user_id).order_by("pk").select_for_update():
            name = SECRETS[authenticator.type]
            if not authenticator.data[name].startswith(current):
                authenticator.data[name] = encrypted(decrypted(authenticator.data[name]))
                authenticator.save(update_fields=["data"])


def keys_in_use() -> Counter[str]:
    """Count the secrets by the id of their key; those that nothing encrypts stand under an empty word."""
    secrets = [one.data[SECRETS[one.type]] for one in _with_secrets()]
    return Counter(secret.partition(":")[0] if ":" in secret else "" for secret in secrets)


def _with_secrets() -> Any:
    return Authenticator.objects.filter(type__in=SECRETS)


def _cipher(key_id: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(bytes.fromhex(settings.SECOND_FACTOR_KEYS[key_id])))
