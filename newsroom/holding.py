"""Sending on hold: after a restore nothing leaves until `manage.py after_restore` has let it.

A database that was restored does not know what was sent since its backup. It would send the last issue again, and every
receipt and reminder of the lost time. So a restore writes a row that every sender asks for, in the same transaction
that brings the data; and what tells of something in the lost time counts as sent.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists
from django.db.models.expressions import NegatedExpression

from newsroom.models import Restoration

# Why a mail that was asked for is not sent. Staff see it beside the mail, and may send it all the same.
RESTORED = "restored: it tells of the time that was lost, and was sent then"
# A transaction may carry a time from shortly before the backup that did not see it.
MARGIN = timedelta(minutes=1)


def is_held() -> bool:
    """Say whether nothing may be sent."""
    return Restoration.objects.holding().exists()


def no_hold() -> "NegatedExpression[Any]":
    """Return the condition under which a row may be sent, for the statement that claims it."""
    return ~Exists(Restoration.objects.holding())


def was_lost(moment: datetime) -> bool:
    """Say whether what happened at a moment happened in a time that a restore took from the database."""
    return Restoration.objects.that_lost(moment).exists()


def told_at(moment: datetime) -> datetime:
    """Return when a fact was told that was learnt by waiting for it, so that its own time says nothing of that.

    What is learnt while sending is on hold is what the lost time had learnt and told before.
    """
    held = Restoration.objects.holding().order_by("-pk").first()
    return moment if held is None else held.lost_until


def hold(*, lost_from: datetime, at: datetime) -> Restoration:
    """Hold all sending, after a restore that was done by other means than ours."""
    return Restoration.objects.create(restored_at=at, lost_from=min(lost_from - MARGIN, at), lost_until=at)
