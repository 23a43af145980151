import sys
from itertools import chain, islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from subscriptions import anchoring, ledger
from subscriptions.models import ConsentCheckpoint, ConsentHead


class Command(BaseCommand):
    help = "Verify the whole consent ledger, and say where it was changed, cut or added to."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--limit", type=int, default=20, help="how many faults to name before stopping")
        parser.add_argument(
            "--anchor",
            metavar="FILE",
            help="a file with anchors that left this machine, or - for standard input: finds an end that was cut",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        anchors = self._read_anchors(options["anchor"]) if options["anchor"] else []
        limit = options["limit"]
        faults = list(islice(chain(anchoring.faults(anchors), ledger.faults(limit=limit)), limit))
        for fault in faults:
            self.stderr.write(f"position {fault.position}: {fault.what}")
        if faults:
            raise CommandError(f"The consent ledger does not hold: {len(faults)} faults are named above.")
        head = ConsentHead.objects.filter(pk=1).first()
        first = ConsentCheckpoint.objects.order_by("-position").first()
        end, begin = head.position if head else 0, first.position if first else 0
        self.stdout.write(f"The consent ledger holds: {end - begin} rows, {len(anchors)} anchors agree.")

    def _read_anchors(self, name: str) -> list[anchoring.Anchor]:
        try:
            text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
            anchors = anchoring.read(text)
        except anchoring.UnreadableAnchor as line:
            raise CommandError(f"This line is no anchor: {line}") from line
        except OSError as error:
            raise CommandError(f"{name} cannot be read: {error.strerror}") from error
        if not anchors:
            raise CommandError(f"{name} holds no anchor: a line that begins with {anchoring.LINE}")
        return anchors
