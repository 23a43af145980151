"""What a reader may switch by the link in a mail: each newsletter on or off, or paused. The address is never shown."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from subscriptions import consent
from subscriptions.models import Consent, Newsletter, Subscriber, Subscription
from subscriptions.statements import Statement, newsletter_statement

PAUSES = {4: timedelta(weeks=4), 8: timedelta(weeks=8), 13: timedelta(weeks=13), 26: timedelta(weeks=26)}


class WordsChanged(Exception):
    """The words of consent are no longer those that the reader saw."""


@dataclass(frozen=True)
class Choice:
    """A newsletter as the reader's own page shows it."""

    newsletter: Newsletter
    subscription: Subscription | None
    statement: Statement | None
    is_on: bool
    paused_until: datetime | None


@dataclass(frozen=True)
class Wish:
    """One change to one newsletter: `on`, `off`, `pause` for some weeks, or `resume`."""

    newsletter: Newsletter
    change: str
    weeks: int | None
    statement: str


def choices(subscriber: Subscriber, *, at: datetime) -> list[Choice]:
    """Return every newsletter that is active, or that the reader still receives, with its state for this reader."""
    own = {one.newsletter_id: one for one in Subscription.objects.filter(subscriber=subscriber)}
    found = []
    for newsletter in Newsletter.objects.order_by("position", "pk"):
        subscription = own.get(newsletter.pk)
        is_on = subscription is not None and subscription.state == Subscription.State.ACTIVE
        if not newsletter.is_active and not is_on:
            continue
        until = subscription.paused_until if subscription is not None and is_on else None
        found.append(
            Choice(
                newsletter=newsletter,
                subscription=subscription,
                statement=None if is_on else newsletter_statement(newsletter, at=at),
                is_on=is_on,
                paused_until=until if until is not None and until > at else None,
            )
        )
    return found


def change(subscriber: Subscriber, wish: Wish, *, page: str, at: datetime) -> None:
    """Carry out one wish of a reader. Raises WordsChanged."""
    if wish.change == "on":
        switch_on(subscriber, wish.newsletter, fingerprint=wish.statement, page=page, at=at)
        return
    own = Subscription.objects.filter(subscriber=subscriber, newsletter=wish.newsletter).first()
    if own is None:
        return
    if wish.change == "off":
        consent.withdraw(own, page=page, method=Consent.Method.PREFERENCES, at=at)
    else:
        pause(own, until=at + PAUSES[wish.weeks or 4] if wish.change == "pause" else None)


def switch_on(
    subscriber: Subscriber, newsletter: Newsletter, *, fingerprint: str, page: str, at: datetime
) -> Subscription:
    """Subscribe a reader who proved the address before. Raises WordsChanged when the words shown are out of date."""
    statement = newsletter_statement(newsletter, at=at)
    if statement is None or statement.fingerprint != fingerprint:
        raise WordsChanged
    return consent.grant_proven(
        subscriber,
        newsletter,
        shown=consent.Shown.from_statement(statement),
        page=page,
        method=Consent.Method.PREFERENCES,
        at=at,
    )


@transaction.atomic
def pause(subscription: Subscription, *, until: datetime | None) -> None:
    """Stop an active subscription until a moment, or end its pause with None."""
    Subscription.objects.active().filter(pk=subscription.pk).update(paused_until=until)
