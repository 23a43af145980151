from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from subscriptions.bounce_mailbox import MailboxAway, read_bounces


class Command(BaseCommand):
    help = "Read the mailbox of BOUNCES_URL: reports of bounces and complaints are stored and deleted from it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--mailbox", default="", help="another mailbox, in the form of BOUNCES_URL")

    def handle(self, *args: Any, **options: Any) -> None:
        url = options["mailbox"] or settings.BOUNCES_URL
        if not url:
            raise CommandError("BOUNCES_URL names no mailbox.")
        try:
            reading = read_bounces(at=timezone.now(), url=url)
        except MailboxAway as error:
            raise CommandError(f"The mailbox could not be read: {error}") from error
        self.stdout.write(str(reading))
