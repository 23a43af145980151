"""Taking over what a newsroom already has at Stripe: its subscriptions, their donors and their paid history.

What is taken over gets our metadata and is then learnt like everything else, so from that moment renewals, refunds and
mails are the same as of a gift that began here. Nothing is mailed about what happened before.
"""

import logging
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from donations import safety, stripe_api
from donations.metadata import PREFIX, BadMetadata, decode, metadata_of
from donations.models import Currency, Donation, Frequency, current_terms
from donations.reconcile import alone
from donations.truth import invoices, ownership, payment_intents, recurring
from newsroom.addresses import InvalidAddress, normalise_email
from newsroom.history import entries_of, record
from newsroom.models import Suppression
from newsroom.outlet import current_outlet
from newsroom.suppressions import reasons_against

logger = logging.getLogger(__name__)

LOCK = 7_203_114_903
ACTION = "donation.adopted"
FREQUENCIES = {("month", 1): Frequency.MONTHLY, ("year", 1): Frequency.ANNUAL, ("month", 12): Frequency.ANNUAL}
NEVER_PAID = frozenset({"incomplete", "incomplete_expired"})
THE_BEGINNING = datetime(2011, 1, 1, tzinfo=UTC)

Progress = Callable[[str, int], None]


class Unsuitable(Exception):
    """The object cannot be taken over. The message says why, and what to do."""


@dataclass
class Report:
    """What was, or in a dry run would be, taken over; and what stays where it is, by id with what to do about it."""

    adopted: list[str] = field(default_factory=list)
    payments: int = 0
    ours: int = 0
    others: int = 0
    never_paid: int = 0
    left: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        facts = (
            f"{len(self.adopted)} to take over with {self.payments} payments, {self.ours} are here already, "
            f"{self.never_paid} were never paid, {self.others} are another site's, {len(self.left)} stay"
        )
        return "\n".join([facts, *self.left])


@dataclass(frozen=True)
class _Gift:
    """One gift that can be taken over."""

    stripe_id: str
    frequency: str
    amount: int
    currency: str
    email: str
    name: str
    language: str
    created_at: datetime
    livemode: bool


def adopt(*, at: datetime, dry_run: bool, with_single_gifts: bool = False, progress: Progress | None = None) -> Report:
    """Take over every subscription, and single gifts if wanted, that is not ours yet. Again changes nothing.

    After an interruption it goes on where it stopped, because each object at Stripe says by its metadata whether it is
    ours. Raises reconcile.AlreadyRunning, and the errors of `stripe_api` when a list cannot be read to its end.
    """
    report = Report()
    kinds: list[tuple[str, Iterator[Any], Callable[..., None]]] = [
        ("subscriptions", stripe_api.each_subscription_with_customer(), _adopt_subscription)
    ]
    if with_single_gifts:
        kinds.append(("payments", stripe_api.each_payment_intent(THE_BEGINNING), _adopt_payment))
    with alone(LOCK):
        for kind, objects, adopt_one in kinds:
            for count, obj in enumerate(objects, start=1):
                if progress is not None:
                    progress(kind, count)
                _adopt_one(obj, adopt_one, report, at=at, dry_run=dry_run)
    return report


def _adopt_one(obj: Any, adopt_one: Callable[..., None], report: Report, *, at: datetime, dry_run: bool) -> None:
    """Take over one object. One that cannot be is reported and stops no other."""
    metadata = stripe_api.plain(obj.metadata)
    try:
        ours = decode(metadata)
        if ours is not None:
            report.ours += 1
            donation = Donation.objects.filter(attempt_key=ours.attempt_key, adopted_at__isnull=False).first()
            if donation is not None and not dry_run and not entries_of(donation).filter(action=ACTION).exists():
                _finish(donation, obj, report, at=at)
        elif any(key.startswith(PREFIX) for key in metadata):
            report.others += 1
        else:
            ownership.check_mode(obj)
            adopt_one(obj, report, at=at, dry_run=dry_run)
    except (Unsuitable, ownership.NotOurs) as reason:
        report.left.append(f"{obj.id}: {reason}")
    except BadMetadata:
        report.left.append(f"{obj.id}: its metadata is ours and cannot be read. Correct it in Stripe's dashboard.")
    except (stripe_api.StripeRefused, stripe_api.StripeBroke) as error:
        report.left.append(f"{obj.id}: Stripe answered {error.code}. Run this again; if it stays, look at the object.")


