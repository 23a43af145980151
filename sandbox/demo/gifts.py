"""Loads the newsroom's appeals, and the gifts of some months by playing them through with the sandbox's Stripe."""

import sqlite3
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.test import override_settings

from donations import keeping, reconcile, stripe_api
from donations.checkout import Particulars, commit_donation, open_session
from donations.giving import Choice
from donations.models import Appeal, Donation, Donor, Payment, RecurringGift, StripeCustomer, TaxProfile
from donations.truth import invoices, recurring, sessions
from newsroom.models import Article, OutgoingMail
from sandbox.demo.people import Gift, Giver
from sandbox.demo.reading import Content
from sandbox.stripe.testing import StripeSandbox

CARDS = ("4242424242424242", "5555555555554444", "4000056655665556", "5105105105105100")
IBAN = "DE89370400440532013000"
# A refusal is ordered before the renewal that it is for.
AHEAD = timedelta(days=1)
# The clock also goes on by itself, so a step that is nearer than this needs no advance.
NEAR_SECONDS = 60


def load_organisation(content: Content) -> None:
    """Write down what statements print about the outlet. The number is invented."""
    legal_name, *address = content.outlet.postal_address
    TaxProfile.objects.create(
        pk=1, legal_name=legal_name, address="\n".join(address), country="LT", tax_number="123456789"
    )


def load_appeals(content: Content, *, now: datetime) -> None:
    for text in content.appeals:
        Appeal.objects.create(
            title=text.title,
            message=f"{text.message}<p><em>{text.signature}</em></p>",
            short_line=text.page_top,
            language=text.language,
            starts_at=now - timedelta(days=text.starts_days_ago),
            priority=text.priority,
        )


@transaction.atomic
def load_gifts(givers: Sequence[Giver], *, data: Path, now: datetime) -> None:
    """Play the givers' history through, so that the product's books and those of Stripe are the same.

    1. Start the sandbox's Stripe on a new file, its clock set back to the first gift. 2. Walk through the time: each
    gift is decided, paid and learnt by the product's own functions, and renewals come as the clock passes them. 3. At
    the present, learn what happened since. 4. Give the rows the times of the history, and send none of its mails.
    5. Put the file where `data` says. An error leaves neither rows nor a file.
    """
    last_mail = OutgoingMail.objects.aggregate(last=Max("pk"))["last"] or 0
    with _own_stripe(data) as stripe:
        steps = _steps(givers, stripe)
        begin = steps[0].at - timedelta(hours=1)
        stripe.begin_in_the_past(int(begin.timestamp()))
        for step in steps:
            step.do(_walk_to(step.at, stripe))
        stripe.return_to_present()
        _learn_the_rest(since=begin)
    _date_rows(since=begin)
    # The people of the demo got these mails long ago, as far as its story goes.
    OutgoingMail.objects.filter(
        pk__gt=last_mail, address__in={giver.email for giver in givers}, state=OutgoingMail.State.QUEUED
    ).update(state=OutgoingMail.State.CANCELLED, error="demo history", ended_at=now)


@contextmanager
def _own_stripe(data: Path) -> Iterator[StripeSandbox]:
    """Run Stripe's stand-in on a new file, at a free port to which the product speaks inside the block.

    When the block ends well, the file takes the place of an older one. That one holds nothing that anybody knows of:
    gifts are loaded only where the product has none.
    """
    made = data.with_name(f"{data.name}.history")
    data.parent.mkdir(parents=True, exist_ok=True)
    _remove(made)
    try:
        # Without a secret no webhooks are written down, so none is sent when Stripe starts on this file. The links in
        # its objects are already those of the address where it will be started.
        history = StripeSandbox(data=str(made), webhook_secret="", public_url=settings.STRIPE_API_BASE)
        with history as stripe, override_settings(STRIPE_API_BASE=stripe.url):
            yield stripe
        with closing(sqlite3.connect(made)) as connection:
            # Everything has to be in the one file that is moved.
            connection.execute("PRAGMA journal_mode=DELETE")
        _remove(data)
        made.rename(data)
    finally:
        _remove(made)


