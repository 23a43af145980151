"""A run that asks readers for consent anew: the numbers before it, its steps, and the answers.

Whoever agreed under another version of the Privacy Policy than the one in force is concerned. Each step of the run is
a batch in a transaction of its own, so a worker that is killed loses only its batch, and the next one goes on.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import connection, transaction
from django.db.models import Count, F, QuerySet
from django.urls import reverse

from newsroom import tokens
from newsroom.history import record
from newsroom.mail import queue_mail
from newsroom.models import OutgoingMail
from newsroom.waking import wake, wake_again
from subscriptions import consent, unsubscribing
from subscriptions.models import Consent, ConsentRenewal, PrivacyPolicy, RenewalRequest, Subscriber, Subscription
from subscriptions.statements import Statement, newsletter_statement

BATCH = 200
BATCHES_A_TURN = 25
# Mails of a run that wait in the outbox at one time, so that a sign-up's confirmation never stands in line behind them.
MOST_WAITING_MAILS = 2_000
TEMPLATE = "renew_consent"
PURPOSE = "renew-consent"
# A link may be pressed after the deadline too: then it subscribes anew.
LINK_LASTS = timedelta(days=400)
User = AbstractBaseUser | AnonymousUser | None
State = ConsentRenewal.State
Row = RenewalRequest.State

# The person is asked about each newsletter whose last consent names another version. `s` is the subscription.
CONCERNED = """
FROM subscriptions_subscription s
JOIN subscriptions_subscriber p ON p.id = s.subscriber_id
JOIN subscriptions_newsletter n ON n.id = s.newsletter_id
LEFT JOIN LATERAL (
    SELECT c.policy_version FROM subscriptions_consent c
    WHERE c.subject = p.subject AND c.purpose = 'newsletter:' || n.slug AND c.action IN ('granted', 'confirmed')
    ORDER BY c.position DESC LIMIT 1
) agreed ON true
WHERE s.state IN ('active', 'suppressed') AND agreed.policy_version IS DISTINCT FROM %(version)s
"""


class NothingToRenew(Exception):
    """No version is in force, or everybody has agreed to it."""


class RunsAlready(Exception):
    """A run for this version has not ended yet."""


@dataclass(frozen=True)
class Concerned:
    """How many subscriptions a run would ask about, by newsletter and by the reader's language."""

    newsletter: str
    language: str
    count: int


