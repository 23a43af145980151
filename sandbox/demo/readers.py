"""Loads the privacy policy, the newsletter with its past issues, and subscribers with the proof of their consent."""

import re
from datetime import date, datetime, time, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.html import strip_tags

from newsroom.models import Article
from sandbox.demo import people
from sandbox.demo.reading import Content
from sandbox.demo.reading import Issue as IssueText
from subscriptions import consent, issues, policies
from subscriptions.models import Consent, Delivery, Issue, Newsletter, Pick, PolicyText, PrivacyPolicy
from subscriptions.statements import newsletter_statement

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SIGNUP_PAGE = "/newsletter/"
PARAGRAPH_END = re.compile(r"</p>\s*")


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
        statement = newsletter_statement(newsletter, at=reader.signed_up_at)
        if statement is None:
            raise LookupError("There is no Privacy Policy to consent under; load the policies first.")
        subscription, granted = consent.grant(
            email=reader.email,
            newsletter=newsletter,
            shown=consent.Shown.from_statement(statement),
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


@transaction.atomic
def load_past_issues(content: Content, *, by: User, now: datetime) -> None:
    """Write the issues of the last weeks as they were sent, to everybody who was subscribed by then."""
    for text in content.newsletters:
        newsletter = Newsletter.objects.get(slug=text.slug)
        today = now.astimezone(newsletter.zone).date()
        for issue_text in sorted(text.issues, key=lambda issue: -issue.fridays_ago):
            _send_in_the_past(newsletter, issue_text, issue_text.issue_date(today=today), by=by)


def _send_in_the_past(newsletter: Newsletter, text: IssueText, issue_date: date, *, by: User) -> None:
    sent_at = newsletter.send_at(issue_date)
    assembled_at = sent_at - timedelta(hours=20)
    issue = Issue.objects.create(
        newsletter=newsletter,
        issue_date=issue_date,
        send_at=sent_at,
        subject=text.subject,
        preheader=text.preheader,
        letter=f"{_plain(text.letter)}\n\n{text.signature}",
        created_at=sent_at - timedelta(days=6),
        assembled_at=assembled_at,
    )
    for position, pick in enumerate(text.picks, start=1):
        Pick.objects.create(
            issue=issue,
            article=Article.objects.get(slug=pick.article),
            position=position,
            blurb=pick.blurb,
            origin=Pick.Origin.EDITOR,
            picked_by=by,
            picked_at=assembled_at,
        )
    issues.approve(issue, by=by, at=sent_at - timedelta(hours=2))
    issues.start(issue, by=None, at=sent_at)
    # No mail server took these over: they are the demo's past, and the counts of the lists come from them.
    Delivery.objects.filter(issue=issue).update(
        state=Delivery.State.ACCEPTED, outcome_at=sent_at + timedelta(minutes=1)
    )
    issues.finish(issue, at=sent_at + timedelta(minutes=2))


def _plain(html: str) -> str:
    return "\n\n".join(strip_tags(paragraph).strip() for paragraph in PARAGRAPH_END.split(html) if paragraph.strip())
