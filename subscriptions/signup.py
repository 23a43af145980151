"""Signing up: the request that is the same for every address, and the task that decides what is mailed."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import reverse

from newsroom import tokens
from newsroom.limits import allow, is_shared
from newsroom.mail import queue_mail
from newsroom.models import Suppression
from newsroom.suppressions import reasons_against
from newsroom.waking import wake_again
from subscriptions import consent, unsubscribing
from subscriptions.models import Consent, Newsletter, SignupRequest, Subscription
from subscriptions.statements import Statement

logger = logging.getLogger(__name__)

CONFIRM_WITHIN = timedelta(days=7)
CONFIRM_PURPOSE = "confirm-subscription"

# What one network, and all networks together, may ask for. Tor's exits, an onion service and a proxy that hides its
# clients look like one network each, which is why a shared network may ask for far more.
NETWORK_RATE = "20/hour"
SHARED_NETWORK_RATE = "600/hour"
TOTAL_RATE = "3000/hour"
# What one mailbox gets, whoever asks for it.
ADDRESS_RATE = "3/day"

GIVE_UP_AFTER = 12
RETRY_STEP = timedelta(minutes=2)


class TooManySignups(Exception):
    """This network, or all of them together, asked too often. It is never about the address."""


def request_signup(
    *,
    email: str,
    newsletter: Newsletter,
    statement: Statement,
    page: str,
    method: Consent.Method,
    network: str,
    at: datetime,
) -> None:
    """Keep one sign-up for the task. The work is the same for every address. Raises TooManySignups."""
    if not allow("signup-network", network, rate=SHARED_NETWORK_RATE if is_shared(network) else NETWORK_RATE):
        raise TooManySignups
    if not allow("signup-total", rate=TOTAL_RATE):
        raise TooManySignups
    consent.keep_request(email=email, newsletter=newsletter, statement=statement, page=page, method=method, at=at)


def handle(pk: int, *, at: datetime) -> None:
    """Decide what one kept sign-up leads to, and delete it, in one transaction. A second call finds nothing to do.

    A failure leaves the row for a later try, because the reader was promised a mail.
    """
    try:
        _handle(pk, at)
    except Exception:  # the recording edge: the row says that it failed, and is tried again.
        logger.exception("The sign-up %s could not be handled.", pk)
        _postpone(pk, at)
        raise


def sweep(*, at: datetime, limit: int = 500) -> int:
    """Wake a worker for each kept sign-up that is due, and return how many there were."""
    due = SignupRequest.objects.filter(held_for="", not_before__lte=at, tries__lt=GIVE_UP_AFTER)
    pks = list(due.order_by("not_before", "pk").values_list("pk", flat=True)[:limit])
    for pk in pks:
        wake_again("subscriptions.tasks.handle_signup", pk)
    return len(pks)


def _handle(pk: int, at: datetime) -> None:
    waiting = SignupRequest.objects.filter(pk=pk, held_for="", not_before__lte=at).first()
    if waiting is None:
        return
    # The limit is asked before the transaction, because it speaks to another server, and once for each sign-up: a later
    # try is not another wish of the reader.
    is_within_limit = waiting.tries > 0 or allow("signup-address", waiting.email, rate=ADDRESS_RATE)
    with transaction.atomic():
        request = (
            SignupRequest.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("newsletter", "policy_text__policy")
            .filter(pk=pk)
            .first()
        )
        if request is None:
            return
        if is_within_limit:
            _answer(request, at)
        request.delete()


def _answer(request: SignupRequest, at: datetime) -> None:
    against = reasons_against(request.email, scope=Suppression.Scope.NEWSLETTERS, at=at)
    if {Suppression.Reason.BOUNCED, Suppression.Reason.COMPLAINED} & set(against):
        # The mailbox does not take our mail, or its owner called it spam. Either lifts with time.
        return
    subscription, granted = consent.grant(
        email=request.email,
        newsletter=request.newsletter,
        shown=consent.Shown(
            wording=request.wording,
            language=request.language,
            policy_version=request.policy_text.policy.version,
            policy_hash=request.policy_text.body_hash,
        ),
        page=request.page,
        method=Consent.Method(request.method),
        at=request.requested_at,
    )
    facts = {"newsletter": request.newsletter.name, "wording": request.wording}
    if subscription.state == Subscription.State.ACTIVE:
        queue_mail(
            key=f"already-subscribed:{granted.position}",
            template="already_subscribed",
            to=request.email,
            context={**facts, "preferences_url": preferences_url(subscription.link_id)},
            language=request.language,
            at=at,
            tells_of=request.requested_at,
        )
        return
    queue_mail(
        key=f"confirm-subscription:{granted.position}",
        template="confirm_subscription",
        to=request.email,
        context={**facts, "confirm_url": confirm_url(subscription, granted), "days": CONFIRM_WITHIN.days},
        language=request.language,
        at=at,
        tells_of=request.requested_at,
    )


def _postpone(pk: int, at: datetime) -> None:
    SignupRequest.objects.filter(pk=pk).update(tries=F("tries") + 1, not_before=at + RETRY_STEP)


def confirm_url(subscription: Subscription, granted: Consent) -> str:
    token = tokens.sign(CONFIRM_PURPOSE, [subscription.link_id.hex, granted.position])
    return settings.SITE_URL + reverse("subscriptions:confirm", kwargs={"token": token})


def preferences_url(link_id: UUID) -> str:
    return settings.SITE_URL + reverse("subscriptions:preferences", kwargs={"token": unsubscribing.token(link_id)})


def read_confirmation(token: str) -> tuple[Subscription | None, int]:
    """Return the subscription that a confirmation link names, or None when it is gone, and its grant's position.

    Raises newsroom.tokens.BadToken when the link is too old or altered.
    """
    link, position = tokens.read(CONFIRM_PURPOSE, token, max_age=CONFIRM_WITHIN)
    return unsubscribing.find(UUID(hex=link)), int(position)


def confirm(subscription: Subscription, *, position: int, page: str, at: datetime) -> Subscription:
    """Make a subscription active after its button was pressed. Raises GrantNoLongerStands."""
    return consent.confirm(subscription, position=position, page=page, method=Consent.Method.CONFIRMATION, at=at)