def _remove(data: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{data}{suffix}").unlink(missing_ok=True)


@dataclass(frozen=True)
class _Step:
    at: datetime
    do: Callable[[datetime], None]


def _steps(givers: Sequence[Giver], stripe: StripeSandbox) -> list[_Step]:
    """Return what people do, in the order of time. Renewals are left to Stripe's clock."""
    steps = []
    for number, giver in enumerate(givers):
        for gift in giver.gifts:
            life = _Life(stripe, giver, gift, number)
            steps.append(_Step(gift.started_at, life.begin))
            refusals = (payment.paid_at for payment in gift.payments if not payment.succeeded)
            steps += [_Step(at - AHEAD, life.order_refusal) for at in refusals]
            if gift.cancelled_at is not None:
                steps.append(_Step(gift.cancelled_at, life.end))
    return sorted(steps, key=lambda step: step.at)


def _walk_to(at: datetime, stripe: StripeSandbox) -> datetime:
    """Advance Stripe's clock to a moment, and return what it shows then."""
    seconds = int(at.timestamp())
    present = stripe.now()
    if seconds > present + NEAR_SECONDS:
        stripe.control("advance", to=seconds)
        present = seconds
    return datetime.fromtimestamp(present, UTC)


class _Life:
    """One gift from its first payment to its end."""

    def __init__(self, stripe: StripeSandbox, giver: Giver, gift: Gift, number: int) -> None:
        self.stripe = stripe
        self.giver = giver
        self.gift = gift
        self.number = number
        self.attempt_key = uuid.uuid4()

    def begin(self, at: datetime) -> None:
        donation = commit_donation(
            attempt_key=self.attempt_key, choice=self._choice(at), particulars=self._particulars(), at=at
        )
        session = open_session(donation, at=at)
        if session.stripe_id is None:
            raise LookupError(f"Stripe made no session for donation {donation.pk}.")
        answer = self.stripe.pay(session.stripe_id, name=self.giver.name, **self._means())
        if answer["error"]:
            raise ValueError(f"A gift of the demo was refused: {answer['error']['message']}")
        sessions.learn(session.stripe_id)

    def order_refusal(self, at: datetime) -> None:
        self.stripe.fail_next(self._recurring_gift().stripe_id)

    def end(self, at: datetime) -> None:
        keeping.cancel(self._recurring_gift(), at=at)

    def _recurring_gift(self) -> RecurringGift:
        return RecurringGift.objects.select_related("donation").get(donation__attempt_key=self.attempt_key)

    def _choice(self, at: datetime) -> Choice:
        """Return the gift with what moved the giver: an article of those weeks, the appeal, or neither."""
        language = self.giver.language
        read = list(Article.objects.published(at).filter(language=language).order_by("-published_at", "pk")[:3])
        shown = Appeal.objects.filter(language=language, starts_at__lte=at).order_by("-priority", "pk").first()
        return Choice(
            frequency=self.gift.frequency,
            amount=self.gift.amount,
            currency=self.gift.currency,
            language=language,
            article=read[self.number % len(read)].pk if read else None,
            appeal=shown.pk if shown is not None and self.number % 4 else None,
        )

    def _particulars(self) -> Particulars:
        return Particulars(
            email=self.giver.email,
            covers_fee=self.number % 3 == 0,
            name=self.giver.name,
            is_anonymous=not self.giver.wants_public_thanks,
        )

    def _means(self) -> dict[str, str]:
        if self.gift.frequency == "once" and self.gift.currency == "EUR" and self.number % 4 == 1:
            return {"iban": IBAN}
        return {"card": CARDS[self.number % len(CARDS)]}


def _learn_the_rest(*, since: datetime) -> None:
    """Learn what Stripe did by itself meanwhile: renewals, their failures, and answers of banks."""
    gifts = RecurringGift.objects.filter(started_at__gte=since).order_by("pk")
    for stripe_id in gifts.values_list("stripe_id", flat=True):
        recurring.learn(stripe_id)
    reconcile.reconcile(since=since)
    for gift in gifts.filter(state=RecurringGift.State.PAST_DUE):
        for invoice in stripe_api.open_invoices_of(gift.stripe_id):
            invoices.learn(invoice.id)


def _date_rows(*, since: datetime) -> None:
    """Give the rows that were written just now the times of what they tell."""
    for donation in Donation.objects.filter(created_at__gte=since).order_by("created_at", "pk"):
        if donation.donor_id is None:
            continue
        Donor.objects.filter(pk=donation.donor_id, created_at__gt=donation.created_at).update(
            created_at=donation.created_at
        )
        first = donation.payments.filter(state=Payment.State.PAID).order_by("paid_at", "pk").first()
        if first is not None and donation.state == Donation.State.GIVEN:
            Donation.objects.filter(pk=donation.pk).update(state_at=first.paid_at)
    for gift in RecurringGift.objects.filter(started_at__gte=since):
        if gift.customer_id is not None:
            StripeCustomer.objects.filter(pk=gift.customer_id).update(created_at=gift.started_at)
