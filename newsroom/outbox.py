"""Sending the outbox: claim, send, write the outcome; and the sweep that finds what a crash left behind."""

import logging
import smtplib
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parseaddr
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from newsroom import bounces, provider_api, smtp
from newsroom.mail import as_wire, compose
from newsroom.models import OutgoingMail, Suppression
from newsroom.suppressions import is_suppressed
from newsroom.waking import wake, wake_again

logger = logging.getLogger(__name__)

# Longer than every time-out of one message together (connect, MAIL, RCPT, DATA, dot), so that a worker that is merely
# slow is not overtaken.
LEASE = timedelta(minutes=5)
DELAYS = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240, 720, 1440)]
KEPT_AFTER_END = timedelta(days=30)

# Template → a question asked in the transaction that claims the mail. A text for an answer cancels the mail with that
# reason. (A reminder is not sent to someone who gave in the meantime.)
claim_guards: dict[str, Callable[[OutgoingMail, datetime], str]] = {}
# Templates of mails to an address that its person has left. No erasure and no export would look for it any more, so it
# goes with the mail's end.
parting_templates: set[str] = set()


def deliver(pk: int, *, at: datetime | None = None) -> None:
    """Send one mail if it is due. Calling it twice, or in two workers at once, sends once."""
    at = at or timezone.now()
    mail = _claim(pk, at)
    if mail is None:
        return
    try:
        answer = _offer(mail)
    except (smtplib.SMTPException, OSError) as error:
        answer = smtp.Answer(smtp.Outcome.TEMPORARY, text=type(error).__name__)
    except Exception as error:
        # A template that fails is a fault of ours: the row keeps its name, and the mail is tried again later.
        logger.exception("Mail %s could not be built.", mail.pk)
        answer = smtp.Answer(smtp.Outcome.TEMPORARY, text=type(error).__name__)
    at = max(at, timezone.now())
    _finish(mail, answer, at=at)
    if answer.outcome is smtp.Outcome.REFUSED:
        bounces.heard(mail.address, status_code=bounces.code_in(f"{answer.code} {answer.text}"), at=at)


def _offer(mail: OutgoingMail) -> smtp.Answer:
    message = compose(mail)
    if settings.MAIL_PROVIDER is not None:
        return provider_api.send_one(message, key=mail.report_key, provider=settings.MAIL_PROVIDER)
    sender = bounces.return_path(parseaddr(settings.DEFAULT_FROM_EMAIL)[1], key=mail.report_key)
    with smtp.connection() as client:
        return smtp.send_one(client, sender=sender, recipient=mail.address, message=as_wire(message))


def sweep(*, at: datetime, limit: int = 200) -> int:
    """Wake a worker for each mail that is due, oldest first, and return how many there were."""
    due = OutgoingMail.objects.due(at).order_by("not_before", "pk").values_list("pk", flat=True)[:limit]
    for pk in due:
        wake_again("newsroom.tasks.deliver_mail", pk)
    return len(due)


def send_again(pk: int, *, at: datetime) -> bool:
    """Queue a failed or unknown mail once more, as a person decided, and say whether it was one."""
    ended = OutgoingMail.objects.filter(pk=pk, state__in=[OutgoingMail.State.FAILED, OutgoingMail.State.UNKNOWN])
    count = ended.exclude(address="").update(
        state=OutgoingMail.State.QUEUED, tries=0, not_before=at, ended_at=None, claim_expires_at=None
    )
    if count:
        wake("newsroom.tasks.deliver_mail", pk)
    return bool(count)


def empty_ended(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Empty what mails that ended before `limit` say of their person, and return how many there were.

    The server's words go too, because many servers repeat the address. A mail whose outcome nobody ever learned has no
    end; it counts from the day it was made.
    """
    forgotten = Q(state=OutgoingMail.State.UNKNOWN, created_at__lte=limit)
    ended = OutgoingMail.objects.filter(Q(ended_at__lte=limit) | forgotten)
    old = ended.exclude(address="", context={}, error="")
    return old.count() if is_dry_run else old.update(address="", context={}, error="")


@transaction.atomic
def _claim(pk: int, at: datetime) -> OutgoingMail | None:
    mail = OutgoingMail.objects.due(at).select_for_update(skip_locked=True).filter(pk=pk).first()
    if mail is None:
        return None
    reason = _reason_against(mail, at)
    if reason:
        mail.state, mail.error, mail.ended_at = OutgoingMail.State.CANCELLED, reason, at
        mail.claim_id, mail.claim_expires_at = None, None
        if mail.template in parting_templates:
            mail.address, mail.context = "", {}
    else:
        mail.state, mail.tries = OutgoingMail.State.SENDING, mail.tries + 1
        mail.claim_id, mail.claim_expires_at = uuid4(), at + LEASE
    mail.save()
    return None if reason else mail


def _reason_against(mail: OutgoingMail, at: datetime) -> str:
    if is_suppressed(mail.address, scope=Suppression.Scope.EVERYTHING, at=at):
        return "suppressed"
    guard = claim_guards.get(mail.template)
    return guard(mail, at) if guard else ""


def _finish(mail: OutgoingMail, answer: smtp.Answer, *, at: datetime) -> None:
    """Write the outcome, unless another worker holds the row by now: only the claim's own holder may."""
    state, ended_at, not_before = OutgoingMail.State.QUEUED, None, at
    is_last_try = mail.tries >= len(DELAYS)
    match answer.outcome:
        case smtp.Outcome.ACCEPTED:
            state, ended_at = OutgoingMail.State.SENT, at
        case smtp.Outcome.REFUSED:
            state, ended_at = OutgoingMail.State.FAILED, at
        case smtp.Outcome.TEMPORARY if is_last_try:
            state, ended_at = OutgoingMail.State.FAILED, at
        case smtp.Outcome.TEMPORARY:
            not_before = at + DELAYS[mail.tries - 1]
        case smtp.Outcome.UNKNOWN:
            # One repeat with the same Message-ID, which a mailbox can recognise; a person decides about more.
            state = OutgoingMail.State.UNKNOWN
            not_before = at + (LEASE if mail.tries < 2 else timedelta(days=3650))
    own = OutgoingMail.objects.filter(pk=mail.pk, claim_id=mail.claim_id)
    own.update(
        state=state,
        error="" if answer.outcome is smtp.Outcome.ACCEPTED else f"{answer.code or ''} {answer.text}".strip()[:300],
        ended_at=ended_at,
        not_before=not_before,
        claim_expires_at=None,
    )
    if mail.template in parting_templates:
        own.filter(ended_at__isnull=False).update(address="", context={}, error="")
