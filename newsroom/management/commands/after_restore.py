from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from newsroom import after_restore, holding, offsite
from newsroom.models import Restoration


class Command(BaseCommand):
    help = "Show what a restored database must learn before anything is sent; with --apply, do it and release sending."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--apply", action="store_true", help="do it, and release sending where all is well")
        parser.add_argument("--list", default="", help="another place of the off-site list than OFFSITE_LIST")
        parser.add_argument("--no-list", action="store_true", help="there is no off-site list; whoever left is back")
        parser.add_argument("--anchor", type=Path, metavar="FILE", help="anchors of the ledger, where mails keep them")
        parser.add_argument("--lost-until", type=_moment, metavar="TIME", help="when the old house was last alive")
        parser.add_argument("--hold", type=_moment, metavar="TIME", help="hold sending: a backup of TIME was restored")
        parser.add_argument("--release", metavar="REASON", help="release sending in spite of the faults that are named")

    def handle(self, *args: Any, **options: Any) -> None:
        at = timezone.now()
        if options["hold"]:
            holding.hold(lost_from=options["hold"], at=at)
            self.stdout.write("All sending is on hold.")
            return
        try:
            report = after_restore.look_after(
                left=self._list(options),
                anchors=self._anchors(options),
                at=at,
                is_dry_run=not options["apply"],
                lost_until=options["lost_until"],
            )
        except after_restore.NothingToDo:
            self.stdout.write("Sending is not on hold: there is nothing to do.")
            return
        self.stdout.write(str(report))
        if not options["apply"]:
            self.stdout.write("Nothing was changed, and nothing is sent. --apply does all of this.")
            return
        if report.faults and options["release"]:
            holding_row: Restoration = after_restore.waiting()
            after_restore.release(holding_row, report, at=at, reason=options["release"])
        if not report.is_released:
            raise CommandError("Sending stays on hold. Mend what is named above and run this again; it finds the rest.")
        self.stdout.write("Sending is released: what is due leaves within a minute.")

    def _list(self, options: dict[str, Any]) -> offsite.OffsiteList:
        place = options["list"] or settings.OFFSITE_LIST
        if options["no_list"]:
            return offsite.OffsiteList()
        if not place:
            raise CommandError(
                "OFFSITE_LIST names no list, and without it whoever was erased or left since the backup is back. "
                "Name it with --list; --no-list goes on without."
            )
        try:
            return offsite.read(place)
        except offsite.ListAway as error:
            raise CommandError(f"The off-site list could not be read: {error}.") from error

    def _anchors(self, options: dict[str, Any]) -> str:
        named: Path | None = options["anchor"]
        place = settings.CONSENT_ANCHOR
        if named is None and place and "@" not in place and Path(place).exists():
            named = Path(place)
        try:
            return named.read_text(encoding="utf-8") if named else ""
        except OSError as error:
            raise CommandError(f"The anchors could not be read: {error.strerror}.") from error


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
