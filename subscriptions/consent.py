"""Consent: the only place that writes the ledger and the state of a subscription, both in one transaction.

`grant` opens a subscription that waits for confirmation, `confirm` makes it active, `withdraw` ends it. Nobody else
writes `Subscription.state` or a row of `Consent`; a test reads the source and fails on another writer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from newsroom.models import Suppression
from newsroom.suppressions import lift
from newsroom.waking import wake
from subscriptions import ledger
from subscriptions.models import Consent, Newsletter, SignupRequest, Subscriber, Subscription
from subscriptions.policies import text_in_force
from subscriptions.statements import Statement as Statement  # Other packages name it from here.
from subscriptions.statements import newsletter_statement

PAGE_LENGTH = 300
State = Subscription.State
Action = Consent.Action
Method = Consent.Method


class GrantNoLongerStands(Exception):
    """The consent to be confirmed was withdrawn since, or its person was erased."""


@dataclass(frozen=True)
class Box:
    """An un-ticked box beside something else: the newsletter it is for, and the words of consent."""

    newsletter: Newsletter
    statement: Statement


def box_for(language: str, *, at: datetime) -> Box | None:
    """Return the newsletter box for a page in a language; None without a newsletter, or a policy to agree to."""
    newsletter = Newsletter.objects.for_language(language)
    statement = newsletter_statement(newsletter, at=at) if newsletter is not None else None
    return None if newsletter is None or statement is None else Box(newsletter, statement)


@transaction.atomic
def keep_request(
    *,
    email: str,
    newsletter: Newsletter,
    statement: Statement,
    page: str,
    method: Consent.Method,
    at: datetime,
    held_for: str = "",
) -> None:
    """Keep one wish to subscribe, the same for every address, for the task that answers it with a mail to confirm.

    `statement` holds the very words that were in front of the person. A wish that is `held_for` something is answered
    by nothing before `release_requests`, and ends with the retention period of unanswered ones.
    """
    request = SignupRequest.objects.create(
        email=email,
        newsletter=newsletter,
        policy_text=statement.policy_text,
        wording=statement.wording,
        language=statement.language,
        page=page[:PAGE_LENGTH],
        method=method,
        requested_at=at,
        not_before=at,
        held_for=held_for,
    )
    if not held_for:
        wake("subscriptions.tasks.handle_signup", request.pk)


@transaction.atomic
def release_requests(held_for: str) -> None:
    """Let the wishes be answered that were held for something, now that it is known."""
    if not held_for:
        raise ValueError("wishes that are held for nothing need no release")
    for request in SignupRequest.objects.select_for_update().filter(held_for=held_for).order_by("pk"):
        request.held_for = ""
        request.save(update_fields=["held_for"])
        wake("subscriptions.tasks.handle_signup", request.pk)


def drop_requests(held_for: str) -> None:
    """Forget the wishes that were held for something, because nothing may be mailed any more."""
    if not held_for:
        raise ValueError("wishes that are held for nothing are answered")
    SignupRequest.objects.filter(held_for=held_for).delete()


@dataclass(frozen=True)
class Shown:
    """What was in front of the person: the words, their language, and the policy that they name."""

    wording: str
    language: str
    policy_version: str
    policy_hash: str

    @classmethod
    def from_statement(cls, statement: Statement) -> "Shown":
        text = statement.policy_text
        return cls(statement.wording, statement.language, text.policy.version, text.body_hash)

    @classmethod
    def from_consent(cls, row: Consent) -> "Shown":
        return cls(row.wording, row.language, row.policy_version, row.policy_hash)


@transaction.atomic
def grant(
    *,
    email: str,
    newsletter: Newsletter,
    shown: Shown,
    page: str,
    method: Consent.Method,
    at: datetime,
    reason: str = "",
) -> tuple[Subscription, Consent]:
    """Record that the person at a normalised address asked for a newsletter.

    1. The person and the subscription are made where they do not exist; a new subscription is pending.
    2. A subscription that is active stays active, and one that had ended stays ended until the person confirms.
    3. The ledger gets a `granted` row, whose position the confirmation names.
    """
    Subscriber.objects.bulk_create(
        [Subscriber(email=email, language=newsletter.language, created_at=at)], ignore_conflicts=True
    )
    subscriber = Subscriber.objects.select_for_update().get(email=email)
    Subscription.objects.bulk_create(
        [Subscription(subscriber=subscriber, newsletter=newsletter, requested_at=at)], ignore_conflicts=True
    )
    subscription = _locked(Subscription(subscriber=subscriber, newsletter=newsletter))
    if subscription.state != State.ACTIVE:
        subscription.requested_at = at
        subscription.save(update_fields=["requested_at"])
    row = _append(subscriber.subject, newsletter.purpose, Action.GRANTED, method, at, shown, page, reason)
    return subscription, row


@transaction.atomic
def confirm(
    subscription: Subscription, *, position: int, page: str, method: Consent.Method, at: datetime, reason: str = ""
) -> Subscription:
    """Make a subscription active, because the person proved that the address is theirs.

    `position` is the place in the ledger of the grant that is confirmed. Doing it again changes nothing. Raises
    GrantNoLongerStands when the person withdrew after that grant: an old link must not bring back what was ended.
    """
    try:
        subscription = _locked(subscription)
    except Subscription.DoesNotExist as error:
        raise GrantNoLongerStands from error
    subscriber, newsletter = subscription.subscriber, subscription.newsletter
    rows = Consent.objects.filter(subject=subscriber.subject, purpose=newsletter.purpose, position__gte=position)
    granted = rows.filter(position=position, action=Action.GRANTED).first()
    if granted is None or rows.filter(action=Action.WITHDRAWN).exists():
        raise GrantNoLongerStands
    if subscription.state == State.ACTIVE:
        return subscription
    subscription.state, subscription.confirmed_at, subscription.paused_until = State.ACTIVE, at, None
    subscription.save(update_fields=["state", "confirmed_at", "paused_until"])
    if subscriber.confirmed_at is None:
        subscriber.confirmed_at = at
        subscriber.save(update_fields=["confirmed_at"])
    own_no = [Suppression.Reason.ERASED, Suppression.Reason.UNSUBSCRIBED, Suppression.Reason.MOVED]
    lift(subscriber.email, reasons=own_no)
    shown = Shown.from_consent(granted)
    _append(subscriber.subject, newsletter.purpose, Action.CONFIRMED, method, at, shown, page, reason)
    return subscription


@transaction.atomic
def grant_proven(
    subscriber: Subscriber,
    newsletter: Newsletter,
    *,
    shown: Shown,
    page: str,
    method: Consent.Method,
    at: datetime,
    reason: str = "",
) -> Subscription:
    """Subscribe a person who has proved the address before: the grant needs no second mail."""
    subscription, row = grant(
        email=subscriber.email, newsletter=newsletter, shown=shown, page=page, method=method, at=at, reason=reason
    )
    return confirm(subscription, position=row.position, page=page, method=method, at=at, reason=reason)


@transaction.atomic
def withdraw(
    subscription: Subscription, *, page: str, method: Consent.Method, at: datetime, reason: str = ""
) -> Subscription | None:
    """End a subscription. Doing it again changes nothing. Returns None when its person was erased meanwhile."""
    try:
        subscription = _locked(subscription)
    except Subscription.DoesNotExist:
        return None
    if subscription.state == State.UNSUBSCRIBED:
        return subscription
    subscription.state, subscription.unsubscribed_at, subscription.paused_until = State.UNSUBSCRIBED, at, None
    subscription.save(update_fields=["state", "unsubscribed_at", "paused_until"])
    _append(
        subscription.subscriber.subject,
        subscription.newsletter.purpose,
        Action.WITHDRAWN,
        method,
        at,
        None,
        page,
        reason,
    )
    return subscription


@transaction.atomic
def suspend(subscription: Subscription, *, at: datetime) -> Subscription:
    """Stop writing because the mailbox does not take our mail. Consent stands, so the ledger gets no row."""
    subscription = _locked(subscription)
    if subscription.state == State.ACTIVE:
        subscription.state, subscription.suppressed_at = State.SUPPRESSED, at
        subscription.save(update_fields=["state", "suppressed_at"])
    return subscription


@transaction.atomic
def take_up_again(subscription: Subscription) -> Subscription:
    """Write again to a mailbox that was given a rest. Consent stood all the while, so the ledger gets no row."""
    subscription = _locked(subscription)
    if subscription.state == State.SUPPRESSED:
        subscription.state, subscription.suppressed_at = State.ACTIVE, None
        subscription.save(update_fields=["state", "suppressed_at"])
    return subscription


@transaction.atomic
def record_purpose(
    *,
    subject: UUID,
    purpose: str,
    action: Consent.Action,
    page: str,
    method: Consent.Method,
    at: datetime,
    shown: Shown | None = None,
    reason: str = "",
) -> Consent:
    """Record consent to a purpose that is no newsletter, such as one reminder. The caller keeps the state of it."""
    if purpose.startswith("newsletter:"):
        raise ValueError("consent to a newsletter goes through grant, confirm and withdraw")
    return _append(subject, purpose, action, method, at, shown, page, reason)


def purpose_statement(purpose: str, template: str, *, language: str, at: datetime) -> Statement | None:
    """Return the words of consent to a purpose that is no newsletter, or None while no Privacy Policy is in force.

    `template` is in `language`, with `{policy}` where the link to the policy stands.
    """
    policy_text = text_in_force(language, at=at)
    if policy_text is None:
        return None
    return Statement(purpose=purpose, template=template, language=language, policy_text=policy_text)


def is_confirmed(email: str) -> bool:
    """Say whether the person at a normalised address has proved before that it is theirs."""
    return Subscriber.objects.filter(email=email, confirmed_at__isnull=False).exists()


@dataclass(frozen=True)
class Imported:
    """A person in a block of an import, under a normalised address."""

    email: str
    signed_up_at: datetime | None
    # The newsletter's own where the file does not say.
    language: str = ""


@transaction.atomic
def grant_block(
    people: Sequence[Imported], *, newsletter: Newsletter, shown: Shown, page: str, reason: str, at: datetime
) -> dict[str, int]:
    """Subscribe a block of people whose consent was given elsewhere, and return address → subscription.

    Only who has no subscription of any state is subscribed, whatever the caller believed: who unsubscribed or has still
    to confirm keeps that state, and is missing in the answer. The ledger gets one `granted` row for each.
    """
    emails = [person.email for person in people]
    since = [person.signed_up_at or at for person in people]
    languages = [person.language or newsletter.language for person in people]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO subscriptions_subscriber (email, language, created_at, confirmed_at)
            SELECT email, language, %s, since
            FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) AS person (email, language, since)
            ORDER BY email
            ON CONFLICT (email) DO NOTHING
            """,
            [at, emails, languages, since],
        )
        cursor.execute(
            """
            WITH added AS (
                INSERT INTO subscriptions_subscription (subscriber_id, newsletter_id, state, requested_at, confirmed_at)
                SELECT id, %s, 'active', %s, COALESCE(confirmed_at, %s) FROM subscriptions_subscriber
                WHERE email = ANY(%s) ORDER BY id
                ON CONFLICT (subscriber_id, newsletter_id) DO NOTHING
                RETURNING id, subscriber_id
            )
            SELECT p.email, p.subject, added.id FROM added JOIN subscriptions_subscriber p ON p.id = added.subscriber_id
            ORDER BY added.id
            """,
            [newsletter.pk, at, at, emails],
        )
        added = cursor.fetchall()
    ledger.append_block(
        [
            _entry(subject, newsletter.purpose, Action.GRANTED, Consent.Method.IMPORT, at, shown, page, reason)
            for _email, subject, _pk in added
        ]
    )
    return {email: pk for email, _subject, pk in added}


