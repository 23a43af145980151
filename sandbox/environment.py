"""The environment variables that the product reads, for the supervisor's programs and for tests.

A variable that is set already always wins: that is how real servers, a real mail provider or Stripe's own test mode
take the place of the sandbox's.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sandbox.ports import HOST

# Letters and digits that nobody mistakes for one another.
PASSWORD_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def read_values(path: Path) -> dict[str, str]:
    """Read KEY=VALUE lines; a file that is not there has none."""
    if not path.exists():
        return {}
    pairs = (line.partition("=") for line in path.read_text(encoding="utf-8").splitlines())
    return {name: value for name, separator, value in pairs if separator}


def write_values(path: Path, values: Mapping[str, str]) -> None:
    """Write KEY=VALUE lines that only their owner can read."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
    new.replace(path)


def new_secrets() -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "UNSUBSCRIBE_KEYS": f"k1:{secrets.token_hex(32)}",
        "SUPPRESSION_KEYS": f"k1:{secrets.token_hex(32)}",
        "CONSENT_KEYS": f"k1:{secrets.token_hex(32)}",
        "SECOND_FACTOR_KEYS": f"k1:{secrets.token_hex(32)}",
        "STRIPE_SECRET_KEY": f"sk_test_sandbox{secrets.token_hex(16)}",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(24)}",
        "STAFF_LOGIN": "editor",
        "STAFF_PASSWORD": "-".join("".join(secrets.choice(PASSWORD_LETTERS) for _ in range(4)) for _ in range(4)),
    }


def kept_secrets(path: Path) -> dict[str, str]:
    """Return the secrets of a file, which is made, or completed with those that it lacks."""
    kept = read_values(path)
    complete = new_secrets() | kept
    if complete != kept:
        write_values(path, complete)
    return complete


def uses_own_stripe() -> bool:
    """Say whether the sandbox's Stripe stands in, because the environment names no account of Stripe's."""
    return not os.environ.get("STRIPE_SECRET_KEY")


def uses_own_mail() -> bool:
    return not os.environ.get("EMAIL_URL")


def sandbox_values(folder: Path, ports: Mapping[str, int], servers: Mapping[str, str]) -> dict[str, str]:
    """Return every variable for the programs under the supervisor."""
    values = {
        "ENVIRONMENT": "development",
        "DEBUG": "0",
        "SITE_URL": f"http://localhost:{ports['web']}",
        "EMAIL_URL": f"smtp://{HOST}:{ports['smtp']}",
        "DEFAULT_FROM_EMAIL": "The Meridian <post@meridian.example>",
        "MEDIA_ROOT": str(folder / "media"),
        "STATIC_ROOT": str(folder / "static"),
        "SERVE_MEDIA": "1",
        **kept_secrets(folder / "secrets"),
        **servers,
    }
    if uses_own_stripe():
        origin = f"http://{HOST}:{ports['stripe']}"
        # Named for the demo as well, which writes the history of its gifts there before Stripe is started.
        data = str(folder / "stripe" / "state.sqlite3")
        values |= {"STRIPE_API_BASE": origin, "STRIPE_PAGE_ORIGINS": origin, "STRIPE_SANDBOX_DATA": data}
    else:
        # A webhook secret made here would only hide that the account's own is missing.
        del values["STRIPE_WEBHOOK_SECRET"]
    named = (
        "DATABASE_URL",
        "DATABASE_OWNER_URL",
        "POSTGRES_PROGRAMS",
        "REDIS_URL",
        "CACHE_URL",
        "STRIPE_WEBHOOK_SECRET",
        "STRIPE_API_BASE",
        *values,
    )
    return values | {name: os.environ[name] for name in named if os.environ.get(name)}


def throwaway_values(folder: Path, servers: Mapping[str, str], *, smtp_port: int) -> dict[str, str]:
    """Return every variable for tests and single commands. Keys are fixed, so that a failure can be repeated."""
    return {
        "ENVIRONMENT": "development",
        "DEBUG": "0",
        "SECRET_KEY": "throw-away-" + "s" * 50,
        "SITE_URL": "http://testserver",
        "EXTRA_HOSTS": f"localhost,{HOST}",
        "EMAIL_URL": f"smtp://{HOST}:{smtp_port}",
        "DEFAULT_FROM_EMAIL": "The Meridian <post@meridian.example>",
        "UNSUBSCRIBE_KEYS": f"k2:{'b2' * 32},k1:{'a1' * 32}",
        "SUPPRESSION_KEYS": f"k1:{'c3' * 32}",
        "CONSENT_KEYS": f"k1:{'d4' * 32}",
        "SECOND_FACTOR_KEYS": f"k1:{'a7' * 32}",
        "STRIPE_SECRET_KEY": f"sk_test_sandbox{'e5' * 16}",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{'f6' * 24}",
        "STRIPE_API_BASE": "",
        "STRIPE_PAGE_ORIGINS": "",
        "STRIPE_LIVE": "0",
        "TRUSTED_PROXIES": "0",
        "MEDIA_ROOT": str(folder / "media"),
        "STATIC_ROOT": str(folder / "static"),
        "SERVE_MEDIA": "1",
        "STAFF_LOGIN": "editor",
        "STAFF_PASSWORD": "throw-away-password",
        **servers,
    }


def with_database_number(url: str, number: int) -> str:
    """Return a Redis address with another database number, in either of its two spellings."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    if parts.scheme == "unix" or "db" in query:
        return f"{url.partition('?')[0]}?{urlencode(query | {'db': str(number)})}"
    return urlunsplit(parts._replace(path=f"/{number}"))
