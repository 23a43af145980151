"""One reader's history: what they agreed to, what was sent to them, and what became of it, newest first."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from newsroom.history import entries_of
from newsroom.models import OutgoingMail
from newsroom.personal_data import rows_of
from subscriptions.models import Consent, Delivery, ImportRow, MailEvent, RenewalRequest, Subscriber, Subscription

# Of each kind the newest; ten years of Fridays are five hundred issues.
MOST = 500


@dataclass(frozen=True)
class Happening:
    """One thing that happened: its kind, and the words that say what exactly."""

    at: datetime
    kind: str
    what: str


def events_of(subscriber: Subscriber) -> list[Happening]:
    """Return everything that happened between a reader and the newsroom. The number of queries does not grow."""
    found = [
        *_consents(subscriber),
        *_deliveries(subscriber),
        *_mails(subscriber),
        *_reports(subscriber),
        *_imports(subscriber),
        *_renewals(subscriber),
        *_deeds(subscriber),
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)


def _consents(subscriber: Subscriber) -> list[Happening]:
    rows = Consent.objects.filter(subject=subscriber.subject).order_by("-position")[:MOST]
    return [
        Happening(
            row.at,
            _("Consent"),
            " · ".join(
                part
                for part in (
                    str(row.get_action_display()),
                    row.purpose,
                    str(row.get_method_display()),
                    row.policy_version,
                    row.reason,
                )
                if part
            ),
        )
        for row in rows
    ]


def _deliveries(subscriber: Subscriber) -> list[Happening]:
    rows = rows_of(Delivery, subscriber.email).select_related("issue__newsletter").order_by("-pk")[:MOST]
    return [
        Happening(
            row.outcome_at or row.issue.send_at,
            _("Issue"),
            " · ".join(part for part in (str(row.issue), str(row.get_state_display()), row.reason, row.reply) if part),
        )
        for row in rows
    ]


def _mails(subscriber: Subscriber) -> list[Happening]:
    rows = rows_of(OutgoingMail, subscriber.email).order_by("-pk")[:MOST]
    return [
        Happening(row.created_at, _("Single mail"), f"{row.template} · {row.get_state_display()} {row.error}".strip())
        for row in rows
    ]


def _reports(subscriber: Subscriber) -> list[Happening]:
    rows = rows_of(MailEvent, subscriber.email).order_by("-pk")[:MOST]
    return [
        Happening(row.happened_at, _("Report"), f"{row.get_kind_display()} {row.status_code}".strip()) for row in rows
    ]


def _imports(subscriber: Subscriber) -> list[Happening]:
    rows = rows_of(ImportRow, subscriber.email).select_related("subscriber_import").order_by("-pk")[:MOST]
    return [
        Happening(
            row.subscriber_import.created_at,
            _("Import"),
            f"{row.subscriber_import.file_name}, {row.line} · {row.get_verdict_display()}",
        )
        for row in rows
    ]


def _renewals(subscriber: Subscriber) -> list[Happening]:
    rows = rows_of(RenewalRequest, subscriber.email).select_related("renewal__policy").order_by("-pk")[:MOST]
    return [
        Happening(
            row.ended_at or row.asked_at or row.renewal.started_at,
            _("Renewal of consent"),
            f"{row.renewal.policy.version} · {row.get_state_display()}",
        )
        for row in rows
    ]


def _deeds(subscriber: Subscriber) -> list[Happening]:
    things = [subscriber, *Subscription.objects.filter(subscriber=subscriber).order_by("pk")]
    return [
        Happening(
            entry.at,
            _("Staff"),
            " · ".join(part for part in (entry.action, str(entry.actor or ""), entry.reason) if part),
        )
        for thing in things
        for entry in entries_of(thing)[:MOST]
    ]
