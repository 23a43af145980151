"""Consent has one writer. Who adds another is told here."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ["newsroom", "subscriptions", "donations", "sandbox"]
WRITING = {
    # Rows of the ledger.
    r"\bConsent\(|\bConsent\.objects\.(?:bulk_)?(?:create|update|get_or_create)|subscriptions_consent\b": {
        "subscriptions/ledger.py",
        # Removes what has expired, as the owner.
        "subscriptions/pruning.py",
        # Names the table that the application may only add to.
        "subscriptions/apps.py",
        # Reads which policy a reader last agreed to.
        "subscriptions/renewing.py",
    },
    # The state of a subscription, and the times that prove it.
    r"\bsubscription\.(?:state|confirmed_at|unsubscribed_at|suppressed_at)\b[^=\n]*(?<![=!<>])=(?!=)"
    r"|\bSubscription\([^)]*state=|\bSubscription\.objects\.(?:create|bulk_create|update_or_create|get_or_create)\("
    r"|\.(?:unsubscribed_at|suppressed_at)\b[^=\n]*(?<![=!<>])=(?!=)|\.\w+ = Subscription\.State\b"
    r"|\bSubscription\.objects\b(?:(?!\n\n)[\s\S]){0,300}?\.update\([^)]*\b(?:state|\w*confirmed_at|unsubscribed_at|"
    r"suppressed_at)\b=|(?:INSERT INTO|UPDATE) subscriptions_subscription\b": {
        "subscriptions/consent.py",
    },
    # Appending goes through consent, which also writes the state.
    r"\bledger\.append(?:_block)?\(": {"subscriptions/consent.py"},
}


@pytest.mark.parametrize("pattern", WRITING)
def test_only_its_module_writes(pattern: str) -> None:
    writers = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if "migrations" not in path.parts and re.search(pattern, path.read_text())
    }
    assert writers <= WRITING[pattern] | {"subscriptions/models/consents.py"}
    assert writers & WRITING[pattern]
