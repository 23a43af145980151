"""Reports in the shapes that mail systems really send, about a mail whose Message-ID holds `key`."""

import json
from textwrap import dedent
from typing import Any

ADDRESS = "reader@example.org"


def original(key: str) -> str:
    return dedent(f"""\
        From: The Meridian <friday@meridian.example>
        To: {ADDRESS}
        Subject: The week in seven stories
        Message-ID: <{key}@meridian.example>
        List-Unsubscribe: <https://news.example/newsletter/unsubscribe/k1.x/>
        """)


def postfix(
    key: str, *, status: str = "5.1.1", action: str = "failed", words: str = "550 5.1.1 <reader@example.org>: unknown"
) -> bytes:
    return _crlf(f"""\
Return-Path: <>
Date: Fri, 20 Nov 2026 08:01:12 +0100 (CET)
From: MAILER-DAEMON@mx.meridian.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: friday@meridian.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4XvK9t0JZ2z1.1763622072/mx.meridian.example"
Message-Id: <4XvK9t1Qz9z2@mx.meridian.example>

This is a MIME-encapsulated message.

--4XvK9t0JZ2z1.1763622072/mx.meridian.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.meridian.example.

<{ADDRESS}>: host mx.example.org[192.0.2.10] said: {words}

--4XvK9t0JZ2z1.1763622072/mx.meridian.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.meridian.example
X-Postfix-Queue-ID: 4XvK9t0JZ2z1
X-Postfix-Sender: rfc822; friday@meridian.example
Arrival-Date: Fri, 20 Nov 2026 08:01:11 +0100 (CET)

Final-Recipient: rfc822; {ADDRESS}
Original-Recipient: rfc822;{ADDRESS}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; {words}

--4XvK9t0JZ2z1.1763622072/mx.meridian.example
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

{original(key)}
--4XvK9t0JZ2z1.1763622072/mx.meridian.example--
""")


def exchange(key: str) -> bytes:
    """Office 365: Status is the enhanced code of Exchange's own, and the original is enclosed whole."""
    return _crlf(f"""\
From: <postmaster@outlook.example>
To: <friday@meridian.example>
Date: Fri, 20 Nov 2026 07:01:15 +0000
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="c1f3b6ad-3c3e-4ad8-8d3f-0c6ff5a6c6b9"
X-MS-Exchange-Message-Is-Ndr:
Message-ID: <9b0d2f2e-4f6b-4a7f-8c57-1@AM0PR0.outlook.example>
In-Reply-To: <{key}@meridian.example>
References: <{key}@meridian.example>
Subject: Undeliverable: The week in seven stories
MIME-Version: 1.0

--c1f3b6ad-3c3e-4ad8-8d3f-0c6ff5a6c6b9
Content-Type: multipart/alternative; differences=Content-Type; boundary="8b0d0d0a"

--8b0d0d0a
Content-Type: text/plain; charset="us-ascii"

Your message to {ADDRESS} couldn't be delivered.

--8b0d0d0a
Content-Type: text/html; charset="us-ascii"

<html><body>Your message couldn't be delivered.</body></html>
--8b0d0d0a--

--c1f3b6ad-3c3e-4ad8-8d3f-0c6ff5a6c6b9
Content-Type: message/delivery-status

Reporting-MTA: dns;AM0PR0.outlook.example
Received-From-MTA: dns;mx.meridian.example
Arrival-Date: Fri, 20 Nov 2026 07:01:14 +0000

Original-Recipient: rfc822;{ADDRESS}
Final-Recipient: rfc822;{ADDRESS}
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {ADDRESS} not found by SMTP address lookup

--c1f3b6ad-3c3e-4ad8-8d3f-0c6ff5a6c6b9
Content-Type: message/rfc822

{original(key)}MIME-Version: 1.0
Content-Type: text/plain

Good morning.
--c1f3b6ad-3c3e-4ad8-8d3f-0c6ff5a6c6b9--
""")


