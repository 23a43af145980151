"""What the sign-up form sends, and how tests send it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from subscriptions.models import Newsletter
from subscriptions.statements import newsletter_statement

SignUp = Callable[..., Any]


def fields(newsletter: Newsletter, **changes: str) -> dict[str, str]:
    statement = newsletter_statement(newsletter, at=datetime.now(UTC))
    assert statement is not None
    return {
        "email": "lena@example.org",
        "consent": "yes",
        "statement": statement.fingerprint,
        "page": "/a-story/",
        **changes,
    }
