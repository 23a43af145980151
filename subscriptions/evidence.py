"""The evidence for one person's consent, complete in one document that a court can read and check."""

from datetime import datetime
from typing import Any

from newsroom.outlet import current_outlet
from subscriptions import ledger
from subscriptions.models import Consent, PolicyText
from subscriptions.readers import ledger_by_address


def evidence(address: str, *, at: datetime) -> dict[str, Any]:
    """Return what the ledger proves about whoever presents a normalised address, also after an erasure.

    Each row comes with the words shown, the full text of the policy it names, and whether its keyed hash still holds.
    """
    rows = list(ledger_by_address(address))
    return {
        "outlet": current_outlet().name,
        "address": address,
        "produced_at": at.isoformat(),
        "how_to_check": (
            "Each row carries the hash of the row before it and an HMAC-SHA256 of its own fields under the key named. "
            "`manage.py verify_consent` checks the whole chain."
        ),
        "rows": [_row(row) for row in rows],
        "policies": _policies(rows),
    }


def _row(row: Consent) -> dict[str, Any]:
    names = ("position", *ledger.ENTRY_FIELDS, "key_id", "previous_hash", "row_hash")
    values = {name: getattr(row, name) for name in names}
    plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
    return {**plain, "subject": str(row.subject), "holds": ledger.holds(row)}


def _policies(rows: list[Consent]) -> list[dict[str, str]]:
    hashes = {row.policy_hash for row in rows if row.policy_hash}
    texts = PolicyText.objects.filter(body_hash__in=hashes).select_related("policy").order_by("pk")
    return [
        {
            "version": text.policy.version,
            "language": text.language,
            "in_force_from": text.policy.in_force_from.isoformat() if text.policy.in_force_from else "",
            "sha256": text.body_hash,
            "text": text.body,
        }
        for text in texts
    ]
