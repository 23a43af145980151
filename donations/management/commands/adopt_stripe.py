"""Take over the subscriptions that a newsroom already has at Stripe, or say which could be."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from donations import adopting, stripe_api
from donations.reconcile import AlreadyRunning


class Command(BaseCommand):
    help = "Takes over subscriptions with their paid history. Without --apply it only reports."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--apply", action="store_true", help="take over; without it nothing is changed")
        parser.add_argument(
            "--single-gifts",
            action="store_true",
            help="also paid payments that belong to no subscription; not on an account that sells things too",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not stripe_api.is_configured():
            raise CommandError("STRIPE_SECRET_KEY is empty.")
        try:
            report = adopting.adopt(
                at=timezone.now(),
                dry_run=not options["apply"],
                with_single_gifts=options["single_gifts"],
                progress=self._progress,
            )
        except AlreadyRunning:
            raise CommandError("Another run is taking over at this moment.") from None
        except stripe_api.StripeError as error:
            raise CommandError(
                f"Stripe could not be read to the end ({error.code}). Start again: it goes on where it stopped."
            ) from None
        if self.stderr.isatty():
            self.stderr.write("")
        self.stdout.write(str(report))
        if not options["apply"]:
            self.stdout.write("Nothing was changed, here or at Stripe. Take over with --apply.")

    def _progress(self, kind: str, count: int) -> None:
        if self.stderr.isatty() and count % 25 == 0:
            self.stderr.write(f"\r{kind}: {count}", ending="")
