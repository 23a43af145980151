"""What happens to a reminder after the form: the task, the button in the mail, the beat, the worker."""

import re
from datetime import datetime
from email.message import EmailMessage
from typing import Any

from django.test import Client
from django.utils import timezone

from donations import reminders, reminding
from donations.models import Reminder
from newsroom import outbox
from newsroom.models import OutgoingMail


def work(at: datetime | None = None) -> None:
    """Let the task handle every wish, and the worker send what it asked for."""
    for pk in Reminder.objects.filter(state=Reminder.State.ASKED).order_by("pk").values_list("pk", flat=True):
        reminders.handle(pk, at=at or timezone.now())
    send_mails(at or timezone.now())


def send_mails(at: datetime) -> None:
    for pk in OutgoingMail.objects.due(at).order_by("pk").values_list("pk", flat=True):
        outbox.deliver(pk, at=at)


def send_due(at: datetime) -> None:
    """Do what the beat and the worker do at a moment."""
    reminding.queue_due(by=at, at=at)
    send_mails(at)
    reminding.settle(at=at)


def confirm_button(client: Client) -> Any:
    """Press the button on the page that the confirmation mail leads to."""
    mail = OutgoingMail.objects.filter(template="confirm_reminder").latest("pk")
    path = re.sub(r"^https?://[^/]+", "", mail.context["confirm_url"])
    assert client.get(path).status_code == 200
    return client.post(path)


def links_in(message: EmailMessage) -> list[str]:
    """Return the paths of the links in a mail's text."""
    text = message.get_body(["plain"])
    assert text is not None
    return re.findall(r"https?://[^/\s]+(/\S*)", text.get_content())
