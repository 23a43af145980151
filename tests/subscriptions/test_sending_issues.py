"""An issue leaves over real SMTP: to whom, with what outcome, and written down how."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.test import Client

from newsroom.models import Suppression
from newsroom.suppressions import suppress
from subscriptions import claims, consent, issues, sending
from subscriptions.models import Consent, Delivery, Issue, Newsletter, SendingLimit, Subscriber, Subscription
from subscriptions.transports import Envelope, Outcome
from subscriptions.transports.smtp import SmtpTransport, server_from_settings
from tests.mailbox import Mailbox
from tests.subscriptions.factories import NOW, make_subscription
from tests.subscriptions.issue_factories import make_sending_issue

pytestmark = pytest.mark.django_db


def states(issue: Issue) -> dict[str, int]:
    return {state: count for state, count in claims.progress(issue, at=NOW).counts.items() if count}


def test_everyone_active_gets_one_mail_and_the_issue_ends(newsletter: Newsletter, smtp: Mailbox) -> None:
    for number in range(5):
        make_subscription(newsletter=newsletter, email=f"reader{number}@example.org")
    issue = make_sending_issue(newsletter=newsletter)

    turn = sending.send_issue(issue.pk)

    issue.refresh_from_db()
    assert (turn.stop, turn.accepted) == (sending.Stop.NOTHING_DUE, 5)
    assert issue.state == Issue.State.SENT
    assert sorted(str(message["To"]) for message in smtp.messages) == [f"reader{n}@example.org" for n in range(5)]
    assert states(issue) == {"accepted": 5}


def test_those_not_written_to_are_counted_by_reason(newsletter: Newsletter, smtp: Mailbox) -> None:
    make_subscription(newsletter=newsletter)
    make_subscription(newsletter=newsletter, state=Subscription.State.PENDING)
    make_subscription(newsletter=newsletter, state=Subscription.State.UNSUBSCRIBED)
    make_subscription(newsletter=newsletter, state=Subscription.State.SUPPRESSED)
    make_subscription(newsletter=newsletter, paused_until=NOW + timedelta(days=20))
    make_subscription(newsletter=newsletter, paused_until=NOW - timedelta(days=1))

    issue = make_sending_issue(newsletter=newsletter)

    assert issue.exclusions == {"unconfirmed": 1, "unsubscribed": 1, "suppressed": 1, "paused": 1}
    assert (issue.candidates, issue.prepared, issue.excluded) == (6, 2, 4)


def test_who_leaves_between_preparation_and_claim_gets_nothing(newsletter: Newsletter, smtp: Mailbox) -> None:
    leaving = make_subscription(newsletter=newsletter, email="leaving@example.org")
    bounced = make_subscription(newsletter=newsletter, email="bounced@example.org")
    staying = make_subscription(newsletter=newsletter, email="staying@example.org")
    issue = make_sending_issue(newsletter=newsletter)

    consent.withdraw(leaving, page="/", method=Consent.Method.ONE_CLICK, at=NOW)
    suppress(bounced.subscriber.email, reason=Suppression.Reason.BOUNCED, scope=Suppression.Scope.EVERYTHING, at=NOW)
    sending.send_issue(issue.pk)

    assert [str(message["To"]) for message in smtp.messages] == [staying.subscriber.email]
    reasons = dict(Delivery.objects.filter(state="skipped").values_list("subscription_id", "reason"))
    assert reasons == {leaving.pk: "unsubscribed", bounced.pk: "suppressed"}


def test_whole_windows_of_readers_who_left_do_not_end_the_issue(
    newsletter: Newsletter, smtp: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere a run of blocked readers that was longer than a batch ended the issue for everyone after them."""
    monkeypatch.setattr(SmtpTransport, "window", 2)
    leaving = [make_subscription(newsletter=newsletter) for _number in range(5)]
    bounced = [make_subscription(newsletter=newsletter) for _number in range(5)]
    last = make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)
    Subscription.objects.filter(pk__in=[one.pk for one in leaving]).update(state="unsubscribed", unsubscribed_at=NOW)
    for one in bounced:
        suppress(one.subscriber.email, reason=Suppression.Reason.BOUNCED, scope=Suppression.Scope.EVERYTHING, at=NOW)

    sending.send_issue(issue.pk)

    assert [str(message["To"]) for message in smtp.messages] == [last.subscriber.email]
    issue.refresh_from_db()
    assert (issue.state, Delivery.objects.filter(state="skipped").count()) == (Issue.State.SENT, 10)


