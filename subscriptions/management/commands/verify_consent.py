from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from subscriptions import ledger
from subscriptions.models import ConsentHead


class Command(BaseCommand):
    help = "Verify the whole consent ledger, and say where it was changed, cut or added to."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--limit", type=int, default=20, help="how many faults to name before stopping")

    def handle(self, *args: Any, **options: Any) -> None:
        faults = list(ledger.faults(limit=options["limit"]))
        for fault in faults:
            self.stderr.write(f"position {fault.position}: {fault.what}")
        if faults:
            raise CommandError(f"The consent ledger does not hold: {len(faults)} faults are named above.")
        head = ConsentHead.objects.filter(pk=1).first()
        self.stdout.write(f"The consent ledger holds: {head.position if head else 0} rows.")
