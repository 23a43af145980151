from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from newsroom import backup_files, restoring
from newsroom.database_programs import ProgramMissing


class Command(BaseCommand):
    help = "Restore a backup into an empty database, with all sending on hold; or only check one."
    # The database may be empty.
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--identity", type=Path, required=True, help="a file with a private key of age")
        parser.add_argument("--check", action="store_true", help="read the whole backup, and restore nothing")
        parser.add_argument(
            "--replace", action="store_true", help="remove what the database holds, and overwrite media files"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            identities = backup_files.read_identities(options["identity"])
            if options["check"]:
                self._show(backup_files.check(options["file"], identities=identities))
                return
            restored = restoring.restore(
                options["file"], identities=identities, at=timezone.now(), replaces=options["replace"]
            )
        except backup_files.BadBackup as error:
            raise CommandError(f"This backup cannot be used: {error}.") from error
        except (restoring.NotEmpty, restoring.RestoreFailed, ProgramMissing, OSError) as error:
            raise CommandError(str(error)) from error
        self._show(restored.manifest)
        self.stdout.write(
            f"The database and {restored.media_files} media files are restored. NOTHING IS SENT until "
            "`manage.py after_restore --apply` has let it.\n"
            "Next: `manage.py migrate`, then `manage.py after_restore`, which shows what it will do."
        )

    def _show(self, manifest: backup_files.Manifest) -> None:
        self.stdout.write(
            f"The backup is whole: made at {manifest.made_at} by version {manifest.version}, "
            f"{manifest.content_bytes:,} bytes, {manifest.media_files} media files, "
            f"ledger at position {manifest.ledger.get('position', 'unknown')}."
        )
