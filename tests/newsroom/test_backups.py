"""A backup is one file that only its key opens, that counts once it was read back, and that says when it is cut."""

import hashlib
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone

from newsroom import backup_files, backups, checks_backups, database_programs, holding, outbox
from newsroom.mail import queue_mail
from newsroom.models import OutgoingMail
from tests.mailbox import Mailbox

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def key(settings: Any, tmp_path: Path) -> str:
    identity = pyrage.x25519.Identity.generate()
    settings.BACKUP_RECIPIENTS = [str(identity.to_public())]
    settings.MEDIA_ROOT = str(tmp_path / "media")
    return str(identity)


def test_a_backup_is_whole_or_refused(key: str, tmp_path: Path, settings: Any) -> None:
    default_storage.save("images/one.txt", ContentFile(b"a very readable picture"))
    settings.BACKUP_KEEP = 2
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "newsroom-20200101T000000Z.backup.age.partial").write_bytes(b"broke off")
    made = [backups.make(folder, at=NOW + timedelta(days=number)) for number in range(3)]
    assert [backup.removed for backup in made] == [0, 0, 1]
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        name for backup in made[1:] for name in (backup.path.name, f"{backup.path.name}.sha256")
    )
    last = made[-1]
    content = last.path.read_bytes()
    assert (last.bytes, last.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert last.path.with_name(f"{last.path.name}.sha256").read_text().split() == [last.sha256, last.path.name]
    assert b"readable" not in content
    assert b"PGDMP" not in content
    assert backups.last_success() == NOW + timedelta(days=2)

    manifest = backup_files.check(last.path, identities=[key])
    assert (manifest.media_files, manifest.ledger["position"]) == (1, 0)
    assert manifest.migrations["newsroom"] >= "0009_restorations"
    another = str(pyrage.x25519.Identity.generate())
    refused = {
        "another key": (content, another),
        "cut": (content[: len(content) * 2 // 3], key),
        "one bit": (content[:-5000] + bytes([content[-5000] ^ 1]) + content[-4999:], key),
        "nothing": (b"", key),
        "something else": (pyrage.encrypt(b"words", [pyrage.x25519.Identity.from_str(key).to_public()]), key),
    }
    for name, (spoiled, identity) in refused.items():
        (tmp_path / "spoiled").write_bytes(spoiled)
        with pytest.raises(backup_files.BadBackup):
            backup_files.check(tmp_path / "spoiled", identities=[identity])
            pytest.fail(name)


def test_a_stranger_s_archive_writes_nowhere_else(key: str, tmp_path: Path) -> None:
    recipient = str(pyrage.x25519.Identity.from_str(key).to_public())

    def pack(*names: str) -> Path:
        def fill(stream: Any) -> None:
            packer = backup_files.Packer(stream)
            for name in names:
                packer.add_bytes(name, b"x")
            packer.close(backup_files.Manifest(made_at=NOW.isoformat(), version="1", programs=""))

        with (tmp_path / "packed").open("wb") as file:
            backup_files.encrypt(fill, into=file, recipients=[recipient])
        return tmp_path / "packed"

    for name in ("media/../../etc/cron.d/x", "/etc/passwd", "elsewhere/x", "media/ok"):
        with pytest.raises(backup_files.BadBackup):
            backup_files.check(pack(name), identities=[key])


def test_no_backup_is_made_that_nobody_could_read_or_that_failed(key: str, tmp_path: Path, settings: Any) -> None:
    good = settings.BACKUP_RECIPIENTS
    settings.BACKUP_RECIPIENTS = []
    with pytest.raises(CommandError, match="BACKUP_RECIPIENTS"):
        call_command("backup", tmp_path)
    settings.BACKUP_RECIPIENTS = good
    with pytest.raises(CommandError, match="No such file"):
        call_command("backup", tmp_path / "missing")
    # A pg_dump that breaks off in the middle of its work.
    programs = tmp_path / "programs"
    programs.mkdir()
    broken = programs / "pg_dump"
    broken.write_text(
        "#!/bin/sh\n[ \"$1\" = --version ] && exec echo 'pg_dump 18'\necho PGDMP; echo 'server gone' >&2; exit 1\n"
    )
    broken.chmod(0o755)
    settings.POSTGRES_PROGRAMS = str(programs)
    with pytest.raises(CommandError, match="server gone"):
        call_command("backup", tmp_path, stdout=io.StringIO())
    assert not list(tmp_path.glob("newsroom-*"))
    assert backups.last_success() is None
    settings.POSTGRES_PROGRAMS = str(tmp_path)
    with pytest.raises(database_programs.ProgramMissing, match="POSTGRES_PROGRAMS"):
        database_programs.path_of("psql")


def test_nothing_leaves_on_hold_and_what_the_lost_time_told_is_not_told_again(smtp: Mailbox) -> None:
    now = timezone.now()
    words = {"template": "notice", "context": {"title": "A", "words": "", "url": ""}}
    waiting = queue_mail(key="waits", to="one@example.org", at=now, **words)
    restoration = holding.hold(lost_from=now - timedelta(hours=5), at=now)
    outbox.deliver(waiting.pk, at=now)
    assert outbox.sweep(at=now) == 0
    assert smtp.messages == []
    told = queue_mail(key="told", to="two@example.org", at=now, tells_of=now - timedelta(hours=4), **words)
    older = queue_mail(key="older", to="three@example.org", at=now, tells_of=now - timedelta(days=2), **words)
    assert (told.state, told.error, older.state) == ("cancelled", holding.RESTORED, "queued")
    restoration.released_at = now
    restoration.save()
    for mail in OutgoingMail.objects.all():
        outbox.deliver(mail.pk, at=now)
    assert {str(one["To"]) for one in smtp.messages} == {"one@example.org", "three@example.org"}


def test_keys_and_places_that_would_not_do_stop_the_start(settings: Any) -> None:
    public = str(pyrage.x25519.Identity.generate().to_public())
    wrong = {"age1abc": "newsroom.E061", "AGE-SECRET-KEY-1ABC": "newsroom.E060", public: None}
    for value, expected in wrong.items():
        settings.BACKUP_RECIPIENTS = [value]
        assert [fault.id for fault in checks_backups.backups_are_readable(None)] == ([expected] if expected else [])
    places = {
        "": None,
        "/srv/left.txt": None,
        "https://list.example/": None,
        "http://list.example/": "newsroom.E063",
        "left.txt": "newsroom.E064",
    }
    for value, expected in places.items():
        settings.OFFSITE_LIST = value
        assert [fault.id for fault in checks_backups.offsite_list_is_a_place(None)] == ([expected] if expected else [])
    settings.IS_PRODUCTION, settings.BACKUP_RECIPIENTS, settings.OFFSITE_LIST = True, [], ""
    found = [fault.id for fault in checks_backups.production_is_backed_up(None)]
    assert found == ["newsroom.W065", "newsroom.W066"]
