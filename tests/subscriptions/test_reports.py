"""What mail systems report later: who is suppressed for it, who is not, and what a forged report changes."""

import hashlib
import hmac
import json
import mailbox
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from newsroom import bounces, outbox
from newsroom.mail import queue_mail
from newsroom.models import OutgoingMail, SoftBounces, Suppression
from newsroom.providers import PROVIDERS
from newsroom.suppressions import reasons_against
from subscriptions import bounce_mailbox, claims, reports, sending
from subscriptions.bounce_messages import reports_in
from subscriptions.models import Consent, Delivery, Issue, MailEvent, Newsletter, Subscription
from subscriptions.readers import erase_person
from subscriptions.reports import Report
from tests.mailbox import Mailbox
from tests.subscriptions import bounce_samples as samples
from tests.subscriptions.factories import NOW, make_subscription
from tests.subscriptions.imap_server import ImapServer
from tests.subscriptions.issue_factories import make_sending_issue

KEY = "0123456789abcdef0123456789abcdef"
EVERYTHING = Suppression.Scope.EVERYTHING


@pytest.fixture
def subscription(newsletter: Newsletter) -> Subscription:
    return make_subscription(newsletter=newsletter, email="reader@example.org")


@pytest.fixture
def delivery(subscription: Subscription, smtp: Mailbox) -> Delivery:
    """A mail of an issue that a server took over."""
    issue = make_sending_issue(newsletter=subscription.newsletter)
    sending.send_issue(issue.pk)
    return Delivery.objects.get()


def told(delivery: Delivery, **kwargs: Any) -> bool:
    values = {"source": "dsn", "event_id": "e1", "kind": MailEvent.Kind.BOUNCED, "key": delivery.uuid.hex}
    return reports.take(Report(**{**values, "happened_at": NOW, **kwargs}), at=timezone.now())


def suppressed(address: str = "reader@example.org") -> list[str]:
    return reasons_against(address, scope=Suppression.Scope.NEWSLETTERS)


# What follows


@pytest.mark.django_db
def test_a_hard_bounce_suppresses_the_address_and_rests_its_subscription(
    delivery: Delivery, subscription: Subscription
) -> None:
    assert told(delivery, status_code="5.1.1")
    assert told(delivery, status_code="5.1.1")

    subscription.refresh_from_db()
    event = MailEvent.objects.get()
    assert (event.delivery, event.kind, event.is_permanent) == (delivery, "bounced", True)
    assert suppressed() == ["bounced"]
    assert subscription.state == Subscription.State.SUPPRESSED
    # It is no withdrawal: the ledger says nothing of it.
    assert not Consent.objects.filter(action=Consent.Action.WITHDRAWN).exists()
    next_issue = make_sending_issue(newsletter=subscription.newsletter, issue_date=NOW.date() + timedelta(days=7))
    assert (next_issue.prepared, next_issue.exclusions) == (0, {"suppressed": 1})


@pytest.mark.django_db
def test_a_rest_ends_with_its_time(delivery: Delivery, subscription: Subscription) -> None:
    told(delivery, status_code="5.1.1")

    assert reports.take_up_rested(at=timezone.now()) == 0
    assert reports.take_up_rested(at=timezone.now() + bounces.HARD_FOR + timedelta(days=1)) == 1

    subscription.refresh_from_db()
    assert subscription.state == Subscription.State.ACTIVE


@pytest.mark.django_db
def test_soft_bounces_are_counted_and_a_delivery_sets_the_count_back(delivery: Delivery) -> None:
    for _number in range(bounces.SOFT_LIMIT - 1):
        bounces.heard("reader@example.org", status_code="5.2.2", at=NOW)
    assert SoftBounces.objects.get().count == bounces.SOFT_LIMIT - 1
    assert "reader" not in SoftBounces.objects.get().address_hash

    told(delivery, kind=MailEvent.Kind.DELIVERED, event_id="e2")
    assert not SoftBounces.objects.exists()

    for number in range(bounces.SOFT_LIMIT):
        assert suppressed() == []
        bounces.heard("reader@example.org", status_code="4.2.2", at=timezone.now() + timedelta(days=number))
    assert suppressed() == ["bounced"]
    assert not SoftBounces.objects.exists()


@pytest.mark.django_db
def test_one_mail_that_two_servers_report_failed_once(delivery: Delivery) -> None:
    told(delivery, status_code="5.2.2", event_id="from the first")
    told(delivery, status_code="4.4.7", event_id="from the second")

    assert SoftBounces.objects.get().count == 1
    assert MailEvent.objects.count() == 2


@pytest.mark.django_db
def test_a_policy_against_us_is_not_held_against_the_reader(delivery: Delivery) -> None:
    told(delivery, status_code="5.7.1")

    assert suppressed() == []
    assert not SoftBounces.objects.exists()
    assert MailEvent.objects.get().is_permanent is False


