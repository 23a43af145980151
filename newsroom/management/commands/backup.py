from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from newsroom import backups


class Command(BaseCommand):
    help = "Write the database and the media into one encrypted file, read it back, and remove the oldest."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="where backups are kept; best on another machine's storage")

    def handle(self, *args: Any, **options: Any) -> None:
        began = timezone.now()
        try:
            backup = backups.make(options["folder"], at=began)
        except backups.BackupFailed as error:
            raise CommandError(str(error)) from error
        seconds = (timezone.now() - began).total_seconds()
        self.stdout.write(
            f"{backup.path}\n"
            f"{backup.bytes:,} bytes of {backup.manifest.content_bytes:,}: the database and "
            f"{backup.manifest.media_files} media files, in {seconds:.1f} s\n"
            f"read back: SHA-256 {backup.sha256}"
        )
        if backup.missing_media:
            self.stdout.write(f"{backup.missing_media} media files were removed while the backup ran.")
        if backup.removed:
            self.stdout.write(f"{backup.removed} older backups were removed.")
