"""Signed tokens for links that are mailed to one person."""

from datetime import timedelta
from typing import Any

from django.core import signing


class BadToken(Exception):
    """The token was altered, was made for another purpose, or is too old."""


def sign(purpose: str, value: Any) -> str:
    """Return a URL-safe token with a JSON value and the time it was made; `purpose` separates kinds of links."""
    return signing.dumps(value, salt=f"newsroom.{purpose}")


def read(purpose: str, token: str, *, max_age: timedelta) -> Any:
    """Return the value in a token. Raises BadToken."""
    try:
        return signing.loads(token, salt=f"newsroom.{purpose}", max_age=max_age)
    except signing.BadSignature as error:
        raise BadToken(purpose) from error