@pytest.mark.django_db
def test_a_complaint_ends_the_subscription_and_suppresses_newsletters_only(
    delivery: Delivery, subscription: Subscription
) -> None:
    told(delivery, kind=MailEvent.Kind.COMPLAINED)

    subscription.refresh_from_db()
    assert subscription.state == Subscription.State.UNSUBSCRIBED
    assert Consent.objects.filter(action=Consent.Action.WITHDRAWN, method=Consent.Method.COMPLAINT).count() == 1
    assert suppressed() == ["complained"]
    assert reasons_against("reader@example.org", scope=EVERYTHING) == []


@pytest.mark.django_db
def test_a_report_settles_a_delivery_that_had_no_answer(delivery: Delivery) -> None:
    Delivery.objects.update(state=Delivery.State.UNKNOWN, reason="worker-lost")

    told(delivery, kind=MailEvent.Kind.DELIVERED)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.reason) == ("accepted", "reported")
    assert claims.progress(delivery.issue, at=NOW).counts["unknown"] == 0


@pytest.mark.django_db
def test_a_report_about_someone_erased_changes_nobody(delivery: Delivery) -> None:
    erase_person("reader@example.org", NOW)

    assert told(delivery, status_code="5.1.1")

    assert MailEvent.objects.count() == 1
    assert suppressed() == []


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "0" * 32, "zz", "%", KEY + "0"])
def test_a_forged_report_changes_nothing(delivery: Delivery, subscription: Subscription, key: str) -> None:
    assert not told(delivery, key=key, status_code="5.1.1")

    assert not MailEvent.objects.exists()
    assert suppressed() == []


@pytest.mark.django_db
@pytest.mark.parametrize("make", [samples.postfix, samples.exchange])
def test_single_mails_count_too(make: Callable[[str], bytes], smtp: Mailbox) -> None:
    context = {"title": "Hello", "words": "x"}
    mail = queue_mail(key="k", template="notice", to="reader@example.org", context=context)
    outbox.deliver(mail.pk)
    (report,) = reports_in(make(mail.report_key), received_at=timezone.now())

    assert reports.take(report, at=timezone.now())

    assert MailEvent.objects.get().outgoing_mail == mail
    assert reasons_against("reader@example.org", scope=EVERYTHING) == ["bounced"]
    again = queue_mail(key="k2", template="notice", to="reader@example.org", context=context)
    outbox.deliver(again.pk)
    again.refresh_from_db()
    assert (again.state, again.error) == (OutgoingMail.State.CANCELLED, "suppressed")


@pytest.mark.django_db
@pytest.mark.parametrize(("answer", "reasons"), [("550 5.1.1 no such user", ["bounced"]), ("550 5.7.1 spam", [])])
def test_a_refusal_while_sending_counts_like_a_report(
    subscription: Subscription, smtp: Mailbox, answer: str, reasons: list[str]
) -> None:
    issue = make_sending_issue(newsletter=subscription.newsletter)
    smtp.answer_next(answer)
    sending.send_issue(issue.pk)
    assert Delivery.objects.get().state == "refused"
    assert suppressed() == reasons

    Suppression.objects.all().delete()
    mail = queue_mail(key="k", template="notice", to="reader@example.org", context={"title": "Hello", "words": "x"})
    smtp.answer_next(answer)
    outbox.deliver(mail.pk)
    assert suppressed() == reasons


@pytest.mark.django_db
def test_a_server_that_refuses_nearly_everyone_suppresses_nobody(newsletter: Newsletter, smtp: Mailbox) -> None:
    for _number in range(25):
        make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)
    smtp.answer_next(*["550 5.1.1 User unknown in local recipient table"] * 25)

    assert sending.send_issue(issue.pk).stop is sending.Stop.PAUSED

    assert not Suppression.objects.exists()


@pytest.mark.django_db
def test_each_mail_has_a_return_address_of_its_own(subscription: Subscription, smtp: Mailbox, settings: Any) -> None:
    settings.BOUNCE_ADDRESS = "bounces@letters.example"
    sending.send_issue(make_sending_issue(newsletter=subscription.newsletter).pk)

    (envelope,) = smtp.envelopes
    assert envelope.mail_from == f"bounces+{Delivery.objects.get().uuid.hex}@letters.example"
    assert bounces.key_in(str(envelope.mail_from)) == Delivery.objects.get().uuid.hex


# The mailbox


@pytest.fixture
def mails(delivery: Delivery) -> list[bytes]:
    key = delivery.uuid.hex
    return [samples.holiday_reply(key), samples.postfix(key), samples.postfix(KEY), samples.yahoo_complaint(key)]