# Subscriptions


def _adopt_subscription(subscription: Any, report: Report, *, at: datetime, dry_run: bool) -> None:
    if subscription.status in NEVER_PAID:
        report.never_paid += 1
        return
    paid = _paid_invoices(subscription.id)
    if subscription.status == "canceled" and not paid:
        report.never_paid += 1
        return
    gift = _gift_of_subscription(subscription)
    _refuse_blocked_cards(stripe_api.id_of(subscription.customer))
    if dry_run:
        report.adopted.append(subscription.id)
        report.payments += len(paid)
        return
    donation = _write(gift, at=at)
    with transaction.atomic():
        # It runs, or has run, whatever payments are found: newsrooms have moved their subscriptions before.
        donation = ownership.lock(donation.pk)
        ownership.donor_of(donation, email=gift.email, at=gift.created_at)
        donation.move(Donation.State.GIVEN, at=gift.created_at)
    stripe_api.update_subscription(subscription.id, {"metadata": metadata_of(donation).encode()})
    report.adopted.append(subscription.id)
    _finish(donation, subscription, report, at=at)


def _gift_of_subscription(subscription: Any) -> _Gift:
    """Read a subscription as a gift of ours. Raises Unsuitable."""
    items = subscription.items.data
    if len(items) != 1:
        raise Unsuitable(
            f"it has {len(items)} items. Split it into one subscription for each, or leave it to its shop."
        )
    price, quantity = items[0].price, items[0].quantity or 1
    if quantity != 1:
        raise Unsuitable(f"its quantity is {quantity}. Give it one item with the whole amount and quantity 1.")
    if not price.unit_amount:
        raise Unsuitable("its price is no fixed sum. Give it a price with one amount.")
    frequency = FREQUENCIES.get((price.recurring.interval, price.recurring.interval_count or 1))
    if frequency is None:
        every = f"every {price.recurring.interval_count} {price.recurring.interval}s"
        raise Unsuitable(f"it charges {every}. Give it a monthly or yearly price, or let it run out and ask to renew.")
    if subscription.discounts:
        raise Unsuitable("it has a discount, so less is charged than its price says. Give it the lower price instead.")
    if subscription.schedule is not None:
        raise Unsuitable("a schedule will change it. Release the schedule, then run this again.")
    if subscription.collection_method != "charge_automatically":
        raise Unsuitable("it sends invoices instead of charging. Switch it to charging, or leave it to bookkeeping.")
    customer = subscription.customer
    if getattr(customer, "deleted", False):
        raise Unsuitable("its customer is deleted. Nobody can be written to; end it.")
    return _Gift(
        stripe_id=subscription.id,
        frequency=frequency,
        amount=recurring.amount_of(items[0]),
        currency=_currency(subscription.currency),
        email=_address(customer.email),
        name=_name(customer.name),
        language=_language(customer.preferred_locales),
        created_at=stripe_api.time_of(subscription.created),
        livemode=subscription.livemode,
    )


def _paid_invoices(subscription_id: str) -> list[str]:
    return [one.id for one in stripe_api.invoices_of(subscription_id) if one.status == "paid" and one.amount_paid]


# Single gifts