def gmail(key: str) -> bytes:
    """Google: a full mailbox, with a diagnosis folded over several lines."""
    return _crlf(f"""\
Return-Path: <>
From: Mail Delivery Subsystem <mailer-daemon@googlemail.example>
To: friday@meridian.example
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Failure)
References: <{key}@meridian.example>
In-Reply-To: <{key}@meridian.example>
X-Failed-Recipients: {ADDRESS}
Message-ID: <691ec1f8.050a0220.1f0e.0001.GMR@mx.google.example>
Date: Thu, 19 Nov 2026 23:01:12 -0800 (PST)
MIME-Version: 1.0
Content-Type: multipart/report; boundary="000000000000a1b2c30643"; report-type=delivery-status

--000000000000a1b2c30643
Content-Type: text/plain; charset="UTF-8"

** Message not delivered **

--000000000000a1b2c30643
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.example
Received-From-MTA: dns; friday@meridian.example
Arrival-Date: Thu, 19 Nov 2026 23:01:11 -0800 (PST)
X-Original-Message-ID: <{key}@meridian.example>

Final-Recipient: rfc822; {ADDRESS}
Action: failed
Status: 5.2.2
Remote-MTA: dns; gmail-smtp-in.l.google.example. (192.0.2.27, the server for
 the domain gmail.example.)
Diagnostic-Code: smtp; 552-5.2.2 The recipient's inbox is out of storage space. Please direct the
 552 5.2.2 recipient to https://support.google.example/mail/?p=OverQuotaPerm
Last-Attempt-Date: Thu, 19 Nov 2026 23:01:12 -0800 (PST)

--000000000000a1b2c30643
Content-Type: message/rfc822

{original(key)}
--000000000000a1b2c30643--
""")


def sendmail(key: str) -> bytes:
    """A server that says 5.0.0 and puts the true code into the diagnosis."""
    return postfix(key, status="5.0.0", words="554 5.2.1 Mailbox disabled")


def qmail(key: str) -> bytes:
    """No report by RFC 3464 at all: words, and a copy of the mail below."""
    return _crlf(f"""\
Return-Path: <>
From: MAILER-DAEMON@old.example
To: bounces+{key}@letters.example
Subject: failure notice
Date: 20 Nov 2026 07:01:12 -0000

Hi. This is the qmail-send program at old.example.

<{ADDRESS}>:
192.0.2.3 does not like recipient.
Remote host said: 550 5.1.1 no mailbox here by that name

--- Below this line is a copy of the message.

{original(key)}
""")


def yahoo_complaint(key: str, *, feedback: str = "abuse") -> bytes:
    """An ARF report as Yahoo's feedback loop sends it: the reader's address is left out."""
    return _crlf(f"""\
From: Yahoo! Mail AntiSpam Feedback <feedback@arf.mail.yahoo.example>
To: abuse@meridian.example
Subject: FW: The week in seven stories
Date: Fri, 20 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; boundary="----=_Part_1"; report-type=feedback-report

------=_Part_1
Content-Type: text/plain; charset=us-ascii

This is an email abuse report for an email message from meridian.example.

------=_Part_1
Content-Type: message/feedback-report

Feedback-Type: {feedback}
User-Agent: Yahoo!-Mail-Feedback/2.0
Version: 0.1
Original-Mail-From: <friday@meridian.example>
Original-Rcpt-To: redacted@yahoo.example
Reported-Domain: meridian.example

------=_Part_1
Content-Type: message/rfc822
Content-Disposition: inline

{original(key)}
Good morning.
------=_Part_1--
""")


def holiday_reply(key: str) -> bytes:
    return _crlf(f"""\
From: A Reader <{ADDRESS}>
To: friday@meridian.example
Subject: Automatic reply: The week in seven stories
Auto-Submitted: auto-replied
In-Reply-To: <{key}@meridian.example>
Content-Type: text/plain

I am away. My phone number is 550 5.1.1 .
""")


def _crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


# What providers post, in the shapes of their own documentation. The words between are the receiving server's.
POLICY = "550 5.7.1 Message rejected due to content restrictions"
FULL = "452 4.2.2 The email account that you tried to reach is over quota"
UNKNOWN = "550 5.1.1 The email account that you tried to reach does not exist"


