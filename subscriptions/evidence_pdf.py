"""The evidence for one person's consent on paper, for who reads no JSON."""

from datetime import datetime
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from newsroom.pdf import Paper
from subscriptions.models import Consent


def draw(document: dict[str, Any], *, made_at: datetime) -> bytes:
    """Return the PDF of what `subscriptions.evidence.evidence` found, in the language of who asks."""
    title = _("Evidence of consent")
    paper = Paper(title=title, author=document["outlet"], language=get_language() or "en", foot=title, made_at=made_at)
    paper.lines([document["outlet"]], size=9)
    paper.ln(8)
    paper.heading(title)
    paper.ln(2)
    paper.lines(
        [
            _("Address presented: %(address)s") % {"address": document["address"]},
            _("Produced: %(at)s UTC") % {"at": f"{made_at:%Y-%m-%d %H:%M}"},
        ]
    )
    paper.ln(3)
    paper.lines([document["how_to_check"]], size=9)
    if not document["rows"]:
        paper.ln(4)
        paper.lines([_("The ledger holds nothing under this address.")])
    for row in document["rows"]:
        _row(paper, row)
    for policy in document["policies"]:
        _policy(paper, policy)
    return bytes(paper.output())


def _row(paper: Paper, row: dict[str, Any]) -> None:
    paper.ln(5)
    action, method = Consent.Action(row["action"]).label, Consent.Method(row["method"]).label
    paper.heading(f"{row['position']}. {row['at'][:19].replace('T', ' ')} UTC: {action}", size=11, line_mm=7)
    said = [
        (_("For"), row["purpose"]),
        (_("By"), method),
        (_("Words shown"), row["wording"]),
        (_("Language"), row["language"]),
        (_("Page"), row["page"]),
        (_("Reason"), row["reason"]),
        (_("Privacy Policy"), row["policy_version"]),
        (_("SHA-256 of its text"), row["policy_hash"]),
        (_("Person"), row["subject"]),
        (_("Hash of the row before"), row["previous_hash"]),
        (_("Hash of this row, key %(key)s") % {"key": row["key_id"]}, row["row_hash"]),
        (_("The row is as it was written"), _("yes") if row["holds"] else _("NO")),
    ]
    paper.lines([f"{label}: {value}" for label, value in said if value], size=9)


def _policy(paper: Paper, policy: dict[str, str]) -> None:
    paper.add_page()
    paper.heading(_("Privacy Policy %(version)s") % policy, size=14, line_mm=8)
    paper.lines([f"{policy['language']}, {policy['in_force_from']}", policy["sha256"]], size=8)
    paper.ln(3)
    paper.lines(policy["text"].splitlines() or [""], size=9)