def numbers(policy: PrivacyPolicy) -> list[Concerned]:
    """Count who would be asked, before anything is started."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT n.name, p.language, count(*) {CONCERNED} GROUP BY n.name, p.language ORDER BY n.name, p.language",
            {"version": policy.version},
        )
        return [Concerned(*row) for row in cursor.fetchall()]


@transaction.atomic
def start(policy: PrivacyPolicy, *, remind_after: int, answer_within: int, by: User, at: datetime) -> ConsentRenewal:
    """Begin a run for the version in force. Raises NothingToRenew and RunsAlready.

    One statement writes a row for each subscription concerned; nobody is mailed before a worker takes it up.
    """
    policy = PrivacyPolicy.objects.select_for_update().get(pk=policy.pk)
    if PrivacyPolicy.objects.in_force(at) != policy:
        raise NothingToRenew
    if ConsentRenewal.objects.filter(policy=policy, state__in=[State.RUNNING, State.PAUSED]).exists():
        raise RunsAlready
    run = ConsentRenewal.objects.create(
        policy=policy,
        remind_after_days=remind_after,
        answer_within_days=answer_within,
        concerned=0,
        started_by_id=by.pk if by else None,
        started_at=at,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO subscriptions_renewalrequest (renewal_id, subscription_id) SELECT %(run)s, s.id {CONCERNED}",
            {"run": run.pk, "version": policy.version},
        )
        run.concerned = cursor.rowcount
    if not run.concerned:
        raise NothingToRenew
    run.save(update_fields=["concerned"])
    record(run, action="renewal.started", actor=by, after={"concerned": run.concerned}, at=at)
    wake("subscriptions.tasks.work_on_renewal", run.pk)
    return run


@transaction.atomic
def pause(run: ConsentRenewal, *, by: User, at: datetime) -> bool:
    """Stop mails and the clock of everybody who was asked. Answers still count."""
    return _move(run, [State.RUNNING], State.PAUSED, "paused", by, at) is not None


@transaction.atomic
def resume(run: ConsentRenewal, *, by: User, at: datetime) -> bool:
    """Go on, and give everybody the time that the pause took."""
    locked = ConsentRenewal.objects.select_for_update().filter(pk=run.pk, state=State.PAUSED).first()
    if locked is None or locked.paused_at is None:
        return False
    open_requests = RenewalRequest.objects.filter(renewal=run, next_at__isnull=False).open()
    open_requests.update(next_at=F("next_at") + (at - locked.paused_at))
    _move(run, [State.PAUSED], State.RUNNING, "resumed", by, at)
    wake("subscriptions.tasks.work_on_renewal", run.pk)
    return True


@transaction.atomic
def cancel(run: ConsentRenewal, *, by: User, at: datetime) -> bool:
    """End the run: nobody else is asked, and nobody is stopped who did not answer."""
    return _move(run, [State.RUNNING, State.PAUSED], State.CANCELLED, "cancelled", by, at) is not None


def _move(
    run: ConsentRenewal, sources: list[State], state: State, word: str, by: User, at: datetime
) -> ConsentRenewal | None:
    locked = ConsentRenewal.objects.select_for_update().filter(pk=run.pk, state__in=sources).first()
    if locked is None:
        return None
    before, locked.state = locked.state, state
    locked.paused_at = at if state == State.PAUSED else None
    locked.ended_at = at if state in (State.ENDED, State.CANCELLED) else None
    locked.save()
    record(locked, action=f"renewal.{word}", actor=by, before=before, after=str(state), at=at)
    return locked


def sweep() -> None:
    """Wake a worker for each run that goes on."""
    for pk in ConsentRenewal.objects.filter(state=State.RUNNING).order_by("pk").values_list("pk", flat=True):
        wake_again("subscriptions.tasks.work_on_renewal", pk)


def work(pk: int, *, at: datetime) -> None:
    """Do what is due in a run: ask, remind, stop writing; for a turn at most, and the next tick goes on."""
    for step in (_stop, _remind, _ask):
        for _batch in range(BATCHES_A_TURN):
            if not _do_batch(pk, step, at):
                break
    _end(pk, at)


Step = Callable[[ConsentRenewal, datetime], int]


@transaction.atomic
def _do_batch(pk: int, step: Step, at: datetime) -> int:
    """Do one batch of a run that goes on, and say how many rows it took."""
    run = ConsentRenewal.objects.select_related("policy").filter(pk=pk, state=State.RUNNING).first()
    return step(run, at) if run is not None else 0


def _taken(run: ConsentRenewal, rows: QuerySet[RenewalRequest]) -> list[RenewalRequest]:
    """Lock a batch, each person's row before anything else, as an answer and an erasure lock it.

    Who is busy at this moment, or in another worker's hands, has their turn later.
    """
    due = dict(rows.filter(renewal=run).order_by("pk").values_list("pk", "subscription__subscriber_id")[:BATCH])
    people = Subscriber.objects.select_for_update(skip_locked=True).filter(pk__in=set(due.values())).order_by("pk")
    held = [person.pk for person in people]
    chosen = rows.filter(pk__in=due, subscription__subscriber__in=held).select_for_update(of=("self",)).order_by("pk")
    return list(chosen.select_related("subscription__subscriber", "subscription__newsletter"))


def _ask(run: ConsentRenewal, at: datetime) -> int:
    waiting = OutgoingMail.objects.filter(template=TEMPLATE, state=OutgoingMail.State.QUEUED)
    if waiting[:MOST_WAITING_MAILS].count() >= MOST_WAITING_MAILS:
        return 0
    rows = _taken(run, RenewalRequest.objects.to_ask())
    for row in rows:
        if not _is_settled(run, row, at):
            row.state, row.asked_at = Row.ASKED, at
            row.next_at = at + timedelta(days=run.remind_after_days)
            _mail(run, row, at, is_reminder=False)
        row.save()
    return len(rows)


def _remind(run: ConsentRenewal, at: datetime) -> int:
    rows = _taken(run, RenewalRequest.objects.to_remind(at))
    for row in rows:
        if not _is_settled(run, row, at):
            row.state = Row.REMINDED
            # From the reminder on, so that nobody is stopped sooner after it than the mail says.
            row.next_at = at + timedelta(days=run.answer_within_days - run.remind_after_days)
            _mail(run, row, at, is_reminder=True)
        row.save()
    return len(rows)


def _stop(run: ConsentRenewal, at: datetime) -> int:
    rows = _taken(run, RenewalRequest.objects.to_end(at))
    for row in rows:
        if not _is_settled(run, row, at):
            row.state, row.ended_at = Row.STOPPED, at
            row.save()
            reason = f"no answer about version {run.policy.version}"
            consent.withdraw(row.subscription, page="", method=Consent.Method.DEADLINE, at=at, reason=reason)
        else:
            row.save()
    return len(rows)


def _is_settled(run: ConsentRenewal, row: RenewalRequest, at: datetime) -> bool:
    """Notice that a reader left, or agreed to the version by another way, such as the form."""
    subscription = row.subscription
    if subscription.state not in (Subscription.State.ACTIVE, Subscription.State.SUPPRESSED):
        row.state, row.ended_at = Row.LEFT, at
        return True
    newer = Consent.objects.filter(
        subject=subscription.subscriber.subject,
        purpose=subscription.newsletter.purpose,
        action=Consent.Action.GRANTED,
        policy_version=run.policy.version,
    )
    if newer.exists():
        row.state, row.ended_at = Row.AGREED, at
        return True
    return False


def _mail(run: ConsentRenewal, row: RenewalRequest, at: datetime, *, is_reminder: bool) -> None:
    subscription = row.subscription
    statement = newsletter_statement(subscription.newsletter, at=at)
    if statement is None:
        raise NothingToRenew
    days = run.answer_within_days - run.remind_after_days if is_reminder else run.answer_within_days
    left = unsubscribing.token(subscription.link_id)
    queue_mail(
        key=f"renew-consent:{row.pk}:{'reminder' if is_reminder else 'first'}",
        template=TEMPLATE,
        to=subscription.subscriber.email,
        context={
            "newsletter": subscription.newsletter.name,
            "wording": statement.wording,
            "summary": statement.policy_text.summary,
            "changes_url": settings.SITE_URL + statement.policy_text.get_absolute_url(),
            "url": answer_url(subscription, row),
            "days": days,
            "is_reminder": is_reminder,
            "unsubscribe_url": settings.SITE_URL + reverse("subscriptions:unsubscribe", kwargs={"token": left}),
        },
        language=subscription.newsletter.language,
        at=at,
    )


def _end(pk: int, at: datetime) -> None:
    """End a run in which nobody waits for anything any more."""
    run = ConsentRenewal.objects.filter(pk=pk, state=State.RUNNING).first()
    if run is not None and not RenewalRequest.objects.filter(renewal=run).open().exists():
        with transaction.atomic():
            _move(run, [State.RUNNING], State.ENDED, "ended", None, at)


def answer_url(subscription: Subscription, row: RenewalRequest) -> str:
    token = tokens.sign(PURPOSE, [subscription.link_id.hex, row.pk])
    return settings.SITE_URL + reverse("subscriptions:renew_consent", kwargs={"token": token})


def read_answer(token: str) -> tuple[Subscription | None, int]:
    """Return the subscription that a link asks about, or None when it is gone, and the request's number.

    Raises newsroom.tokens.BadToken.
    """
    link, number = tokens.read(PURPOSE, token, max_age=LINK_LASTS)
    return unsubscribing.find(UUID(hex=link)), int(number)


@transaction.atomic
def agree(subscription: Subscription, number: int, statement: Statement, *, page: str, at: datetime) -> None:
    """Record the consent of a reader who pressed the button in a mailed page, and settle their request."""
    consent.grant_proven(
        subscription.subscriber,
        subscription.newsletter,
        shown=consent.Shown.from_statement(statement),
        page=page,
        method=Consent.Method.RECONSENT,
        at=at,
    )
    RenewalRequest.objects.filter(pk=number, subscription=subscription).update(state=Row.AGREED, ended_at=at)


def progress(run: ConsentRenewal) -> list[tuple[str, int]]:
    """Return how many requests are in each state, in the order of a request's life. Zeros stand there too."""
    counts = Counter(
        dict(RenewalRequest.objects.filter(renewal=run).values_list("state").annotate(Count("pk")).order_by())
    )
    return [(str(Row(state).label), counts[state]) for state in Row.values]


def end_old(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Delete the requests of runs that ended; the ledger holds the answers, and the run its numbers."""
    old = RenewalRequest.objects.filter(renewal__ended_at__lt=limit)
    return old.count() if is_dry_run else old.delete()[0]
