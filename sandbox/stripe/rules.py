"""The rules of Stripe's that no type can say: lengths, formats, and what is allowed in metadata."""

import re
from typing import Any
from urllib.parse import urlsplit

from sandbox.stripe.errors import invalid

METADATA_KEYS = 50
METADATA_KEY_LENGTH = 40
METADATA_VALUE_LENGTH = 500
DESCRIPTOR_LENGTH = 22
ADDRESSES = ("success_url", "cancel_url", "return_url", "url")
EMAILS = ("email", "customer_email", "receipt_email")
LONGEST = {"client_reference_id": 200, "email": 512, "customer_email": 800, "name": 5000, "description": 5000}


def check(params: dict[str, Any], path: str = "") -> None:
    """Refuse parameters that break a rule which holds wherever the parameter appears."""
    for name, value in params.items():
        where = f"{path}[{name}]" if path else name
        if name == "metadata":
            _check_metadata(value, where)
        elif isinstance(value, dict):
            check(value, where)
        elif isinstance(value, list):
            for position, inner in enumerate(value):
                if isinstance(inner, dict):
                    check(inner, f"{where}[{position}]")
        elif isinstance(value, str):
            _check_text(name, value, where)
        elif name == "limit" and not 1 <= value <= 100:
            raise invalid(
                f"This value must be between 1 and 100 (inclusive). You passed {value}.",
                param=where,
                code="parameter_invalid_integer",
            )


def _check_metadata(metadata: Any, where: str) -> None:
    if not isinstance(metadata, dict):
        return
    if len(metadata) > METADATA_KEYS:
        raise invalid(
            f"Metadata can have up to {METADATA_KEYS} keys, but you passed in {len(metadata)} keys.",
            param=where,
            code="metadata_too_many_keys",
        )
    for key, value in metadata.items():
        if len(key) > METADATA_KEY_LENGTH:
            raise invalid(
                f"Metadata keys can have up to {METADATA_KEY_LENGTH} characters, but you passed in a key that is"
                f" {len(key)} characters. Invalid key: {key}",
                param=where,
            )
        if len(value) > METADATA_VALUE_LENGTH:
            raise invalid(
                f"Metadata values can have up to {METADATA_VALUE_LENGTH} characters, but you passed in a value that is"
                f" {len(value)} characters. Invalid value: {value}",
                param=f"{where}[{key}]",
            )


def _check_text(name: str, value: str, where: str) -> None:
    if len(value) > LONGEST.get(name, 5000):
        raise invalid(
            f"Invalid string: {value[:30]}…; must be at most {LONGEST.get(name, 5000)} characters",
            param=where,
            code="parameter_invalid_string",
        )
    if name in ("statement_descriptor", "statement_descriptor_suffix"):
        _check_descriptor(name, value, where)
    elif name in ADDRESSES and value and not _is_url(value):
        raise invalid("Not a valid URL", param=where, code="url_invalid")
    elif name in EMAILS and value and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", value):
        raise invalid(f"Invalid email address: {value}", param=where, code="email_invalid")


def _is_url(value: str) -> bool:
    parts = urlsplit(value)
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _check_descriptor(name: str, value: str, where: str) -> None:
    shown = name.replace("_", " ")
    if len(value) > DESCRIPTOR_LENGTH:
        raise invalid(f"The {shown} must be at most {DESCRIPTOR_LENGTH} characters.", param=where)
    if value and not re.search("[A-Za-z]", value):
        raise invalid(f"The {shown} must contain at least one alphabetic character.", param=where)
    if re.search("[<>\\\\'\"*]", value):
        raise invalid(f"The {shown} must not contain any of the characters <, >, \\, ', \", *.", param=where)


def merged_metadata(old: dict[str, str] | None, new: Any) -> dict[str, str]:
    """Return metadata after an update: an empty value removes its key, an empty string removes all."""
    if new == "":
        return {}
    merged = (old or {}) | new
    kept = {key: value for key, value in merged.items() if value != ""}
    _check_metadata(kept, "metadata")
    return kept
