"""Transactional mail: the row that asks for a message, and the message that is built from it.

Only this module builds a message. `newsroom.outbox` sends it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, formataddr, parseaddr
from typing import Any
from uuid import uuid4

import css_inline
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone, translation

from newsroom.holding import RESTORED, was_lost
from newsroom.models import OutgoingMail
from newsroom.outlet import current_outlet
from newsroom.waking import wake

# A mail's stylesheet is in the mail itself; fetching one from elsewhere would be a request that a stranger asked for.
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True, keep_at_rules=True)


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a mail."""

    name: str
    content: bytes
    content_type: str


# Template → the file of a mail, made from rows while the message is built, so that the outbox keeps no copy of it.
attachment_makers: dict[str, Callable[[OutgoingMail], Attachment | None]] = {}


def queue_mail(
    *,
    key: str,
    template: str,
    to: str,
    context: dict[str, Any],
    language: str = settings.LANGUAGE_CODE,
    at: datetime | None = None,
    tells_of: datetime | None = None,
) -> OutgoingMail:
    """Ask for one message, in the caller's transaction; however often it is asked for under one `key`, one is sent.

    `template` names a folder under `templates/emails/` with subject.txt, body.txt and body.html. `context` is JSON; it
    is emptied 30 days after the message's end. An `unsubscribe_url` in it, whose POST needs no body, becomes the header
    of RFC 8058 for the mail program's own button. `tells_of` is when that happened which the mail tells of, where that
    is not now: in a time that a restore took from the database, it was told then, and the row is made as cancelled.
    Returns the row, the existing one where the key was used before.
    """
    at = at or timezone.now()
    was_told = tells_of is not None and tells_of < at and was_lost(tells_of)
    mail, is_new = OutgoingMail.objects.get_or_create(
        key=key,
        defaults={
            "template": template,
            "address": to,
            "context": context,
            "language": language,
            "message_id": new_message_id(),
            "not_before": at,
            "created_at": at,
            **({"state": OutgoingMail.State.CANCELLED, "ended_at": at, "error": RESTORED} if was_told else {}),
        },
    )
    if is_new and not was_told:
        wake("newsroom.tasks.deliver_mail", mail.pk)
    return mail


def new_message_id() -> str:
    """Return a Message-ID under the sender's domain that tells nothing (RFC 5322 section 3.6.4)."""
    return f"<{uuid4().hex}@{sender_domain()}>"


def sender_domain() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"


def _sender(*, is_discreet: bool) -> str:
    """Return the sender. In a mail with a true `is_discreet` its name is the outlet's discreet one, or none at all."""
    if not is_discreet:
        return settings.DEFAULT_FROM_EMAIL
    return formataddr((current_outlet().discreet_name, parseaddr(settings.DEFAULT_FROM_EMAIL)[1]))


def compose(mail: OutgoingMail) -> EmailMultiAlternatives:
    """Render one row of the outbox as a message, in the row's language."""
    subject, text, html = render_parts(mail.template, mail.context, mail.language)
    headers = {
        "Message-ID": mail.message_id,
        "Date": format_datetime(mail.created_at.astimezone(UTC)),
        # RFC 3834: asks vacation responders not to answer.
        "Auto-Submitted": "auto-generated",
    }
    if unsubscribe_url := mail.context.get("unsubscribe_url"):
        headers["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message = EmailMultiAlternatives(
        subject=subject,
        body=text,
        from_email=_sender(is_discreet=bool(mail.context.get("is_discreet"))),
        to=[mail.address],
        reply_to=[current_outlet().contact_email],
        headers=headers,
    )
    message.attach_alternative(html, "text/html")
    make = attachment_makers.get(mail.template)
    attachment = make(mail) if make is not None else None
    if attachment is not None:
        message.attach(attachment.name, attachment.content, attachment.content_type)
    return message


def as_wire(message: EmailMultiAlternatives) -> bytes:
    """Return the bytes that go on the wire, with lines that end as RFC 5322 section 2.1 wants them."""
    return message.message().as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def render_parts(template: str, context: dict[str, Any], language: str) -> tuple[str, str, str]:
    """Render subject, text and HTML with inlined styles of one mail template."""
    with translation.override(language):
        words = {
            **context,
            "outlet": current_outlet(language),
            "site_url": settings.SITE_URL,
            "language": language,
            "direction": "rtl" if translation.get_language_bidi() else "ltr",
        }
        folder = f"emails/{template}"
        # A subject is one line whatever a template or a headline holds: a line break would begin another header.
        subject = " ".join(render_to_string(f"{folder}/subject.txt", words).split())
        text = render_to_string(f"{folder}/body.txt", words).strip() + "\n"
        html = _inliner.inline(render_to_string(f"{folder}/body.html", words))
    return subject, text, html