def test_a_paused_issue_is_left_alone_and_goes_on_where_it_stopped(newsletter: Newsletter, smtp: Mailbox) -> None:
    make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)

    issues.pause(issue, by=None, at=NOW, reason="a wrong name in the letter")
    sending.send_issue(issue.pk)
    assert smtp.messages == []

    issues.resume(issue, by=None, at=NOW)
    sending.send_issue(issue.pk)
    assert len(smtp.messages) == 1


def test_the_unsubscribe_link_of_the_mail_works_by_one_click(
    newsletter: Newsletter, smtp: Mailbox, client: Client
) -> None:
    subscription = make_subscription(newsletter=newsletter)
    sending.send_issue(make_sending_issue(newsletter=newsletter).pk)
    (message,) = smtp.messages

    url = str(message["List-Unsubscribe"]).strip("<>")
    response = client.post(
        url.removeprefix(settings.SITE_URL),
        "List-Unsubscribe=One-Click",
        content_type="application/x-www-form-urlencoded",
    )

    subscription.refresh_from_db()
    assert response.status_code == 200
    assert subscription.state == Subscription.State.UNSUBSCRIBED
    assert url in body(message, "plain")
    assert url in body(message, "html")


@pytest.mark.parametrize(
    "answer", ["451 4.3.0 try again later", "454 Throttling failure: Maximum sending rate exceeded."]
)
def test_a_temporary_refusal_is_tried_again_later(newsletter: Newsletter, smtp: Mailbox, answer: str) -> None:
    """Elsewhere an issue counted as finished when a provider throttled it in the middle."""
    make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)
    smtp.answer_next(answer)

    sending.send_issue(issue.pk)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.tries, delivery.reason) == ("pending", 1, "deferred")
    assert delivery.not_before is not None
    issue.refresh_from_db()
    assert issue.state == Issue.State.SENDING

    # A domain that was too fast for the server rests, which has its own tests.
    SendingLimit.objects.all().delete()
    Delivery.objects.update(not_before=NOW - timedelta(hours=1))
    sending.send_issue(issue.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries) == ("accepted", 2)
    assert str(smtp.messages[0]["Message-ID"]) == f"<{delivery.uuid.hex}@meridian.example>"


def test_a_permanent_refusal_is_final_and_names_no_address(newsletter: Newsletter, smtp: Mailbox) -> None:
    make_subscription(newsletter=newsletter, email="gone@example.org")
    issue = make_sending_issue(newsletter=newsletter)
    smtp.answer_next("550 5.1.1 <gone@example.org> unknown")

    sending.send_issue(issue.pk)

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.reply) == ("refused", "550 5.1.1 <<address>> unknown")
    issue.refresh_from_db()
    assert issue.state == Issue.State.SENT


@pytest.mark.parametrize("spoiled", ["sender", "key"])
def test_an_issue_that_cannot_be_written_is_paused_and_nobody_becomes_unknown(
    newsletter: Newsletter, smtp: Mailbox, settings: Any, spoiled: str
) -> None:
    make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)
    if spoiled == "sender":
        Newsletter.objects.update(sender_address="friday@méridien.example")
    else:
        settings.UNSUBSCRIBE_KEYS = {"k" * 60: "00" * 32}

    turn = sending.send_issue(issue.pk)

    issue.refresh_from_db()
    assert turn.stop is sending.Stop.PAUSED
    assert issue.paused_at is not None
    assert issue.pause_reason.startswith("A mail of this issue cannot be written")
    assert states(issue) == {"pending": 1}
    assert smtp.messages == []