@pytest.mark.django_db
def test_a_maildir_is_read_reports_go_and_answers_stay(mails: list[bytes], tmp_path: Path) -> None:
    box = mailbox.Maildir(tmp_path / "box")
    for raw in mails:
        box.add(raw)

    reading = bounce_mailbox.read_bounces(at=timezone.now(), url=f"maildir://{tmp_path}/box")

    assert (reading.reports, reading.matched, reading.others) == (3, 2, 1)
    assert suppressed() == ["bounced", "complained"]
    (left,) = mailbox.Maildir(tmp_path / "box")
    assert left["Subject"].startswith("Automatic reply")
    again = bounce_mailbox.read_bounces(at=timezone.now(), url=f"maildir://{tmp_path}/box")
    assert (again.reports, again.others) == (0, 0)


@pytest.mark.django_db
def test_an_imap_mailbox_is_read_and_taken_up_where_it_broke_off(
    mails: list[bytes], capsys: Any, settings: Any
) -> None:
    with ImapServer(mails, breaks_after=2) as server:
        settings.BOUNCES_URL = server.url
        with pytest.raises(CommandError, match="could not be read"):
            call_command("read_bounces")
        server.breaks_after = 100
        call_command("read_bounces")

    assert "2 reports, 1 of them about mail of ours; 0 other mails" in capsys.readouterr().out
    assert suppressed() == ["bounced", "complained"]
    assert (set(server.mails), server.seen) == ({1}, {1})


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["imap://desk:wrong@{host}/INBOX", "imap://127.0.0.1:9/INBOX", "maildir:///nowhere"])
def test_a_mailbox_that_cannot_be_opened_is_said(url: str) -> None:
    with ImapServer([]) as server, pytest.raises(bounce_mailbox.MailboxAway):
        bounce_mailbox.read_bounces(at=NOW, url=url.format(host=urlsplit(server.url).netloc.rpartition("@")[2]))


# The provider's webhook


@pytest.fixture
def mailgun(delivery: Delivery, settings: Any) -> None:
    """The provider, once the mail is out: it left by SMTP, as how it left makes no difference here."""
    settings.MAIL_PROVIDER = PROVIDERS["mailgun"]
    settings.MAIL_WEBHOOK_SECRET = "desk:secret"
    settings.ANYMAIL = {
        "WEBHOOK_SECRET": "desk:secret",
        "MAILGUN_API_KEY": "key",
        "MAILGUN_WEBHOOK_SIGNING_KEY": "signing",
    }


