"""Backups: the database and the media in one encrypted file, which is read back before it counts.

The file is readable only to who holds a private key of BACKUP_RECIPIENTS, and that key belongs on no server. So what
lies on the disk is compared with what was sent there, byte for byte; whether the key still opens it, and whether all of
it is there, `manage.py restore FILE --check` says on a machine that has the key.
"""

import hashlib
import os
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from newsroom import database_programs, registry
from newsroom.backup_files import DUMP, MEDIA, NAME, Hashed, Manifest, Packer, encrypt, file_name
from newsroom.models import Job

JOB = "backup"
PARTIAL = ".partial"


class BackupFailed(Exception):
    """No backup was made. The message is for the operator, and holds no row of the database."""


@dataclass(frozen=True)
class Backup:
    """A backup that was made and read back."""

    path: Path
    bytes: int
    sha256: str
    manifest: Manifest
    removed: int
    missing_media: int


def make(folder: Path, *, at: datetime) -> Backup:
    """Make a backup in a folder, which may be a mounted one. Raises BackupFailed.

    1. The dump and the media are encrypted as they are read; nothing readable touches the disk.
    2. The file has another name until it was written to the end and read back.
    3. Older backups beyond BACKUP_KEEP go, and never the new one.
    """
    if not settings.BACKUP_RECIPIENTS:
        raise BackupFailed("BACKUP_RECIPIENTS names no public key, and nothing is written that anyone could read.")
    final = folder / file_name(at)
    partial = final.with_name(final.name + PARTIAL)
    packing = _Packing(at)
    try:
        _remove_partial(folder)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            written = Hashed(file)
            encrypt(packing.fill, into=cast(BinaryIO, written), recipients=settings.BACKUP_RECIPIENTS)
            file.flush()
            os.fsync(file.fileno())
        digest = written.digest.hexdigest()
        if _digest_on_disk(partial) != digest:
            raise BackupFailed("What was read back is not what was written. Look at the disk.")
        final.with_name(final.name + ".sha256").write_text(f"{digest}  {final.name}\n", encoding="ascii")
        partial.replace(final)
        _sync_folder(folder)
    except (OSError, database_programs.ProgramMissing) as error:
        raise BackupFailed(str(error)) from error
    finally:
        partial.unlink(missing_ok=True)
    backup = Backup(final, written.length, digest, packing.manifest, prune(folder), packing.missing)
    _note_success(backup, at=at)
    return backup


class _Packing:
    """Reads everything that belongs into a backup, in one go."""

    def __init__(self, at: datetime) -> None:
        self.missing = 0
        self.manifest = Manifest(
            made_at=at.astimezone(UTC).isoformat(),
            version=_version(),
            programs=database_programs.version_of("pg_dump"),
            migrations=_last_migrations(),
            ledger={name: fact for describe in registry.backup_facts for name, fact in describe(at).items()},
        )

    def fill(self, stream: BinaryIO) -> None:
        packer = Packer(stream)
        try:
            self._add_dump(packer)
            self._add_media(packer)
            packer.close(self.manifest)
        except BaseException:
            packer.abandon()
            raise

    def _add_media(self, packer: Packer) -> None:
        for name in sorted(_media_names("")):
            try:
                with default_storage.open(name) as file:
                    content = file.read()
            except FileNotFoundError:
                # Removed while the backup ran; the dump may still name it.
                self.missing += 1
                continue
            packer.add_bytes(f"{MEDIA}/{name}", content)

    def _add_dump(self, packer: Packer) -> None:
        with tempfile.NamedTemporaryFile() as errors:
            dump = subprocess.Popen(  # noqa: S603 - a fixed program, and words of our own settings.
                database_programs.command("pg_dump", "--format=custom", "--no-owner", "--no-privileges"),
                env=database_programs.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
            try:
                packer.add_stream(DUMP, cast(BinaryIO, dump.stdout))
            except BaseException:
                dump.kill()
                raise
            finally:
                cast(BinaryIO, dump.stdout).close()
                status = dump.wait()
            if status != 0:
                words = database_programs.last_words(Path(errors.name))
                raise BackupFailed(f"pg_dump ended with status {status}: {words}")


def _media_names(folder: str) -> list[str]:
    """Return the names of all media files, whatever storage keeps them."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return []
    names = [f"{folder}/{name}" if folder else name for name in files]
    for name in folders:
        names += _media_names(f"{folder}/{name}" if folder else name)
    return names


def _version() -> str:
    return (settings.BASE_DIR / "pyproject.toml").read_text(encoding="utf-8").partition('version = "')[2].split('"')[0]


def _last_migrations() -> dict[str, str]:
    applied = MigrationRecorder(connection).applied_migrations()
    # Sorted, so that each package's last name is the one that stays.
    return dict(sorted(applied))


def _digest_on_disk(path: Path) -> str:
    with path.open("rb") as file:
        # Asks the system to read from the disk again, where it heeds that.
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_partial(folder: Path) -> None:
    for path in folder.glob(f"newsroom-*{PARTIAL}"):
        path.unlink()


def kept_in(folder: Path) -> list[Path]:
    """Return the finished backups of a folder, oldest first."""
    return sorted(path for path in folder.iterdir() if NAME.fullmatch(path.name))


def prune(folder: Path) -> int:
    """Remove the oldest backups of a folder beyond BACKUP_KEEP, and return how many there were."""
    old = kept_in(folder)[: -max(settings.BACKUP_KEEP, 1)]
    for path in old:
        path.unlink()
        path.with_name(path.name + ".sha256").unlink(missing_ok=True)
    return len(old)


@transaction.atomic
def _note_success(backup: Backup, *, at: datetime) -> None:
    report = f"{backup.path.name}, {backup.bytes} bytes, {backup.manifest.media_files} media files"
    Job.objects.update_or_create(
        name=JOB,
        defaults={"last_date": at.date(), "started_at": at, "succeeded_at": at, "error": "", "report": report},
    )


def last_success() -> datetime | None:
    """Return when the newest good backup began, for the alarm; None before the first."""
    return Job.objects.filter(name=JOB).values_list("succeeded_at", flat=True).first()
