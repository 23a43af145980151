import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from newsroom.addresses import InvalidAddress, normalise_email
from newsroom.bounces import return_path
from newsroom.mail import sender_domain
from subscriptions import mail_doctor, sending
from subscriptions.clock import steady
from subscriptions.mail_doctor import Dns, DnsAway, Finding, Verdict
from subscriptions.messages import IssueMessage, Words
from subscriptions.models import Issue, Newsletter
from subscriptions.transports import Envelope, TransportDown
from subscriptions.transports import Verdict as Sent
from subscriptions.unsubscribing import token


class Command(BaseCommand):
    help = (
        "Look at what mail depends on. `doctor mail ADDRESS` sends one mail as an issue is sent, and reads SPF, DKIM, "
        "DMARC, MX and PTR of the senders' domains; with --message FILE it reads that mail as it arrived."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("subject", choices=["mail"])
        parser.add_argument(
            "address", nargs="?", default="", help="where to send the one mail; none is sent without it"
        )
        parser.add_argument("--message", help="the source of that mail as it was received, '-' for standard input")
        parser.add_argument("--selector", action="append", default=[], help="the name of a DKIM key")
        parser.add_argument("--resolver", default="", help="another name server, as ADDRESS or ADDRESS:PORT")

    def handle(self, *args: Any, **options: Any) -> None:
        newsletters = list(Newsletter.objects.active().order_by("pk"))
        raw = _read(options["message"])
        findings: list[Finding] = []
        if options["address"]:
            findings.append(_send_one(options["address"], newsletters))
        if raw:
            findings += mail_doctor.examine_message(raw)
        domains = {sender_domain(), *(one.sender_address.rpartition("@")[2].lower() for one in newsletters)}
        server = "" if settings.MAIL_PROVIDER is not None else settings.EMAIL_HOST
        try:
            dns = Dns(options["resolver"])
        except DnsAway as error:
            findings.append(Finding("DNS", Verdict.UNKNOWN, f"it cannot be reached from here: {error}."))
        else:
            for domain in sorted(domains):
                selectors = [*options["selector"], *mail_doctor.selectors_in(raw, domain=domain)]
                findings += mail_doctor.examine_domain(domain, dns=dns, server=server, selectors=selectors)
        for finding in findings:
            self.stdout.write(str(finding))
        if any(finding.verdict is Verdict.BAD for finding in findings):
            raise CommandError("Mail from here will not be believed everywhere. See what is marked as wrong.")


def _read(name: str | None) -> bytes:
    if name is None:
        return b""
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"The mail cannot be read: {error}") from error


def _send_one(text: str, newsletters: list[Newsletter]) -> Finding:
    """Send one mail as an issue is sent, with every header. Its unsubscribe link is nobody's."""
    try:
        address = normalise_email(text)
    except InvalidAddress as error:
        raise CommandError(str(error)) from error
    if not newsletters:
        raise CommandError("There is no newsletter yet whose mail could be sent.")
    at, key, nobody = timezone.now(), uuid4(), token(uuid4())
    issue = Issue(pk=0, newsletter=newsletters[0], issue_date=at.date())
    words = Words(
        subject="A mail from the doctor",
        text="This mail was sent by `manage.py doctor mail`, with the headers of a newsletter.\n\n"
        "Save its source as it arrived, and give it to: manage.py doctor mail --message FILE\n",
        html="<html lang='en'><body><p>This mail was sent by <code>manage.py doctor mail</code>, with the headers of a "
        "newsletter.</p><p>Save its source as it arrived, and give it to: "
        "<code>manage.py doctor mail --message FILE</code></p></body></html>",
    )
    message = IssueMessage(issue=issue, words=words, date=at, token_length=len(nobody))
    carrier = sending.configured_transport()
    envelope = Envelope(
        delivery_id=0,
        sender=return_path(message.sender, key=key.hex),
        recipient=address,
        message=b"" if carrier.merges else message.to_reader(address=address, token=nobody, delivery_uuid=key),
        key=key.hex,
        letter=message.letter() if carrier.merges else None,
        token=nobody,
    )
    try:
        (outcome,) = [one for some in carrier.send([envelope], deadline=steady() + 60) for one in some]
    except TransportDown as error:
        return Finding("sending", Verdict.BAD, f"the mail server of EMAIL_URL cannot be reached: {error}")
    finally:
        carrier.close()
    said = f"{outcome.code or ''} {outcome.reply}".strip()
    if outcome.verdict is Sent.ACCEPTED:
        return Finding("sending", Verdict.GOOD, f"the mail was taken over: {said}")
    return Finding("sending", Verdict.BAD, f"the mail was not taken over ({outcome.verdict}): {said}")
