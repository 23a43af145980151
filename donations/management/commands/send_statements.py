"""Mail the yearly statements, or say to whom they would go."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from donations import statements


class Command(BaseCommand):
    help = "Mails each donor's statement of a year, once. Without --apply it only counts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--year", type=int, help="the tax year; the one before this one unless said")
        parser.add_argument("--apply", action="store_true", help="send; without it nothing is changed")
        parser.add_argument("--at", help="act as at this moment (ISO 8601, UTC unless said)")

    def handle(self, *args: Any, **options: Any) -> None:
        at = _moment(options["at"]) if options["at"] else timezone.now()
        year = options["year"] or statements.current_year(at) - 1
        try:
            report = statements.send_year(year, at=at, dry_run=not options["apply"], progress=self._progress)
        except statements.YearNotOver:
            raise CommandError(f"The year {year} is not over in the tax time zone.") from None
        except statements.NoProfile:
            raise CommandError(
                "Write the organisation's legal name, address and tax number down first: Staff pages, Giving, "
                "Organisation for taxes."
            ) from None
        if self.stderr.isatty():
            self.stderr.write("")
        self.stdout.write(str(report))
        if not options["apply"]:
            self.stdout.write("Nothing was sent. Send with --apply.")

    def _progress(self, count: int) -> None:
        if self.stderr.isatty() and count % 25 == 0:
            self.stderr.write(f"\rdonors: {count}", ending="")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError("--at takes a moment such as 2027-01-10T09:00.") from None
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment
