from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from newsroom.importing import ghost, wordpress
from newsroom.importing.articles import Report, import_posts
from newsroom.importing.pictures import Pictures
from newsroom.importing.posts import Export, ExportRefused
from newsroom.models import Section
from newsroom.outlet import current_outlet

SHOWN = 10


class Command(BaseCommand):
    help = (
        "Takes over the articles of another system: a WordPress export (WXR, .xml) or a Ghost export (.json), with "
        "authors, sections, tags, pictures, dates and redirects from the old addresses. What was imported before is "
        "left alone, so a run that was interrupted is simply started again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="read everything, write and fetch nothing")
        parser.add_argument(
            "--site", default="", metavar="ADDRESS", help="the old site; Ghost's exports do not name it"
        )
        parser.add_argument("--section", metavar="SLUG", help="the section of articles that name none")
        parser.add_argument("--language", metavar="CODE", help="the articles' language, if not the export's or ours")
        parser.add_argument("--images", type=Path, metavar="FOLDER", help="take pictures from here, not from the site")
        parser.add_argument("--without-images", action="store_true", help="import the texts alone")

    def handle(self, *args: Any, **options: Any) -> None:
        site = options["site"].rstrip("/")
        if site and (urlsplit(site).scheme not in ("http", "https") or not urlsplit(site).netloc):
            raise CommandError("--site needs an address such as https://old.example.")
        export = self._read(options["file"], site)
        section = self._section(options["section"])
        pictures = None
        if not options["without_images"]:
            pictures = Pictures(site=export.site, folder=options["images"], is_trusted=bool(site))
        with tqdm(total=export.count, unit=" articles", file=self.stderr, disable=not self.stderr.isatty()) as bar:
            report = import_posts(
                export,
                language=self._language(options["language"], export),
                section=section,
                pictures=pictures,
                at=timezone.now(),
                dry_run=options["dry_run"],
                progress=bar.update,
            )
        self._say(report, export, pictures, is_dry=options["dry_run"])

    def _read(self, file: Path, site: str) -> Export:
        try:
            if file.suffix.lower() == ".json":
                if not site:
                    raise CommandError("Name the old site with --site: Ghost's export does not tell it.")
                return ghost.read(file, site=site)
            export = wordpress.read(file)
        except ExportRefused as refusal:
            raise CommandError(refusal.args[0]) from None
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from None
        export.site = site or export.site
        return export

    def _section(self, slug: str | None) -> Section:
        section = (Section.objects.filter(slug=slug) if slug else Section.objects.order_by("position", "pk")).first()
        if section is None:
            raise CommandError("There is no such section." if slug else "Make a section first.")
        return section

    def _language(self, wanted: str | None, export: Export) -> str:
        known = dict(settings.LANGUAGES)
        if wanted and wanted not in known:
            raise CommandError(f"--language is one of: {', '.join(known)}.")
        told = export.language.partition("-")[0]
        return wanted or (told if told in known else current_outlet().language)

    def _say(self, report: Report, export: Export, pictures: Pictures | None, *, is_dry: bool) -> None:
        done = "would be imported" if is_dry else "imported"
        self.stdout.write(
            f"{report.imported} {done}, {report.drafts} of them as drafts; {report.known} were here before; "
            f"{report.redirects} old addresses lead on."
        )
        for kind, count in sorted(export.left_out.items()):
            self.stdout.write(f"  left out: {count} ({kind})")
        if pictures is not None and not is_dry:
            self.stdout.write(f"{pictures.stored} pictures stored, {len(pictures.missing)} missing.")
            for address, reason in pictures.missing[:SHOWN]:
                self.stdout.write(f"  {address}: {reason}")
        if report.failed:
            raise CommandError(f"Not imported: {', '.join(report.failed[:SHOWN])} ({len(report.failed)} in all).")