def mailgun_event(client: Client, delivery: Delivery, *, shown: str = "ZGVzazpzZWNyZXQ=", **data: Any) -> int:
    token, timestamp = "c" * 50, "1763622072"
    signature = hmac.new(b"signing", f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    event = {
        "signature": {"token": token, "timestamp": timestamp, "signature": signature},
        "event-data": {
            "event": "failed",
            "severity": "permanent",
            "timestamp": 1763622072.5,
            "recipient": "reader@example.org",
            "user-variables": {"delivery": delivery.uuid.hex},
            "delivery-status": {"code": 550, "enhanced-code": "5.1.1", "message": "No such user"},
            **data,
        },
    }
    response = client.post(
        "/mail/events/",
        json.dumps(event),
        content_type="application/json",
        headers={"Authorization": f"Basic {shown}"},
    )
    return response.status_code


@pytest.mark.django_db
@pytest.mark.usefixtures("mailgun")
def test_a_providers_report_counts_once_however_often_it_is_sent(
    client: Client, delivery: Delivery, subscription: Subscription
) -> None:
    assert mailgun_event(client, delivery) == 200
    assert mailgun_event(client, delivery) == 200

    event = MailEvent.objects.get()
    assert (event.source, event.kind, event.status_code, event.is_permanent) == ("mailgun", "bounced", "5.1.1", True)
    assert suppressed() == ["bounced"]


@pytest.mark.django_db
@pytest.mark.usefixtures("mailgun")
def test_a_label_of_the_provider_does_not_outweigh_the_code(client: Client, delivery: Delivery) -> None:
    """Mailgun calls a refusal by policy a permanent failure too."""
    status = {"code": 550, "enhanced-code": "5.7.1", "message": "5.7.1 blocked for spam"}
    policy: dict[str, Any] = {"delivery-status": status}
    assert mailgun_event(client, delivery, **policy) == 200

    assert MailEvent.objects.get().status_code == "5.7.1"
    assert suppressed() == []


@pytest.mark.django_db
@pytest.mark.parametrize("scheme", samples.PROVIDER_EVENTS)
def test_every_providers_reports_are_weighed_by_the_servers_own_words(
    client: Client, delivery: Delivery, settings: Any, scheme: str
) -> None:
    """Whatever each calls it, the server's enhanced code decides; reported twice, each counts once."""
    settings.MAIL_PROVIDER = PROVIDERS[scheme]
    settings.MAIL_WEBHOOK_SECRET = "desk:secret"
    settings.ANYMAIL = {"WEBHOOK_SECRET": "desk:secret"}
    secret = {"Authorization": "Basic ZGVzazpzZWNyZXQ="}
    make = samples.PROVIDER_EVENTS[scheme]

    def tell(name: str) -> MailEvent | None:
        MailEvent.objects.all().delete()
        for _time in range(2):
            body = json.dumps(make(name, delivery.uuid.hex))
            answer = client.post("/mail/events/", body, content_type="application/json", headers=secret)
            assert answer.status_code == 200
        return MailEvent.objects.get() if MailEvent.objects.exists() else None

    policy = tell("hard bounce by policy")
    assert policy is not None and (policy.kind, policy.status_code, policy.is_permanent) == ("bounced", "5.7.1", False)
    assert suppressed() == [] and not SoftBounces.objects.exists()
    full = tell("soft bounce")
    assert full is not None and (full.kind, full.status_code, full.is_permanent) == ("bounced", "4.2.2", False)
    assert (suppressed(), SoftBounces.objects.get().count) == ([], 1)
    delivered = tell("delivered")
    assert delivered is not None and delivered.kind == "delivered"
    assert not SoftBounces.objects.exists()
    assert tell("opened") is None
    gone = tell("soft label, hard code")
    assert gone is not None and (gone.source, gone.status_code, gone.is_permanent) == (scheme, "5.1.1", True)
    assert suppressed() == ["bounced"]
    complaint = tell("complaint")
    assert complaint is not None and complaint.kind == "complained"
    assert suppressed() == ["bounced", "complained"]
    assert Consent.objects.filter(action="withdrawn", method="complaint").count() == 1
    body = json.dumps(make("complaint", delivery.uuid.hex))
    assert client.post("/mail/events/", body, content_type="application/json").status_code == 400


@pytest.mark.django_db
@pytest.mark.usefixtures("mailgun")
def test_who_unsubscribes_at_the_provider_is_unsubscribed_here(
    client: Client, delivery: Delivery, subscription: Subscription
) -> None:
    Subscription.objects.update(confirmed_at=timezone.now())
    assert mailgun_event(client, delivery, event="unsubscribed") == 200
    subscription.refresh_from_db()
    assert subscription.state == "active", "who confirmed since has the last word"

    for _time in range(2):
        assert mailgun_event(client, delivery, event="unsubscribed", timestamp=timezone.now().timestamp()) == 200

    subscription.refresh_from_db()
    assert subscription.state == "unsubscribed"
    withdrawn = Consent.objects.get(action="withdrawn")
    assert (withdrawn.method, withdrawn.reason) == ("one-click", "reported by the mail provider")
    assert suppressed() == []
    unknown: dict[str, Any] = {"user-variables": {"delivery": KEY}}
    assert mailgun_event(client, delivery, event="unsubscribed", **unknown) == 200


@pytest.mark.django_db
@pytest.mark.usefixtures("mailgun")
@pytest.mark.parametrize("event", ["opened", "clicked", "accepted", "something new"])
def test_what_readers_do_with_a_mail_is_not_listened_to(client: Client, delivery: Delivery, event: str) -> None:
    assert mailgun_event(client, delivery, event=event) == 200

    assert not MailEvent.objects.exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("mailgun")
def test_a_report_without_the_secret_or_the_signature_is_refused(
    client: Client, delivery: Delivery, settings: Any
) -> None:
    assert mailgun_event(client, delivery, shown="d3Jvbmc6d3Jvbmc=") == 400
    settings.ANYMAIL = {**settings.ANYMAIL, "MAILGUN_WEBHOOK_SIGNING_KEY": "another"}
    assert mailgun_event(client, delivery) == 400
    assert client.get("/mail/events/").status_code == 405

    assert not MailEvent.objects.exists()


@pytest.mark.django_db
def test_without_a_provider_or_a_secret_there_is_no_such_page(
    client: Client, delivery: Delivery, settings: Any, mailgun: None
) -> None:
    assert client.head("/mail/events/").status_code == 200
    settings.MAIL_WEBHOOK_SECRET = ""
    assert mailgun_event(client, delivery) == 404
    settings.MAIL_PROVIDER = None
    assert mailgun_event(client, delivery) == 404


@pytest.mark.django_db
def test_an_issue_shows_what_was_reported(delivery: Delivery) -> None:
    told(delivery, status_code="5.1.1")

    issue = Issue.objects.get(pk=delivery.issue_id)
    assert MailEvent.objects.filter(delivery__issue=issue, kind="bounced").count() == 1