@transaction.atomic
def undo_block(subscription_pks: Sequence[int], *, newsletter: Newsletter, page: str, reason: str, at: datetime) -> int:
    """Take back a block of an import: withdraw what is still as it was imported, and forget who has nothing else.

    Who has asked for the newsletter since, by a form or a box, stands by that and stays.
    """
    active = list(
        Subscription.objects.select_for_update(of=("self",))
        .filter(pk__in=subscription_pks, newsletter=newsletter, state=State.ACTIVE)
        .order_by("pk")
        .values_list("pk", "subscriber_id", "subscriber__subject")
    )
    entries = Consent.objects.filter(subject__in=[subject for _pk, _person, subject in active])
    last_method = dict(entries.filter(purpose=newsletter.purpose).order_by("position").values_list("subject", "method"))
    undone = [one for one in active if last_method.get(one[2]) == Consent.Method.IMPORT]
    withdrawn, method = Action.WITHDRAWN, Consent.Method.IMPORT
    ledger.append_block(
        [
            _entry(subject, newsletter.purpose, withdrawn, method, at, None, page, reason)
            for _pk, _person, subject in undone
        ]
    )
    Subscription.objects.filter(pk__in=[pk for pk, _person, _subject in undone]).delete()
    people = Subscriber.objects.filter(pk__in=[person for _pk, person, _subject in undone])
    people.filter(subscriptions__isnull=True).delete()
    return len(undone)


