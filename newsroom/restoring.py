"""Restoring a backup into an empty database, with all sending on hold from the same moment on.

The data and the row that holds sending are one transaction: a worker that runs already sees either neither or both.
"""

import subprocess
import tempfile
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, connections
from psycopg import sql

from newsroom import database_programs
from newsroom.backup_files import DUMP, MEDIA, PIECE_BYTES, BadBackup, Manifest, Reader, check, decrypt
from newsroom.database_roles import application_role, grant
from newsroom.holding import MARGIN

PSQL = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--file=-")


class NotEmpty(Exception):
    """The database or the media folder holds something, and nobody said that it may be replaced."""


class RestoreFailed(Exception):
    """The database is as it was. The message is for the operator, and holds no row."""


@dataclass(frozen=True)
class Restored:
    manifest: Manifest
    media_files: int


def restore(path: Path, *, identities: list[str], at: datetime, replaces: bool = False) -> Restored:
    """Restore the database and the media. Raises BadBackup, NotEmpty or RestoreFailed.

    1. The whole file is decrypted and compared with its manifest before anything is touched.
    2. Media files are written; those that are there and not in the backup stay.
    3. The dump and the hold go into the database in one transaction.
    4. The application's role gets its rights on the tables, and never more than it has in a new house.
    """
    manifest = check(path, identities=identities)
    if not replaces:
        _require_empty(manifest)
    with _Loading(manifest, at=at, replaces=replaces) as loading, path.open("rb") as file:
        reader = Reader()
        media = _Media()

        def handle(part: str, content: bytes) -> None:
            if part == DUMP:
                loading.feed(content)
            else:
                media.write(part, content)

        decrypt(file, identities=identities, take=lambda stream: reader.take(stream, handle))
        reader.verified()
        loading.commit()
    connections.close_all()
    if role := application_role():
        grant(connections[database_programs.owner_alias()], role=role)
    return Restored(manifest, media.count)


def _require_empty(manifest: Manifest) -> None:
    if tables := connection.introspection.table_names():
        raise NotEmpty(f"The database holds {len(tables)} tables. --replace removes them, with everything in them.")
    there = [name for name in manifest.parts if name.startswith(f"{MEDIA}/") and default_storage.exists(_name(name))]
    if there:
        raise NotEmpty(f"{len(there)} media files of the backup are there already. --replace overwrites them.")


def _name(part: str) -> str:
    return str(PurePosixPath(part).relative_to(MEDIA))


class _Media:
    def __init__(self) -> None:
        self.count = 0

    def write(self, part: str, content: bytes) -> None:
        name = _name(part)
        if default_storage.exists(name):
            default_storage.delete(name)
        saved = default_storage.save(name, ContentFile(content))
        if saved != name:
            raise RestoreFailed("A media file could not be written under its own name.")
        self.count += 1


class _Loading:
    """pg_restore, which turns pieces of the dump into SQL, and psql, which runs it as one transaction."""

    def __init__(self, manifest: Manifest, *, at: datetime, replaces: bool) -> None:
        self._before = "DROP SCHEMA public CASCADE;\nCREATE SCHEMA public;\n" if replaces else ""
        self._after = _hold_sql(manifest, at=at)
        self._failures: list[BaseException] = []

    def __enter__(self) -> "_Loading":
        alias = database_programs.owner_alias()
        # Open transactions of this process would wait for themselves.
        connections.close_all()
        self._errors = tempfile.NamedTemporaryFile()
        self._psql = subprocess.Popen(  # noqa: S603 - a fixed program, and words of our own settings.
            database_programs.command("psql", *PSQL, alias=alias),
            env=database_programs.environment(alias),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
        )
        self._restore = subprocess.Popen(  # noqa: S603 - as above.
            [database_programs.path_of("pg_restore"), "--no-owner", "--no-privileges", "--exit-on-error", "--file=-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._pump = threading.Thread(target=self._carry)
        self._pump.start()
        return self

    def _carry(self) -> None:
        """Hand the SQL on as it comes. psql commits only what is followed by its end, so it is closed in `commit`."""
        source, sink = cast(BinaryIO, self._restore.stdout), cast(BinaryIO, self._psql.stdin)
        try:
            sink.write(self._before.encode())
            while piece := source.read1(PIECE_BYTES):  # type: ignore[attr-defined]
                sink.write(piece)
        except OSError as error:
            # psql has ended, and says why in its own words.
            self._failures.append(error)

    def feed(self, content: bytes) -> None:
        try:
            cast(BinaryIO, self._restore.stdin).write(content)
        except OSError as error:
            raise self._failure() from error

    def commit(self) -> None:
        """Hold sending, and let the transaction end well. Raises RestoreFailed."""
        cast(BinaryIO, self._restore.stdin).close()
        self._pump.join()
        if self._restore.wait() != 0 or self._failures:
            raise self._failure()
        sink = cast(BinaryIO, self._psql.stdin)
        try:
            sink.write(self._after.encode())
            sink.close()
        except OSError as error:
            raise self._failure() from error
        if self._psql.wait() != 0:
            raise self._failure()

    def _failure(self) -> RestoreFailed:
        self._psql.kill()
        self._psql.wait()
        return RestoreFailed(
            f"The database is as it was. PostgreSQL said: {database_programs.last_words(Path(self._errors.name))}"
        )

    def __exit__(self, *exc_info: object) -> None:
        for program in (self._psql, self._restore):
            # A killed psql takes its transaction with it. One that has ended is not touched.
            if program.poll() is None:
                program.kill()
            program.wait()
        self._pump.join()
        for stream in (self._restore.stdin, self._restore.stdout, self._psql.stdin):
            try:
                cast(BinaryIO, stream).close()
            except OSError:
                # What could not be flushed was meant for a program that is gone.
                continue
        self._errors.close()


def _hold_sql(manifest: Manifest, *, at: datetime) -> str:
    lost_from = min(manifest.began_at - MARGIN, at)
    statement = sql.SQL(
        "\nINSERT INTO public.newsroom_restoration (restored_at, lost_from, lost_until, report)"
        " VALUES ({}, {}, {}, '');\n"
    )
    return statement.format(*(sql.Literal(moment.isoformat()) for moment in (at, lost_from, at))).as_string()


__all__ = ["BadBackup", "NotEmpty", "RestoreFailed", "Restored", "restore"]