def postmark_event(name: str, key: str) -> dict[str, Any]:
    """https://postmarkapp.com/developer/webhooks/bounce-webhook and its neighbours."""
    number, record, kind, details = {
        "hard bounce by policy": (1, "Bounce", "HardBounce", POLICY),
        "soft bounce": (2, "Bounce", "SoftBounce", FULL),
        "soft label, hard code": (3, "Bounce", "SoftBounce", UNKNOWN),
        "complaint": (4, "SpamComplaint", "SpamComplaint", ""),
        "delivered": (0, "Delivery", "", "smtp;250 2.0.0 OK"),
        "opened": (0, "Open", "", ""),
    }[name]
    event: dict[str, Any] = {"RecordType": record, "MessageID": "883953f4-6105-42a2", "Metadata": {"delivery": key}}
    moment = "2026-11-20T09:05:41.2735393+01:00"
    if record == "Delivery":
        return {**event, "Recipient": "reader@example.org", "DeliveredAt": moment, "Details": details}
    if record == "Open":
        return {**event, "Recipient": "reader@example.org", "ReceivedAt": moment, "UserAgent": "Mozilla/5.0"}
    words = {"Details": f"smtp;{details}", "Description": "The server was unable to deliver your message."}
    return {**event, "ID": number, "Type": kind, "Email": "reader@example.org", "BouncedAt": moment, **words}


def sparkpost_event(name: str, key: str) -> list[dict[str, Any]]:
    """https://developers.sparkpost.com/api/webhooks/: a batch, each event under its class."""
    group, kind, label, reason = {
        "hard bounce by policy": ("message_event", "bounce", "10", POLICY),
        "soft bounce": ("message_event", "out_of_band", "22", FULL),
        "soft label, hard code": ("message_event", "bounce", "20", UNKNOWN),
        "complaint": ("message_event", "spam_complaint", None, None),
        "delivered": ("message_event", "delivery", None, None),
        "opened": ("track_event", "open", None, None),
    }[name]
    event: dict[str, Any] = {"type": kind, "event_id": str(sum(name.encode())), "timestamp": "1795161941"}
    event |= {
        "rcpt_meta": {"delivery": key},
        "raw_rcpt_to": "reader@example.org",
        "transmission_id": "65832150921904138",
    }
    if reason:
        event |= {"bounce_class": label, "raw_reason": reason, "error_code": reason[:3]}
    return [{"msys": {group: event}}, {"msys": {}}]


def mailjet_event(name: str, key: str) -> list[dict[str, Any]]:
    """https://dev.mailjet.com/email/guides/webhooks/"""
    samples: dict[str, tuple[str, dict[str, Any]]] = {
        "hard bounce by policy": ("bounce", {"hard_bounce": True, "error": "user unknown", "smtp_reply": POLICY}),
        "soft bounce": ("bounce", {"hard_bounce": False, "error": "quota exceeded", "smtp_reply": FULL}),
        "soft label, hard code": ("bounce", {"hard_bounce": False, "error": "user unknown", "smtp_reply": UNKNOWN}),
        "complaint": ("spam", {"source": "JMRPP"}),
        "delivered": ("sent", {"smtp_reply": "250 2.0.0 OK"}),
        "opened": ("open", {"ip": "192.0.2.1", "agent": "Mozilla/5.0"}),
    }
    kind, more = samples[name]
    payload = json.dumps({"delivery": key})
    same = {"time": 1795161941, "MessageID": 19421777835146490, "email": "reader@example.org", "Payload": payload}
    return [{"event": kind, **same, **more}]


def brevo_event(name: str, key: str) -> dict[str, Any]:
    """https://developers.brevo.com/docs/transactional-webhooks"""
    kind, reason = {
        "hard bounce by policy": ("hard_bounce", POLICY),
        "soft bounce": ("soft_bounce", FULL),
        "soft label, hard code": ("soft_bounce", UNKNOWN),
        "complaint": ("spam", None),
        "delivered": ("delivered", None),
        "opened": ("unique_opened", None),
    }[name]
    event = {"event": kind, "email": "reader@example.org", "ts_epoch": 1795161941000, "message-id": "<1@relay.example>"}
    event["X-Mailin-custom"] = json.dumps({"delivery": key})
    return {**event, **({"reason": reason} if reason else {})}


PROVIDER_EVENTS = {
    "postmark": postmark_event,
    "sparkpost": sparkpost_event,
    "mailjet": mailjet_event,
    "brevo": brevo_event,
}
