"""The statements that move deliveries: prepare, claim, record, expire, resend.

The table is the queue. Any number of workers on any number of machines may call these at once; each statement is safe
against all the others because rows are locked or skipped, and only the claim that holds a row writes its outcome.
"""

import json
import secrets
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import Case, DateTimeField, Max, Sum, Value, When

from newsroom.addresses import address_hashes
from subscriptions import segments
from subscriptions.clock import steady
from subscriptions.models import Delivery, DeliveryTally, Issue
from subscriptions.transports import Outcome, Verdict

# A refused connection or a 4xx answer is tried again after these; with them used up a delivery is refused as expired.
RETRY_AFTER = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 240, 480)]
STATES = ("pending", "claimed", "accepted", "refused", "unknown", "skipped")


@dataclass(frozen=True)
class Audience:
    """Who an issue goes to: candidates = prepared + everybody excluded, each by a reason."""

    prepared: int
    exclusions: dict[str, int]

    @property
    def excluded(self) -> int:
        return sum(self.exclusions.values())

    @property
    def candidates(self) -> int:
        return self.prepared + self.excluded


# The reason why a subscription is not written to, or '' for one that is. `s` is the subscription.
REASON = """
CASE WHEN s.state = 'pending' THEN 'unconfirmed'
     WHEN s.state = 'unsubscribed' THEN 'unsubscribed'
     WHEN s.state = 'suppressed' THEN 'suppressed'
     WHEN s.paused_until > %(at)s THEN 'paused'
     ELSE '' END
"""

# Nobody who does not know the salt, which is kept nowhere, can guess one: whoever could, could forge a bounce. The
# server's own random identifiers take four times as long.
UUID_OF = "encode(substring(sha256(%(salt)s::bytea || int8send(id)) FOR 16), 'hex')::uuid"

PREPARE = """
WITH audience AS MATERIALIZED (
    SELECT s.id, {reason} AS reason
    FROM subscriptions_subscription s {segment}
    WHERE s.newsletter_id = %(newsletter)s
), prepared AS (
    INSERT INTO subscriptions_delivery (issue_id, subscription_id, uuid)
    SELECT %(issue)s, id, {uuid} FROM audience WHERE reason = '' ORDER BY id
    RETURNING 1
)
SELECT reason, count(*) FROM audience WHERE reason <> '' GROUP BY reason
UNION ALL
SELECT '', count(*) FROM prepared
"""

# Rows are taken in the order of their keys from a cursor on, so that the dead versions of rows already sent are not
# read again for each window. What the reader decided since the issue was prepared counts: consent is asked again here.
CLAIM = f"""
WITH due AS (
    SELECT d.id, d.subscription_id FROM subscriptions_delivery d
    WHERE d.issue_id = %(issue)s AND d.state = 'pending' AND d.id > %(after)s
      AND (d.not_before IS NULL OR d.not_before <= %(at)s)
      AND EXISTS (SELECT 1 FROM subscriptions_issue i
                  WHERE i.id = %(issue)s AND i.state = 'sending' AND i.paused_at IS NULL)
    ORDER BY d.id
    LIMIT %(limit)s
    FOR UPDATE OF d SKIP LOCKED
), checked AS (
    SELECT due.id, s.link_id, p.email,
           CASE WHEN s.id IS NULL THEN 'erased' ELSE {REASON} END AS reason
    FROM due
    LEFT JOIN subscriptions_subscription s ON s.id = due.subscription_id
    LEFT JOIN subscriptions_subscriber p ON p.id = s.subscriber_id
)
UPDATE subscriptions_delivery d
SET state = CASE WHEN c.reason = '' THEN 'claimed' ELSE 'skipped' END,
    reason = c.reason,
    claim_id = CASE WHEN c.reason = '' THEN %(claim)s::uuid END,
    claim_expires_at = CASE WHEN c.reason = '' THEN clock_timestamp() + make_interval(secs => %(lease)s) END,
    outcome_at = CASE WHEN c.reason = '' THEN NULL ELSE %(at)s END
FROM checked c
WHERE d.id = c.id
RETURNING d.id, d.uuid, d.tries, c.email, c.link_id, c.reason
"""  # noqa: S608 - built from constants.

