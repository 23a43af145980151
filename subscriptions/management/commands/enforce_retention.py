from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from subscriptions import retention


class Command(BaseCommand):
    help = "Delete every kind of data whose period of retention has ended. The nightly job does the same."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count, and delete nothing")
        parser.add_argument("--at", type=datetime.fromisoformat, help="act as if it were this moment (ISO 8601)")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("Would delete:" if options["dry_run"] else "Deleted:")
        for line in retention.enforce_all(at=options["at"] or timezone.now(), is_dry_run=options["dry_run"]):
            self.stdout.write(str(line))