def _adopt_payment(intent: Any, report: Report, *, at: datetime, dry_run: bool) -> None:
    """Take over one paid payment that belongs to no invoice; those of invoices came with their subscriptions."""
    if intent.status != "succeeded":
        report.never_paid += 1
        return
    if stripe_api.invoice_of(intent.id):
        return
    charge = intent.latest_charge
    if safety.is_blocked(charge):
        raise Unsuitable(BLOCKED)
    customer_id = stripe_api.id_of(intent.customer)
    customer = stripe_api.retrieve_customer(customer_id) if customer_id else None
    known = customer if customer is not None and not getattr(customer, "deleted", False) else None
    billing = charge.billing_details if charge is not None else None
    gift = _Gift(
        stripe_id=intent.id,
        frequency=Frequency.ONCE,
        amount=intent.amount_received,
        currency=_currency(intent.currency),
        email=_address((billing.email if billing else "") or intent.receipt_email or (known.email if known else "")),
        name=_name((billing.name if billing else "") or (known.name if known else "")),
        language=_language(known.preferred_locales if known else None),
        created_at=stripe_api.time_of(intent.created),
        livemode=intent.livemode,
    )
    report.adopted.append(intent.id)
    if dry_run:
        report.payments += 1
        return
    donation = _write(gift, at=at)
    stripe_api.update_payment_intent(intent.id, {"metadata": metadata_of(donation).encode()})
    _finish(donation, intent, report, at=at)


# Both

BLOCKED = (
    "it was paid with a card of a blocked country. Nothing was written down here; end it and delete the customer in "
    "Stripe's dashboard, for the donor's safety."
)


def _write(gift: _Gift, *, at: datetime) -> Donation:
    """Commit the decision before Stripe hears of it, under a key that a repetition finds again."""
    digest = salted_hmac("donations.adopting", gift.stripe_id, algorithm="sha256").digest()
    donation, _is_new = Donation.objects.get_or_create(
        attempt_key=uuid.UUID(bytes=digest[:16], version=4),
        defaults={
            "frequency": gift.frequency,
            "amount": gift.amount,
            "currency": gift.currency,
            "language": gift.language,
            "email": gift.email,
            "name": gift.name,
            "created_at": gift.created_at,
            "state_at": gift.created_at,
            "livemode": gift.livemode,
            "adopted_at": at,
        },
    )
    return donation


def _finish(donation: Donation, obj: Any, report: Report, *, at: datetime) -> None:
    """Learn the object and all that was paid, the oldest first, and write down that this is done."""
    if obj.object == "subscription":
        recurring.learn(obj.id)
        for invoice_id in reversed(_paid_invoices(obj.id)):
            for intent_id in invoices.intents_of(stripe_api.retrieve_invoice(invoice_id)):
                payment_intents.learn(intent_id)
    else:
        payment_intents.learn(obj.id)
    count = donation.payments.count()
    report.payments += count
    with transaction.atomic():
        record(donation, action=ACTION, after={"object": obj.id, "payments": count}, at=at)


def _refuse_blocked_cards(customer_id: str) -> None:
    """Keep away from what learning would send back: years of gifts from a country where giving is a crime."""
    if not current_terms().blocked_card_countries:
        return
    if any(safety.is_blocked(charge) for charge in stripe_api.charges_of_customer(customer_id)):
        raise Unsuitable(BLOCKED)


def _currency(code: str) -> str:
    if code.upper() not in Currency.values:
        raise Unsuitable(
            f"its currency {code.upper()} is not offered here. It can run on at Stripe, outside these books."
        )
    return code.upper()


def _address(text: str | None) -> str:
    try:
        address = normalise_email(text or "")
    except InvalidAddress:
        raise Unsuitable(
            "its customer has no address that mail can reach. Write one there, then run this again."
        ) from None
    if Suppression.Reason.ERASED in reasons_against(address, scope=Suppression.Scope.NEWSLETTERS):
        raise Unsuitable("its donor was erased here. End it in Stripe's dashboard, and delete the customer.")
    return address


def _name(text: str | None) -> str:
    return " ".join((text or "").split())[:120]


def _language(locales: list[str] | None) -> str:
    """Return the first of a customer's languages that mails are written in, else the outlet's own."""
    known = {code.lower(): code for code, _label in settings.LANGUAGES}
    for locale in locales or []:
        wanted = locale.lower().replace("_", "-")
        for code in (wanted, wanted.split("-")[0]):
            if code in known:
                return known[code]
    return current_outlet().language
