"""Configuration that would be unsafe stops the start, with the variable's name."""

import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.conf.locale import LANG_INFO
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's own name.
from django.db import connection

from newsroom import database_roles, staff_secrets
from newsroom.onion import is_onion_address
from newsroom.providers import PROVIDERS, SMTP_SCHEMES

MAILBOX_SCHEMES = ("imap", "imaps", "maildir")
BOUNCE_ADDRESS = re.compile(r"[a-z0-9._-]+@[a-z0-9.-]+\.[a-z0-9-]+\Z", re.IGNORECASE)
KEYRINGS = {
    "UNSUBSCRIBE_KEYS": "the unsubscribe links in mails",
    "SUPPRESSION_KEYS": "the hashes of addresses that must not be written to",
    "CONSENT_KEYS": "the consent ledger's chain",
    "SECOND_FACTOR_KEYS": "what the staff's authenticator apps share with us",
}


@register(Tags.security)
def keyrings_are_sound(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Every key is 32 random bytes under an id, and none is used twice."""
    return list(_keyring_faults())


def _keyring_faults() -> Iterator[CheckMessage]:
    seen = {}
    secret_key = os.environ.get("SECRET_KEY", "")
    if settings.IS_PRODUCTION and not secret_key:
        yield Error("SECRET_KEY is not set.", hint="Set it to 50 random characters.", id="newsroom.E004")
    if secret_key:
        seen[secret_key] = "SECRET_KEY"
    for name, purpose in KEYRINGS.items():
        keys = getattr(settings, name)
        if not keys:
            yield Error(
                f"{name} is empty, and protects {purpose}.",
                hint=f"Set {name}=k1:<64 hex digits>, for instance from: openssl rand -hex 32",
                id="newsroom.E001",
            )
        for key_id, secret in keys.items():
            if len(secret) != 64 or not set(secret.lower()) <= set("0123456789abcdef"):
                yield Error(f"{name}: the key {key_id!r} is not 64 hexadecimal digits.", id="newsroom.E002")
            if secret in seen:
                yield Error(
                    f"{name} repeats a secret of {seen[secret]}.", hint="Use a key for one purpose.", id="newsroom.E003"
                )
            seen[secret] = name


@register(Tags.security)
def mail_can_be_sent(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """EMAIL_URL names a kind of server that is known here, with its key, and one that leaves readers' links alone."""
    return list(_mail_faults())


def _mail_faults() -> Iterator[CheckMessage]:
    url = urlsplit(settings.EMAIL_URL)
    provider = settings.MAIL_PROVIDER
    if settings.EMAIL_URL and provider is None and url.scheme not in SMTP_SCHEMES:
        known = ", ".join([*SMTP_SCHEMES, *PROVIDERS])
        yield Error(
            f"EMAIL_URL begins with {url.scheme!r}.",
            hint=f"It begins with one of: {known}. Other providers cannot give each reader a header of their own, and "
            "are reached by SMTP.",
            id="newsroom.E018",
        )
    if provider is not None:
        names = [f"{provider.scheme}_{name}".upper() for part, name in provider.names.items() if part != "host"]
        if missing := [name for name in names if not settings.ANYMAIL.get(name)]:
            yield Error(f"EMAIL_URL lacks the provider's key ({', '.join(missing)}).", id="newsroom.E019")
        if not provider.can_stop_tracking and not settings.ALLOW_PROVIDER_TRACKING:
            yield Error(
                f"EMAIL_URL names {provider.title}, whose open and click tracking cannot be switched off by us.",
                hint="Take another provider, or switch tracking off in its account and set ALLOW_PROVIDER_TRACKING=1.",
                id="newsroom.E020",
            )
        if not settings.MAIL_WEBHOOK_SECRET:
            yield Warning(
                "MAIL_WEBHOOK_SECRET is not set, so nothing is learned of bounces and complaints.",
                hint="Set it to user:password and give the provider the address /mail/events/ with it.",
                id="newsroom.W021",
            )
        elif ":" not in settings.MAIL_WEBHOOK_SECRET:
            yield Error("MAIL_WEBHOOK_SECRET is not of the form user:password.", id="newsroom.E022")
    if settings.BOUNCES_URL and urlsplit(settings.BOUNCES_URL).scheme not in MAILBOX_SCHEMES:
        yield Error("BOUNCES_URL is no mailbox.", hint="Use imaps://, imap:// or maildir://.", id="newsroom.E023")
    if settings.BOUNCE_ADDRESS and not BOUNCE_ADDRESS.match(settings.BOUNCE_ADDRESS):
        yield Error("BOUNCE_ADDRESS is no plain address.", hint="Such as bounces@example.org.", id="newsroom.E024")


@register(Tags.translation)
def languages_are_known(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """LANGUAGES holds languages that Django has names and dates of, and English, which words fall back to."""
    codes = [code for code, _name in settings.LANGUAGES]
    unknown = [code for code in codes if "name" not in LANG_INFO.get(code, {})]
    faults: list[CheckMessage] = []
    if unknown or len(codes) != len(set(codes)):
        hint = "Write each once, as in: en ru uk pt-br zh-hans"
        faults.append(Error(f"LANGUAGES is {' '.join(codes)!r}.", hint=hint, id="newsroom.E025"))
    if "en" not in codes:
        hint = "Add it: whatever is not translated is said in English."
        faults.append(Error("LANGUAGES lacks en.", hint=hint, id="newsroom.E026"))
    return faults


@register(Tags.security, deploy=True)
def production_is_safe(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """What a development machine may do and a production machine may not."""
    return [*_server_faults(), *_site_faults()] if settings.IS_PRODUCTION else []


def _server_faults() -> Iterator[CheckMessage]:
    if not settings.DATABASE_URL:
        yield Error("DATABASE_URL is not set.", hint="Name the PostgreSQL database.", id="newsroom.E011")
    for name in ("DATABASE_URL", "REDIS_URL", "CACHE_URL"):
        # The sandbox keeps its sockets in folders of this name.
        if ".sandbox" in getattr(settings, name):
            yield Error(f"{name} names a server of the sandbox.", id="newsroom.E012")
    if not settings.EMAIL_URL:
        yield Error("EMAIL_URL is not set.", hint="Name the SMTP server, e.g. smtp+starttls://…", id="newsroom.E013")
    if not settings.CONSENT_ANCHOR:
        yield Warning(
            "CONSENT_ANCHOR is not set: a consent ledger whose end was cut could not be told from a whole one.",
            hint="Set it to a mail address, or to a file on storage that this machine can only append to.",
            id="newsroom.W018",
        )
    if settings.CACHE_URL == settings.REDIS_URL:
        yield Warning(
            "CACHE_URL and REDIS_URL are one Redis, but the broker needs noeviction and the cache allkeys-lru.",
            hint="Set CACHE_URL to a second Redis.",
            id="newsroom.W016",
        )


def _site_faults() -> Iterator[CheckMessage]:
    if settings.ENVIRONMENT not in {"production", "development"}:
        yield Error(
            f"ENVIRONMENT is {settings.ENVIRONMENT!r}; it is either 'production' or 'development'.", id="newsroom.E009"
        )
    if settings.DEBUG:
        yield Error("DEBUG is on.", hint="Set DEBUG=0.", id="newsroom.E010")
    if not settings.SITE_URL.startswith("https://") and not settings.SITE_HOST.endswith(".onion"):
        yield Error("SITE_URL is not an https address.", id="newsroom.E014")
    if not settings.STAFF_SECOND_FACTOR:
        yield Error(
            "STAFF_SECOND_FACTOR is off, so a stolen password would open the newsroom.",
            hint="Remove STAFF_SECOND_FACTOR, or set it to 1.",
            id="newsroom.E030",
        )
    if settings.ONION_URL and not is_onion_address(settings.ONION_URL):
        yield Error(
            "ONION_URL is no onion service's address, and every page would send readers there.",
            hint="Set it to http:// and the 56 letters and .onion of the service's file hostname.",
            id="newsroom.E040",
        )
    if urlsplit(settings.SITE_URL).path:
        yield Error("SITE_URL has a path; it is an origin.", id="newsroom.E015")
    if not settings.TRUSTED_PROXIES:
        yield Warning(
            "TRUSTED_PROXIES is 0: behind a proxy every reader would share one limit, and HTTPS would not be seen.",
            hint="Set TRUSTED_PROXIES to the number of proxies in front.",
            id="newsroom.W017",
        )


@register(Tags.database)
def second_factors_can_be_read(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """No key was taken away under which somebody's authenticator app is still written."""
    table = Authenticator._meta.db_table
    if "default" not in (databases or []) or table not in connection.introspection.table_names():
        return []
    missing = staff_secrets.keys_in_use().keys() - settings.SECOND_FACTOR_KEYS.keys() - {""}
    return [
        Error(
            f"SECOND_FACTOR_KEYS lacks {key_id}, under which members of the staff still log in.",
            hint="Put it back behind the newer key. Each log-in writes a person's secrets anew.",
            id="newsroom.E041",
        )
        for key_id in sorted(missing)
    ]


@register(Tags.database)
def facts_are_safe(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """In production the application's role may only add to the tables that hold facts."""
    if not settings.IS_PRODUCTION or "default" not in (databases or []):
        return []
    tables = database_roles.may_rewrite_facts()
    if not tables:
        return []
    return [
        Warning(
            f"The role of DATABASE_URL may rewrite facts: {', '.join(tables)}.",
            hint="Let another role own the tables, and name it in DATABASE_OWNER_URL when you migrate.",
            id="newsroom.W019",
        )
    ]