# Every scope of a suppression covers newsletters.
SUPPRESSED = """
SELECT address_hash FROM newsroom_suppression
WHERE address_hash = ANY(%(hashes)s) AND (expires_at IS NULL OR expires_at > %(at)s)
"""

# A claim that has expired may still say what it knows for certain: nobody else has touched a row that carries its id.
# It may not put a row back to be sent, because the issue may have ended since, and nobody would look for that row.
# The bounds and the CASE keep the planner on the keys: by the indexes on states it would walk over the dead entries of
# every window before this one, and of a small table it would read the whole. Of the rows of one claim it expects a
# single one, and would compare each of a thousand with each of a thousand outcomes, so a nested loop is forbidden it.
RECORD = """
UPDATE subscriptions_delivery d
SET state = o.state, reason = o.reason, reply = o.reply, tries = o.tries,
    not_before = o.not_before, claim_expires_at = NULL,
    outcome_at = CASE WHEN o.state = 'pending' THEN NULL ELSE %(at)s END
FROM jsonb_to_recordset(%(outcomes)s::jsonb)
     AS o (id bigint, state text, reason text, reply text, tries int, not_before timestamptz)
WHERE d.id = o.id AND d.id BETWEEN %(first)s AND %(last)s AND d.claim_id = %(claim)s::uuid
  AND CASE d.state WHEN 'claimed' THEN true WHEN 'unknown' THEN o.state IN ('accepted', 'refused') ELSE false END
"""
NO_NESTED_LOOP = "SELECT set_config('enable_nestloop', 'off', true)"


@dataclass(frozen=True, slots=True)
class Claimed:
    """One delivery of a claim, with what is needed to address it."""

    delivery_id: int
    uuid: UUID
    tries: int
    email: str
    link_id: UUID


@dataclass(frozen=True)
class Claim:
    """A window of deliveries that one worker holds.

    `deadline` is a reading of the steady clock, taken before the statement ran, so it comes no later than the expiry
    that the database wrote. `skipped` counts those that the check at the claim took out.
    """

    id: UUID
    deliveries: list[Claimed]
    skipped: int
    deadline: float
    last_id: int

    @property
    def is_empty(self) -> bool:
        return not self.deliveries and not self.skipped

    def without(self, others: Container[int]) -> "Claim":
        kept = [delivery for delivery in self.deliveries if delivery.delivery_id not in others]
        return replace(self, deliveries=kept)


def prepare(issue: Issue, *, at: datetime) -> Audience:
    """Write one delivery per mailable subscription, in one statement, inside the caller's transaction.

    Where the issue goes to a segment, everybody who could be written to and is not in it is counted by that reason.
    """
    values: dict[str, Any] = {
        "issue": issue.pk,
        "newsletter": issue.newsletter_id,
        "at": at,
        "salt": secrets.token_bytes(32),
    }
    join, reason = "", REASON
    if issue.segment is not None:
        chosen, of_segment = segments.as_sql(issue.segment, newsletter_id=issue.newsletter_id)
        join = f"LEFT JOIN ({chosen}) AS chosen (id) ON chosen.id = s.id"
        reason = REASON.replace("ELSE ''", "WHEN chosen.id IS NULL THEN 'segment' ELSE ''")
        values |= of_segment
    with connection.cursor() as cursor:
        cursor.execute(PREPARE.format(reason=reason, segment=join, uuid=UUID_OF), values)
        counts = dict(cursor.fetchall())
    prepared = counts.pop("", 0)
    return Audience(prepared=prepared, exclusions=counts)