def test_a_reader_whose_mail_cannot_be_written_leaves_the_window_untouched(
    newsletter: Newsletter, smtp: Mailbox
) -> None:
    subscriptions = [make_subscription(newsletter=newsletter) for _number in range(3)]
    issue = make_sending_issue(newsletter=newsletter)
    Subscriber.objects.filter(pk=subscriptions[1].subscriber_id).update(email="jörg@example.org")

    assert sending.send_issue(issue.pk).stop is sending.Stop.PAUSED

    assert states(issue) == {"pending": 3}
    assert set(Delivery.objects.values_list("tries", flat=True)) == {0}
    assert smtp.messages == []


@pytest.mark.parametrize("field", ["sender_address", "reply_to"])
def test_a_newsletters_addresses_are_ascii(newsletter: Newsletter, field: str) -> None:
    setattr(newsletter, field, "friday@méridien.example")

    with pytest.raises(ValidationError) as refused:
        newsletter.full_clean()

    assert list(refused.value.message_dict) == [field]


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


class Watched:
    """The SMTP transport, with a look at the rows before each window."""

    merges = False

    def __init__(self, look: Callable[[], None]) -> None:
        self._carrier = SmtpTransport(server_from_settings(), connections=2)
        self._look = look
        self.window = 5
        self.longest_silence = self._carrier.longest_silence
        self.close = self._carrier.close

    def send(self, envelopes: Sequence[Envelope], *, deadline: float) -> Iterator[list[Outcome]]:
        self._look()
        yield from self._carrier.send(envelopes, deadline=deadline)


def claimed_with_the_next(*, expected: int) -> int:
    """Return how many are claimed, once the next window had time to be."""
    deadline = time.monotonic() + 10
    while (count := Delivery.objects.filter(state="claimed").count()) < expected and time.monotonic() < deadline:
        if not Delivery.objects.filter(state="pending").exists():
            return count
        time.sleep(0.01)
    return count


@pytest.mark.django_db(transaction=True)
def test_a_worker_holds_two_windows_at_most(newsletter: Newsletter, smtp: Mailbox) -> None:
    for _number in range(23):
        make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)
    held: list[int] = []
    carrier = Watched(lambda: held.append(claimed_with_the_next(expected=10)))

    turn = sending.send_issue(issue.pk, transport=carrier)
    carrier.close()

    assert (turn.accepted, turn.stop) == (23, sending.Stop.NOTHING_DUE)
    assert max(held) == 10
    assert len(smtp.messages) == 23
    issue.refresh_from_db()
    assert issue.state == Issue.State.SENT


@pytest.mark.django_db(transaction=True)
def test_a_failure_between_two_windows_gives_the_second_back(newsletter: Newsletter, smtp: Mailbox) -> None:
    for _number in range(12):
        make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)

    def fail() -> None:
        assert claimed_with_the_next(expected=10) == 10
        raise RuntimeError

    carrier = Watched(fail)
    with pytest.raises(RuntimeError):
        sending.send_issue(issue.pk, transport=carrier)
    carrier.close()

    # The first window was with the transport, so what became of it is found out by its lease; the second is as it was.
    rows = Counter(Delivery.objects.values_list("state", "tries"))
    assert rows == {("claimed", 0): 5, ("pending", 0): 7}


def test_a_pause_lets_the_window_on_the_wire_end_and_gives_the_next_back(newsletter: Newsletter, smtp: Mailbox) -> None:
    for _number in range(30):
        make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)
    smtp.answer_next(*["550 5.7.1 not from here"] * 30)

    carrier = Watched(lambda: None)

    turn = sending.send_issue(issue.pk, transport=carrier)
    carrier.close()

    assert turn.stop is sending.Stop.PAUSED
    assert states(issue) == {"refused": 20, "pending": 10}
