"""Events: which object each kind is about, and what becomes of the event's row."""

import logging
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from donations import stripe_api
from donations.metadata import BadMetadata
from donations.models import StripeEvent
from donations.truth import invoices, ownership, payment_intents, recurring, sessions

logger = logging.getLogger(__name__)

# Longer than every call of one event together, so that a slow worker is not overtaken.
LEASE = timedelta(minutes=5)
DELAYS = [timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 60, 180, 360, 720, 1440)]

Learner = Callable[[str], object]
# By the beginning of the event's type, the longest first.
LEARNERS: list[tuple[str, Learner]] = [
    ("checkout.session.", sessions.learn),
    ("payment_intent.", payment_intents.learn),
    ("charge.dispute.", payment_intents.learn_dispute),
    ("charge.refund.", payment_intents.learn_refund),
    ("charge.", payment_intents.learn_charge),
    ("refund.", payment_intents.learn_refund),
    ("customer.subscription.", recurring.learn),
    ("customer.updated", recurring.learn_customer),
    ("setup_intent.setup_failed", sessions.learn_setup),
    ("invoice.", invoices.learn),
]
# These announce something that has no effect on money, or an object that cannot be fetched.
UNUSED = frozenset(
    {"payment_intent.created", "invoice.upcoming", "invoice.created", "invoice.deleted", "invoice.will_be_due"}
)


def learner_of(event: StripeEvent) -> Learner | None:
    if event.type in UNUSED or not event.object_id:
        return None
    return next((learn for prefix, learn in LEARNERS if event.type.startswith(prefix)), None)


def process(pk: int, *, at: datetime | None = None) -> None:
    """Apply one event if it is due: learn its object, and write down how that ended.

    Claiming is one conditional UPDATE that moves `not_before` past the lease, so two workers do not fetch for one
    event, and a killed worker's event is due again by itself.
    """
    at = at or timezone.now()
    due = StripeEvent.objects.filter(pk=pk, state=StripeEvent.State.RECEIVED, not_before__lte=at)
    if not due.update(not_before=at + LEASE, tries=F("tries") + 1):
        return
    event = StripeEvent.objects.get(pk=pk)
    try:
        state, reason = _apply(event)
    except (stripe_api.StripeAway, stripe_api.StripeBroke, stripe_api.StripeBusy) as error:
        _put_off(event, f"{type(error).__name__} {error.code}".strip(), at=at)
    except Exception as error:  # noqa: BLE001 - the recording edge: the row keeps what happened, and it is tried again.
        what = _nameless(error)
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.error("Event %s could not be applied: %s.\n%s", event.stripe_id, what, where)
        _put_off(event, what, at=at)
    else:
        _end(event, state, reason, at=timezone.now())


def _nameless(error: Exception) -> str:
    """Return what went wrong without the error's message: PostgreSQL's would quote a row with a reader's address."""
    diagnostics = getattr(error.__cause__, "diag", None)
    constraint = getattr(diagnostics, "constraint_name", None) or ""
    return f"{type(error).__name__} {constraint}".strip()[:200]


def _apply(event: StripeEvent) -> tuple[StripeEvent.State, str]:
    if event.livemode != stripe_api.uses_live_mode():
        return StripeEvent.State.IGNORED, "other mode"
    if event.account:
        return StripeEvent.State.IGNORED, "connected account"
    learn = learner_of(event)
    if learn is None:
        return StripeEvent.State.IGNORED, "kind not used"
    if event.api_version and event.api_version != stripe_api.API_VERSION:
        logger.warning("Event %s has API version %s; its object is fetched.", event.stripe_id, event.api_version)
    try:
        learn(event.object_id)
    except ownership.NotOurs as error:
        return StripeEvent.State.IGNORED, f"not ours: {error}"[:120]
    except stripe_api.StripeMissing:
        return StripeEvent.State.IGNORED, "object is gone"
    except BadMetadata as error:
        return StripeEvent.State.FAILED, f"unreadable metadata: {error}"[:120]
    return StripeEvent.State.APPLIED, ""


def _end(event: StripeEvent, state: StripeEvent.State, reason: str, *, at: datetime) -> None:
    StripeEvent.objects.filter(pk=event.pk, state=StripeEvent.State.RECEIVED).update(
        state=state, reason=reason, error="", ended_at=at
    )


def _put_off(event: StripeEvent, error: str, *, at: datetime) -> None:
    row = StripeEvent.objects.filter(pk=event.pk, state=StripeEvent.State.RECEIVED)
    if event.tries > len(DELAYS):
        row.update(state=StripeEvent.State.FAILED, error=error, ended_at=timezone.now())
    else:
        row.update(error=error, not_before=at + DELAYS[event.tries - 1])


def process_again(event: StripeEvent, *, at: datetime) -> None:
    """Put an event back into the inbox, whatever became of it."""
    StripeEvent.objects.filter(pk=event.pk).update(
        state=StripeEvent.State.RECEIVED, reason="", error="", tries=0, not_before=at, ended_at=None
    )