def _locked(subscription: Subscription) -> Subscription:
    """Return the row as it is now, locked until the transaction ends, the person's row before it."""
    subscriber_id, newsletter_id = subscription.subscriber_id, subscription.newsletter_id
    subscriber = Subscriber.objects.select_for_update().filter(pk=subscriber_id).first()
    if subscriber is None:
        raise Subscription.DoesNotExist
    row = Subscription.objects.select_for_update(of=("self",)).select_related("newsletter")
    found = row.get(subscriber_id=subscriber_id, newsletter_id=newsletter_id)
    found.subscriber = subscriber
    return found


def _append(
    subject: UUID,
    purpose: str,
    action: Consent.Action,
    method: Consent.Method,
    at: datetime,
    shown: Shown | None,
    page: str,
    reason: str,
) -> Consent:
    return ledger.append([_entry(subject, purpose, action, method, at, shown, page, reason)])[0]


def _entry(
    subject: UUID,
    purpose: str,
    action: Consent.Action,
    method: Consent.Method,
    at: datetime,
    shown: Shown | None,
    page: str,
    reason: str,
) -> ledger.Entry:
    return ledger.Entry(
        subject=subject,
        purpose=purpose,
        action=action.value,
        method=method.value,
        at=at,
        policy_version=shown.policy_version if shown else "",
        policy_hash=shown.policy_hash if shown else "",
        wording=shown.wording if shown else "",
        language=shown.language if shown else "",
        page=page[:PAGE_LENGTH],
        reason=reason,
    )
