"""Backups that nobody could read, and a list of who left that nobody could write, are faults of the configuration."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyrage
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's own name.


@register(Tags.security)
def backups_are_readable(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Every recipient is a public key, and no private one lies on this machine's environment by mistake."""
    return list(_recipient_faults())


def _recipient_faults() -> Iterator[CheckMessage]:
    for number, text in enumerate(settings.BACKUP_RECIPIENTS, start=1):
        if text.startswith("AGE-SECRET-KEY-"):
            yield Error(
                f"BACKUP_RECIPIENTS: key {number} is a private key, which opens every backup.",
                hint="Make a new pair, keep its private key off this machine, and name the public one: age1…",
                id="newsroom.E060",
            )
            continue
        try:
            pyrage.x25519.Recipient.from_str(text)
        except pyrage.RecipientError:
            yield Error(
                f"BACKUP_RECIPIENTS: key {number} is no public key of age.",
                hint="It begins with age1, as age-keygen prints it.",
                id="newsroom.E061",
            )
    if settings.BACKUP_KEEP < 1:
        yield Error("BACKUP_KEEP is less than 1.", id="newsroom.E062")


@register(Tags.security)
def offsite_list_is_a_place(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """OFFSITE_LIST is a file in a folder that is there, or an address that nobody on the way can read."""
    place = settings.OFFSITE_LIST
    parts = urlsplit(place)
    if not place:
        return []
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1"}):
        return []
    if parts.scheme:
        return [Error("OFFSITE_LIST is neither a file nor an https address.", id="newsroom.E063")]
    if not Path(place).is_absolute():
        return [Error("OFFSITE_LIST is not an absolute path.", id="newsroom.E064")]
    return []


@register(Tags.security, deploy=True)
def production_is_backed_up(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """In production somebody can restore, and a restore brings nobody back who left."""
    found: list[CheckMessage] = []
    if settings.IS_PRODUCTION and not settings.BACKUP_RECIPIENTS:
        found.append(
            Warning(
                "BACKUP_RECIPIENTS is not set, so `manage.py backup` makes none.",
                hint="Make a key with age-keygen on another machine, and name its public half.",
                id="newsroom.W065",
            )
        )
    if settings.IS_PRODUCTION and not settings.OFFSITE_LIST:
        found.append(
            Warning(
                "OFFSITE_LIST is not set: after a restore, whoever was erased or left since the backup would be back.",
                hint="Set it to a file on other storage, or to an https address that adds what is posted to it.",
                id="newsroom.W066",
            )
        )
    return found
