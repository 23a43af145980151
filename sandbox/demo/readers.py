"""Loads the privacy policy, the newsletter with its past issues, and the subscribers with the proof of their consent."""

from datetime import datetime, time, timedelta

from django.contrib.auth.models import User
from django.db import transaction

from sandbox.demo import people
from sandbox.demo.reading import Content
from subscriptions import consent, policies
from subscriptions.models import Consent, Newsletter, PolicyText, PrivacyPolicy
from subscriptions.statements import statement_for

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SIGNUP_PAGE = "/newsletter/"


def load_policies(content: Content, *, by: User, now: datetime) -> None:
    """Publish the policy before the first subscriber came, because each consent names it."""
    first_signup = min(reader.signed_up_at for reader in people.readers(now=now))
    in_force = datetime.combine(content.outlet.policy_in_force_since, time(), tzinfo=content.outlet.zone)
    in_force = min(in_force, first_signup - timedelta(days=1))
    policy = PrivacyPolicy.objects.create(version=content.outlet.policy_version, in_force_from=in_force)
    for text in content.policies:
        PolicyText.objects.create(
            policy=policy, language=text.language, title=text.title, summary=text.summary, body=text.body
        )
    policies.publish(policy, by=by, at=in_force)


def load_newsletters(content: Content) -> None:
    for position, text in enumerate(content.newsletters):
        Newsletter.objects.create(
            name=text.name,
            slug=text.slug,
            description=text.description,
            language=text.language,
            position=position,
            weekday=WEEKDAYS.index(text.weekday),
            send_time=text.time,
            time_zone=text.timezone,
            news_places=text.quotas.get("news", 0),
            feature_places=text.quotas.get("feature", 0),
            analysis_places=text.quotas.get("analysis", 0),
            opinion_places=text.quotas.get("opinion", 0),
            sender_name=text.sender_name,
            sender_address=text.sender_address,
            reply_to=text.reply_to,
            intro=text.intro,
            list_id=f"{text.slug}.list.meridian.example",
            without_approval=Newsletter.WithoutApproval.SEND,
        )


@transaction.atomic
def load_subscribers(*, now: datetime) -> None:
    """Sign everybody up by the product's own functions, so that the ledger holds the proof of each."""
    newsletter = Newsletter.objects.order_by("position", "pk")[0]
    for reader in people.readers(now=now):
        shown = consent.Shown.from_statement(
            statement_for(newsletter, language=reader.language, at=reader.signed_up_at)
        )
        subscription, granted = consent.grant(
            email=reader.email,
            newsletter=newsletter,
            shown=shown,
            page=SIGNUP_PAGE,
            method=Consent.Method.FORM,
            at=reader.signed_up_at,
        )
        if reader.confirmed_at is None:
            continue
        subscription = consent.confirm(
            subscription,
            position=granted.position,
            page=SIGNUP_PAGE,
            method=Consent.Method.CONFIRMATION,
            at=reader.confirmed_at,
        )
        if reader.unsubscribed_at is not None:
            consent.withdraw(subscription, page=SIGNUP_PAGE, method=Consent.Method.ONE_CLICK, at=reader.unsubscribed_at)
