from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from newsroom.site_copy import CopyRefused, copy_site

SHOWN_FAILURES = 10


class Command(BaseCommand):
    help = (
        "Writes the whole public site into a folder as files that work on any host or from a USB stick. A later run "
        "rewrites only what changed and removes what was withdrawn. Forms lead to the live site."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="an empty folder, or the one of a former run")
        parser.add_argument(
            "--mirror", default="", metavar="ADDRESS", help="where the copy will be read: feeds and maps then carry it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        mirror = options["mirror"]
        if mirror and urlsplit(mirror).scheme not in ("http", "https"):
            raise CommandError("--mirror needs an address such as https://mirror.example.net.")
        with tqdm(unit=" addresses", file=self.stderr, disable=not self.stderr.isatty()) as bar:

            def show(done: int, known: int) -> None:
                bar.total = known
                bar.update(done - bar.n)

            try:
                report = copy_site(options["folder"], at=timezone.now(), mirror=mirror, progress=show)
            except CopyRefused:
                raise CommandError(
                    f"{options['folder']} holds files that this command did not write. Name an empty folder."
                ) from None
        self.stdout.write(
            f"{len(report.written)} written, {len(report.removed)} removed, {report.unchanged} unchanged."
        )
        if report.failed:
            shown = ", ".join(report.failed[:SHOWN_FAILURES])
            count = len(report.failed)
            words = (
                "1 page could not be made, and stays" if count == 1 else f"{count} pages could not be made, and stay"
            )
            raise CommandError(f"{words} as before: {shown}")
