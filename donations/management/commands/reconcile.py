"""Compare payments, refunds, disputes, subscriptions and sessions with Stripe, and repair what differs."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from donations.reconcile import AlreadyRunning, reconcile

BAR = 20


class Command(BaseCommand):
    help = "Compares everything with Stripe and repairs what differs. Without --apply it only reports."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--apply", action="store_true", help="repair; without it nothing is changed")
        parser.add_argument("--days", type=int, default=35, help="how far back to look (35)")
        parser.add_argument("--since", help="look back to this day (YYYY-MM-DD) instead")

    def handle(self, *args: Any, **options: Any) -> None:
        since = timezone.now() - timedelta(days=options["days"])
        if options["since"]:
            try:
                since = datetime.strptime(options["since"], "%Y-%m-%d").replace(tzinfo=UTC)
            except ValueError:
                raise CommandError("--since takes a day such as 2026-11-01.") from None
        try:
            report = reconcile(since=since, dry_run=not options["apply"], progress=self._progress)
        except AlreadyRunning:
            raise CommandError("Another comparison is running.") from None
        if self.stderr.isatty():
            self.stderr.write("")
        self.stdout.write(str(report))
        if report.drift and not options["apply"]:
            self.stdout.write("Nothing was changed. Repair with --apply.")
        if report.broken:
            raise CommandError("Stripe could not be read to the end. Start again later.")

    def _progress(self, kind: str, count: int, share: float) -> None:
        if self.stderr.isatty() and (count == 1 or count % 25 == 0):
            filled = round(share * BAR)
            bar = "#" * filled + "." * (BAR - filled)
            self.stderr.write(f"\r[{bar}] {kind}: {count}".ljust(60), ending="")
