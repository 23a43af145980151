"""No line of any log names a reader of newsletters, opens anything, or tells where somebody was."""

import logging
import re
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from newsroom import outbox
from newsroom.models import OutgoingMail
from subscriptions import issues, sending
from subscriptions.models import Newsletter, Subscription
from tests.mailbox import Mailbox
from tests.operations.secrets_in import secrets_in
from tests.subscriptions.issue_factories import make_issue

pytestmark = pytest.mark.django_db

NETWORK = "203.0.113.77"
# What the tests' own servers and this machine's libraries tell of connections on loopback.
NOT_OURS = ("mail.log", "asyncio")


def links_in(message: EmailMessage) -> list[str]:
    body = message.get_body(("plain",))
    assert body is not None
    return [urlsplit(url).path for url in re.findall(r"http://testserver\S+", body.get_content())]


def test_a_readers_whole_life_leaves_no_address_token_or_ip_in_any_log(
    client: Client,
    newsletter: Newsletter,
    sign_up: Callable[..., Any],
    smtp: Mailbox,
    send_mail_now: Callable[[], list[EmailMessage]],
    run_queue: Callable[[], int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    client.defaults["REMOTE_ADDR"] = NETWORK
    address = "olga.secret@reader.example.org"
    sign_up(newsletter, email=address)
    sign_up(newsletter, email="no address at all")
    smtp.answer_next(f"450 4.2.1 <{address}>: mailbox is busy")
    send_mail_now()
    confirmation = OutgoingMail.objects.get()
    OutgoingMail.objects.update(not_before=timezone.now())
    outbox.deliver(confirmation.pk)
    (confirm,) = {path for path in links_in(smtp.messages[-1]) if "/confirm/" in path}
    for path in (confirm, f"{confirm[:-3]}x/"):
        client.get(path)
        client.post(path)
    assert Subscription.objects.get().state == "active"

    issue = make_issue(newsletter=newsletter)
    issues.approve(issue, by=None, at=timezone.now())
    issues.start(issue, by=None, at=timezone.now())
    smtp.answer_next(f"451 4.3.0 <{address}>: try later")
    sending.send_issue(issue.pk)
    issue.deliveries.update(not_before=None)
    sending.send_issue(issue.pk)
    assert issue.deliveries.get().state == "accepted"
    paths = [path for path in links_in(smtp.messages[-1]) if path.startswith("/newsletter/")]
    leave = next(path for path in paths if "/unsubscribe/" in path)
    for path in paths:
        client.get(path)
    client.post("/newsletter/mine/ask/", {"email": address})
    client.post(leave)
    client.post(f"{leave[:-4]}xyz/")
    run_queue()
    assert Subscription.objects.get().state == "unsubscribed"

    told = "\n".join(
        record.getMessage() + (record.exc_text or "")
        for record in caplog.records
        if not record.name.startswith(NOT_OURS)
    )
    tokens = [path.rstrip("/").rpartition("/")[2] for path in (confirm, leave)]
    assert all(len(token) > 20 for token in tokens)
    assert secrets_in(told, address, "olga", NETWORK, *tokens) == [], told