@transaction.atomic
def claim(issue_id: int, *, limit: int, lease: timedelta, at: datetime, after: int = 0) -> Claim:
    """Take up to `limit` deliveries that are due, with keys above `after`, and ask consent and suppressions about each.

    The claim is committed before it is returned: only then may a byte of it go on the wire.
    """
    claim_id = uuid4()
    began = steady()
    with connection.cursor() as cursor:
        cursor.execute(
            CLAIM,
            {
                "issue": issue_id,
                "after": after,
                "at": at,
                "limit": limit,
                "claim": claim_id,
                "lease": lease.total_seconds(),
            },
        )
        rows = cursor.fetchall()
    deliveries = [
        Claimed(delivery_id=row[0], uuid=row[1], tries=row[2], email=row[3], link_id=row[4])
        for row in rows
        if not row[5]
    ]
    suppressed = _suppressed(deliveries, at=at)
    if suppressed:
        Delivery.objects.filter(pk__in=suppressed).update(
            state=Delivery.State.SKIPPED, reason="suppressed", claim_id=None, claim_expires_at=None, outcome_at=at
        )
        deliveries = [delivery for delivery in deliveries if delivery.delivery_id not in suppressed]
    return Claim(
        id=claim_id,
        deliveries=deliveries,
        skipped=len(rows) - len(deliveries),
        deadline=began + lease.total_seconds(),
        last_id=max((row[0] for row in rows), default=after),
    )


def _suppressed(deliveries: Sequence[Claimed], *, at: datetime) -> set[int]:
    """Return the deliveries whose address is under a suppression."""
    owners = {digest: one.delivery_id for one in deliveries for digest in address_hashes(one.email)}
    with connection.cursor() as cursor:
        cursor.execute(SUPPRESSED, {"hashes": list(owners), "at": at})
        return {owners[digest] for (digest,) in cursor.fetchall()}


def postpone(held: Claim, later: Mapping[int, datetime]) -> None:
    """Put deliveries of a claim back until a moment each, without counting a try."""
    rows = Delivery.objects.filter(pk__in=list(later), claim_id=held.id, state=Delivery.State.CLAIMED)
    cases = [When(pk=pk, then=Value(moment)) for pk, moment in later.items()]
    rows.update(
        state=Delivery.State.PENDING,
        reason="rate",
        not_before=Case(*cases, output_field=DateTimeField()),
        claim_expires_at=None,
    )


def record(held: Claim, outcomes: Sequence[Outcome], *, at: datetime) -> int:
    """Write what became of a claim's deliveries where the claim still holds them, and return how many those were."""
    tries_of = {delivery.delivery_id: delivery.tries for delivery in held.deliveries}
    # One text in JSON is written and read in a fraction of the time that six arrays take.
    rows = [_outcome_row(outcome, tries_of[outcome.delivery_id], at) for outcome in outcomes]
    keys = [row["id"] for row in rows]
    values = {
        "claim": held.id,
        "at": at,
        "first": min(keys, default=0),
        "last": max(keys, default=0),
        "outcomes": json.dumps(rows),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(NO_NESTED_LOOP)
        cursor.execute(RECORD, values)
        return cursor.rowcount


def _outcome_row(outcome: Outcome, tries: int, at: datetime) -> dict[str, Any]:
    reply = f"{outcome.code or ''} {outcome.reply}".strip()[:220].replace("\0", "")
    state, reason, not_before = _what_became(outcome.verdict, tries, at)
    # UNTOUCHED and BLOCKED say nothing about the recipient, so no try is counted.
    counted = outcome.verdict not in {Verdict.UNTOUCHED, Verdict.BLOCKED}
    return {
        "id": outcome.delivery_id,
        "state": state,
        "reason": reason,
        "reply": reply,
        "tries": tries + counted,
        "not_before": not_before and not_before.isoformat(),
    }


def _what_became(verdict: Verdict, tries: int, at: datetime) -> tuple[str, str, datetime | None]:
    """Return the state, the reason for it, and the moment before which the delivery is not tried again."""
    match verdict:
        case Verdict.ACCEPTED:
            return "accepted", "", None
        case Verdict.REFUSED:
            return "refused", "refused", None
        case Verdict.UNKNOWN:
            return "unknown", "no-answer", None
        case Verdict.DEFERRED if tries >= len(RETRY_AFTER):
            return "refused", "expired", None
        case Verdict.DEFERRED:
            return "pending", "deferred", at + RETRY_AFTER[tries]
        case _:
            return "pending", "", None


def expire(*, at: datetime) -> int:
    """Turn claims whose lease is over into unknown, and return how many deliveries that were.

    The worker that held them died, or sleeps. What it had sent by then nobody here knows. The database's own clock
    decides, because it wrote the expiry.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE subscriptions_delivery
            SET state = 'unknown', reason = 'worker-lost', tries = tries + 1,
                claim_expires_at = NULL, outcome_at = %(at)s
            WHERE id IN (SELECT id FROM subscriptions_delivery
                         WHERE state = 'claimed' AND claim_expires_at <= clock_timestamp()
                         ORDER BY id FOR UPDATE SKIP LOCKED)
            """,
            {"at": at},
        )
        return cursor.rowcount


