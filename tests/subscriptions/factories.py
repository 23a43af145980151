"""Rows of subscriptions with valid defaults. Nothing in them is random but what the product itself draws."""

from datetime import UTC, datetime, time, timedelta
from itertools import count
from typing import Any

from newsroom.addresses import normalise_email
from subscriptions import consent
from subscriptions.models import Consent, Newsletter, PolicyText, PrivacyPolicy, Subscriber, Subscription
from subscriptions.policies import publish
from subscriptions.statements import newsletter_statement

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
_number = count(1)


def make_policy(*, is_published: bool = True, texts: dict[str, str] | None = None, **kwargs: Any) -> PrivacyPolicy:
    number = next(_number)
    policy = PrivacyPolicy.objects.create(
        **{"version": f"2020-{number}", "in_force_from": datetime(2026, 1, 1, tzinfo=UTC), **kwargs}
    )
    for language, body in (texts or {"en": "<p>We keep your address.</p>"}).items():
        PolicyText.objects.create(policy=policy, language=language, title="Privacy Policy", body=body)
    return publish(policy, by=None, at=NOW - timedelta(days=300)) if is_published else policy


def make_newsletter(**kwargs: Any) -> Newsletter:
    """Make a newsletter that goes out on Friday at 08:00 in Berlin."""
    number = next(_number)
    return Newsletter.objects.create(
        **{
            "name": f"Letter {number}",
            "slug": f"letter-{number}",
            "description": "The week, picked by hand.",
            "send_time": time(8, 0),
            "time_zone": "Europe/Berlin",
            "sender_name": "The Meridian",
            "sender_address": "friday@meridian.example",
            "list_id": f"letter-{number}.meridian.example",
            **kwargs,
        }
    )


def make_subscription(
    *,
    newsletter: Newsletter | None = None,
    email: str | None = None,
    state: Subscription.State = Subscription.State.ACTIVE,
    at: datetime = NOW,
    paused_until: datetime | None = None,
) -> Subscription:
    """Make a subscription as a reader makes it: through consent, with its rows in the ledger."""
    number = next(_number)
    newsletter = newsletter or make_newsletter()
    if PrivacyPolicy.objects.in_force(at) is None:
        make_policy()
    statement = newsletter_statement(newsletter, at=at)
    assert statement is not None
    subscription, granted = consent.grant(
        email=normalise_email(email or f"reader-{number}@example.org"),
        newsletter=newsletter,
        shown=consent.Shown.from_statement(statement),
        page="/a-story/",
        method=Consent.Method.FORM,
        at=at,
    )
    if state != Subscription.State.PENDING:
        subscription = consent.confirm(
            subscription, position=granted.position, page="/a-story/", method=Consent.Method.CONFIRMATION, at=at
        )
    if state == Subscription.State.UNSUBSCRIBED:
        consent.withdraw(subscription, page="/newsletter/", method=Consent.Method.ONE_CLICK, at=at)
    if state == Subscription.State.SUPPRESSED:
        consent.suspend(subscription, at=at)
    if paused_until is not None:
        Subscription.objects.filter(pk=subscription.pk).update(paused_until=paused_until)
    subscription = Subscription.objects.select_related("subscriber", "newsletter").get(pk=subscription.pk)
    assert subscription.state == state
    return subscription


def make_subscriber(**kwargs: Any) -> Subscriber:
    return make_subscription(**kwargs).subscriber
