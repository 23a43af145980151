from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from subscriptions import pruning
from subscriptions.models import RetentionPeriod


class Command(BaseCommand):
    help = (
        "Show the beginning of the consent ledger that has expired, and with --apply remove it. "
        "It needs DATABASE_OWNER_URL: the application's own role can remove nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--apply", action="store_true", help="remove it, and leave a signed checkpoint")
        parser.add_argument(
            "--days", type=int, help="how long rows are kept; the default stands in the table of retention periods"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        at = timezone.now()
        kept = RetentionPeriod.objects.filter(kind="consent-ledger").values_list("days", flat=True).first()
        older_than = at - timedelta(days=options["days"] or kept or pruning.KEPT.days)
        try:
            if options["apply"]:
                prefix = pruning.prune(older_than=older_than, at=at)
            else:
                prefix = pruning.expired(older_than=older_than)
        except pruning.PruningRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        said = "Removed" if options["apply"] else "Would remove"
        self.stdout.write(f"{said} {prefix.rows} rows, up to position {prefix.last_position}.")