def requeue_unknown(issue: Issue, *, at: datetime, most_tries: int | None = None) -> int:
    """Let the unknown deliveries of an issue be sent again. Their Message-ID stays, so a mailbox can tell a repeat.

    The claim id goes, so that the worker that once held them can no longer write an outcome.
    """
    unknown = Delivery.objects.filter(issue=issue).unknown()
    if most_tries is not None:
        unknown = unknown.filter(tries__lt=most_tries)
    return unknown.update(state=Delivery.State.PENDING, reason="resent", claim_id=None, outcome_at=None, not_before=at)


def skip_rest(issue: Issue, *, reason: str, at: datetime) -> int:
    """Take out everything that still waits. What is claimed at this moment is finished by its worker."""
    return Delivery.objects.filter(issue=issue, state=Delivery.State.PENDING).update(
        state=Delivery.State.SKIPPED, reason=reason, outcome_at=at
    )


def skip_cancelled(*, at: datetime) -> int:
    """Take out what came back to be sent again after its issue was cancelled, and return how many those were.

    A worker that held deliveries at that moment puts back those it did not send, and no other would look for them.
    """
    cancelled = Issue.objects.filter(state=Issue.State.CANCELLED, started_at__isnull=False)
    return sum(skip_rest(issue, reason="cancelled", at=at) for issue in cancelled.order_by("pk"))


def has_unfinished(issue: Issue) -> bool:
    """Say whether anything of the issue waits or is being sent, by the rows themselves and not by a counter."""
    return Delivery.objects.filter(issue=issue).unfinished().exists()


def has_unknown(issue: Issue, *, most_tries: int) -> bool:
    return Delivery.objects.filter(issue=issue, tries__lt=most_tries).unknown().exists()


def answers_since(issue: Issue, since: datetime) -> tuple[int, int]:
    """Return how many deliveries of the issue were accepted and refused since a moment, by the trigger's tallies."""
    sums = DeliveryTally.objects.filter(issue=issue, at__gt=since).aggregate(a=Sum("accepted"), r=Sum("refused"))
    return max(0, sums["a"] or 0), max(0, sums["r"] or 0)


@dataclass(frozen=True)
class Progress:
    """How an issue stands: deliveries by state, the rate of the last minutes, and when it will be through."""

    counts: dict[str, int]
    per_second: float
    ends_at: datetime | None
    last_at: datetime | None

    @property
    def done(self) -> int:
        return sum(self.counts.values()) - self.counts["pending"] - self.counts["claimed"]


def progress(issue: Issue, *, at: datetime) -> Progress:
    """Sum the tallies that the trigger wrote: a few thousand small rows for a million deliveries."""
    tallies = DeliveryTally.objects.filter(issue=issue)
    sums = tallies.aggregate(**{f"{state}_sum": Sum(state) for state in STATES}, last_at=Max("at"))
    counts = {state: sums[f"{state}_sum"] or 0 for state in STATES}
    window = timedelta(minutes=2)
    since = max(issue.started_at or at - window, at - window)
    seconds = max((at - since).total_seconds(), 1.0)
    per_second = sum(answers_since(issue, since)) / seconds
    left = counts["pending"] + counts["claimed"]
    ends_at = at + timedelta(seconds=left / per_second) if per_second and left else None
    return Progress(counts=counts, per_second=per_second, ends_at=ends_at, last_at=sums["last_at"])
