"""The outbox against a real SMTP server: one row, one Message-ID, one mail, whatever goes wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client

from newsroom import outbox, suppressions
from newsroom.mail import queue_mail
from newsroom.models import OutgoingMail, Suppression
from tests.conftest import Broker, drain_queue
from tests.mailbox import Mailbox

AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)

# A folder of its own under templates/emails is not worth a template for tests: the notice to editors is a real one.
TEMPLATE = "notice"


@pytest.fixture
def notice() -> dict[str, Any]:
    return {
        "title": "Ünïcode — «Пятница»",
        "words": "A first line.\n.\nA line of one dot above.",
        "url": "https://a.example/x",
    }


@pytest.fixture
def closed_claims() -> Iterator[None]:
    yield
    outbox.claim_guards.pop(TEMPLATE, None)


def queue(notice: dict[str, Any], key: str = "notice:1", to: str = "reader@example.org") -> OutgoingMail:
    return queue_mail(key=key, template=TEMPLATE, to=to, context=notice, at=AT)


@pytest.mark.django_db
def test_one_key_is_one_row_and_one_mail(smtp: Mailbox, notice: dict[str, Any]) -> None:
    first, second = queue(notice), queue(notice)
    outbox.deliver(first.pk, at=AT)
    outbox.deliver(second.pk, at=AT)
    assert first.pk == second.pk
    assert len(smtp.messages) == 1
    first.refresh_from_db()
    assert (first.state, first.tries) == (OutgoingMail.State.SENT, 1)


@pytest.mark.django_db
def test_message_is_what_was_asked_for(smtp: Mailbox, notice: dict[str, Any]) -> None:
    mail = queue(notice)
    outbox.deliver(mail.pk, at=AT)
    (message,) = smtp.messages
    assert message["Message-ID"] == mail.message_id
    assert message["Auto-Submitted"] == "auto-generated"
    assert notice["title"] in message["Subject"]
    text, html = message.get_body(["plain"]), message.get_body(["html"])
    assert text is not None
    assert html is not None
    assert "A line of one dot above." in text.get_content()
    assert "\n.\n" in text.get_content().replace("\r\n", "\n")
    assert "https://a.example/x" in html.get_content()


@pytest.mark.django_db
def test_mail_with_an_unsubscribe_address_offers_one_click(smtp: Mailbox, notice: dict[str, Any]) -> None:
    outbox.deliver(queue({**notice, "unsubscribe_url": "https://a.example/stop"}).pk, at=AT)
    outbox.deliver(queue(notice, key="notice:2").pk, at=AT)
    with_button, without = smtp.messages
    assert with_button["List-Unsubscribe"] == "<https://a.example/stop>"
    assert with_button["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert without["List-Unsubscribe"] is None


@pytest.mark.django_db
def test_line_break_in_a_subject_begins_no_header(smtp: Mailbox, notice: dict[str, Any]) -> None:
    mail = queue({**notice, "title": "Hello\r\nBcc: everyone@example.org"})
    outbox.deliver(mail.pk, at=AT)
    (message,) = smtp.messages
    assert message["Bcc"] is None
    assert smtp.envelopes[0].rcpt_tos == ["reader@example.org"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "state", "waits"),
    [
        ("451 4.7.1 later", OutgoingMail.State.QUEUED, timedelta(minutes=1)),
        ("550 5.1.1 nobody of that name", OutgoingMail.State.FAILED, timedelta()),
    ],
)
def test_server_refuses(
    smtp: Mailbox, notice: dict[str, Any], answer: str, state: OutgoingMail.State, waits: timedelta
) -> None:
    smtp.answer_next(answer)
    mail = queue(notice)
    outbox.deliver(mail.pk, at=AT)
    mail.refresh_from_db()
    assert (mail.state, mail.error) == (state, answer)
    assert mail.not_before >= AT + waits
    assert smtp.messages == []


@pytest.mark.django_db
def test_staff_send_again_after_a_page_that_says_to_how_many(notice: dict[str, Any], staff_client: Client) -> None:
    for number, (to, state) in enumerate((("a", "failed"), ("b", "unknown"), ("b", "failed"), ("c", "sent"))):
        mail = queue(notice, key=f"notice:{number}", to=f"{to}@example.org")
        ended_at = None if state == "unknown" else AT
        OutgoingMail.objects.filter(pk=mail.pk).update(state=state, ended_at=ended_at)
    # Everything the filter finds, of which the page that was clicked shows one.
    chosen = {"action": "send_again", "_selected_action": [mail.pk], "select_across": "1"}
    page = staff_client.post("/admin/newsroom/outgoingmail/", chosen).content.decode()
    assert "2 people are mailed." in page
    assert 'name="select_across" value="1"' in page
    assert not OutgoingMail.objects.filter(state="queued").exists()
    staff_client.post("/admin/newsroom/outgoingmail/", {**chosen, "confirmed": "yes"})
    assert OutgoingMail.objects.filter(state="queued").count() == 3


@pytest.mark.django_db
def test_mail_whose_end_nobody_learned_is_forgotten_too(notice: dict[str, Any]) -> None:
    mail = queue(notice)
    OutgoingMail.objects.filter(pk=mail.pk).update(state=OutgoingMail.State.UNKNOWN)
    assert outbox.empty_ended(AT + timedelta(days=1), AT, False) == 1


@pytest.mark.django_db
def test_answer_that_repeats_the_address_is_stored_without_it(smtp: Mailbox, notice: dict[str, Any]) -> None:
    smtp.answer_next("550 5.1.1 <reader@example.org>: unknown")
    mail = queue(notice)
    outbox.deliver(mail.pk, at=AT)
    mail.refresh_from_db()
    assert "reader@example.org" not in mail.error


@pytest.mark.django_db
def test_server_that_is_away_costs_a_delay_only(settings: Any, smtp: Mailbox, notice: dict[str, Any]) -> None:
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    mail = queue(notice)
    outbox.deliver(mail.pk, at=AT)
    mail.refresh_from_db()
    assert mail.state == OutgoingMail.State.QUEUED
    settings.EMAIL_PORT = port
    outbox.deliver(mail.pk, at=mail.not_before)
    assert len(smtp.messages) == 1


@pytest.mark.django_db
def test_killed_worker_leaves_a_lease_that_another_takes_over(smtp: Mailbox, notice: dict[str, Any]) -> None:
    mail = queue(notice)
    OutgoingMail.objects.filter(pk=mail.pk).update(
        state=OutgoingMail.State.SENDING, tries=1, claim_id=uuid4(), claim_expires_at=AT + outbox.LEASE
    )
    outbox.deliver(mail.pk, at=AT + timedelta(minutes=1))
    assert smtp.messages == []
    outbox.deliver(mail.pk, at=AT + outbox.LEASE)
    assert [message["Message-ID"] for message in smtp.messages] == [mail.message_id]


@pytest.mark.django_db
def test_worker_that_wakes_too_late_writes_nothing(smtp: Mailbox, notice: dict[str, Any]) -> None:
    mail = queue(notice)
    claimed = outbox._claim(mail.pk, AT)
    assert claimed is not None
    outbox.deliver(mail.pk, at=AT + outbox.LEASE)
    outbox._finish(claimed, outbox.smtp.Answer(outbox.smtp.Outcome.REFUSED, 550, "late"), at=AT)
    mail.refresh_from_db()
    assert mail.state == OutgoingMail.State.SENT


@pytest.mark.django_db
def test_guard_cancels_the_mail_in_its_claim(smtp: Mailbox, notice: dict[str, Any], closed_claims: None) -> None:
    outbox.claim_guards[TEMPLATE] = lambda mail, at: "gave meanwhile"
    mail = queue(notice)
    outbox.deliver(mail.pk, at=AT)
    mail.refresh_from_db()
    assert (mail.state, mail.error) == (OutgoingMail.State.CANCELLED, "gave meanwhile")
    assert smtp.messages == []


@pytest.mark.django_db
def test_suppressed_address_is_not_written_to(smtp: Mailbox, notice: dict[str, Any]) -> None:
    suppressions.suppress(
        "reader@example.org", reason=Suppression.Reason.BOUNCED, scope=Suppression.Scope.EVERYTHING, at=AT
    )
    mail = queue(notice)
    outbox.deliver(mail.pk, at=AT)
    mail.refresh_from_db()
    assert mail.state == OutgoingMail.State.CANCELLED
    assert smtp.messages == []


@pytest.mark.django_db
@pytest.mark.parametrize("bounced", [False, True])
def test_a_mail_to_an_address_that_was_left_keeps_it_no_longer_than_it_needs(
    smtp: Mailbox, notice: dict[str, Any], monkeypatch: pytest.MonkeyPatch, bounced: bool
) -> None:
    monkeypatch.setattr(outbox, "parting_templates", {TEMPLATE})
    mail = queue(notice)
    if bounced:
        scope = Suppression.Scope.EVERYTHING
        suppressions.suppress("reader@example.org", reason=Suppression.Reason.BOUNCED, scope=scope, at=AT)
    outbox.deliver(mail.pk, at=AT)
    mail.refresh_from_db()
    assert (mail.state, mail.address, mail.context) == ("cancelled" if bounced else "sent", "", {})
    assert len(smtp.messages) == (not bounced)


@pytest.mark.django_db
def test_newsletter_suppression_lets_a_receipt_pass(smtp: Mailbox, notice: dict[str, Any]) -> None:
    suppressions.suppress(
        "reader@example.org", reason=Suppression.Reason.COMPLAINED, scope=Suppression.Scope.NEWSLETTERS, at=AT
    )
    outbox.deliver(queue(notice).pk, at=AT)
    assert len(smtp.messages) == 1


@pytest.mark.django_db(transaction=True)
def test_commit_wakes_a_worker_and_rollback_does_not(smtp: Mailbox, notice: dict[str, Any]) -> None:
    with transaction.atomic():
        queue_mail(key="notice:kept", template=TEMPLATE, to="reader@example.org", context=notice)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        queue_mail(key="notice:lost", template=TEMPLATE, to="reader@example.org", context=notice)
        raise ZeroDivisionError
    assert drain_queue() == 1
    assert len(smtp.messages) == 1


@pytest.mark.django_db(transaction=True)
def test_broker_that_is_away_loses_nothing(broker: Broker, smtp: Mailbox, notice: dict[str, Any]) -> None:
    broker.leave()
    mail = queue(notice)
    broker.come_back()
    assert drain_queue() == 0
    assert outbox.sweep(at=AT) == 1
    assert drain_queue() == 1
    mail.refresh_from_db()
    assert mail.state == OutgoingMail.State.SENT


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_one_mail(smtp: Mailbox, notice: dict[str, Any]) -> None:
    mail = queue(notice)

    def work() -> None:
        outbox.deliver(mail.pk, at=AT)
        connection.close()

    threads = [Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(smtp.messages) == 1


@pytest.mark.django_db
def test_ended_mail_forgets_the_person_after_30_days(smtp: Mailbox, notice: dict[str, Any]) -> None:
    mail = queue(notice)
    outbox.deliver(mail.pk, at=AT)
    mail.refresh_from_db()
    assert mail.ended_at is not None
    assert outbox.empty_ended(mail.ended_at - timedelta(days=1), AT, False) == 0
    assert outbox.empty_ended(mail.ended_at, AT, True) == outbox.empty_ended(mail.ended_at, AT, False) == 1
    mail.refresh_from_db()
    assert (mail.address, mail.context) == ("", {})
