"""What the chain alone cannot show, and how its expired beginning goes."""

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from newsroom.models import OutgoingMail
from subscriptions import anchoring, ledger, pruning
from subscriptions.models import Consent, ConsentCheckpoint, Subscriber
from tests.owner import become_owner, stop_being_owner
from tests.subscriptions.factories import NOW
from tests.subscriptions.test_ledger import entry, tamper

YEAR = timedelta(days=366)


@pytest.fixture
def rows(db: None) -> list[Consent]:
    return ledger.append([entry(number) for number in range(1, 9)])


@pytest.fixture
def anchors(rows: list[Consent], tmp_path: Path, settings: Any) -> Path:
    settings.CONSENT_ANCHOR = str(tmp_path / "anchors")
    anchoring.write(at=NOW)
    return tmp_path / "anchors"


def cut_after(position: int, rows: list[Consent]) -> None:
    """Cut the end of the ledger and make its head agree, as only who owns the database can."""
    tamper("DELETE FROM subscriptions_consent WHERE position > %s", position)
    tamper("UPDATE subscriptions_consenthead SET position = %s, row_hash = %s", position, rows[position - 1].row_hash)


def test_file_of_anchors_grows_by_a_line_a_day(anchors: Path) -> None:
    ledger.append([entry(9)])
    anchoring.write(at=NOW + timedelta(days=1))
    read = anchoring.read(anchors.read_text())
    assert [anchor.position for anchor in read] == [8, 9]
    assert not list(anchoring.faults(read))


def test_anchor_is_mailed_once_a_day_and_names_nobody(rows: list[Consent], settings: Any) -> None:
    settings.CONSENT_ANCHOR = "anchors@archive.example"
    anchoring.write(at=NOW)
    anchoring.write(at=NOW + timedelta(hours=1))
    mail = OutgoingMail.objects.get()
    assert mail.address == "anchors@archive.example"
    (anchor,) = anchoring.read(mail.context["words"])
    assert (anchor.position, anchor.row_hash) == (8, rows[-1].row_hash)
    assert not any(str(row.subject) in mail.context["words"] for row in rows)


def test_cut_end_is_found_by_its_anchor(anchors: Path, rows: list[Consent]) -> None:
    cut_after(6, rows)
    call_command("verify_consent", stdout=StringIO())
    errors = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_consent", anchor=str(anchors), stderr=errors)
    assert "position 8: the ledger reached this position" in errors.getvalue()


def test_end_that_was_written_anew_is_found_by_its_anchor(anchors: Path, rows: list[Consent]) -> None:
    """Whoever has the keys can make a chain that holds, and still not the one that stood there."""
    cut_after(6, rows)
    ledger.append([entry(70), entry(80)])
    assert not list(ledger.faults())
    faults = list(anchoring.faults(anchoring.read(anchors.read_text())))
    assert [(fault.position, "is not the one" in fault.what) for fault in faults] == [(8, True)]


@pytest.mark.parametrize(
    "text", ["", "newsroom-consent yesterday 8 abc", "newsroom-consent 2026-11-23T03:00:00Z 8 short"]
)
def test_file_without_readable_anchors_is_refused(rows: list[Consent], tmp_path: Path, text: str) -> None:
    (tmp_path / "anchors").write_text(text)
    with pytest.raises(CommandError, match="anchor"):
        call_command("verify_consent", anchor=str(tmp_path / "anchors"))


def test_only_a_beginning_that_is_old_and_names_nobody_here_has_expired(db: None) -> None:
    reader = Subscriber.objects.create(email="vera@example.org", created_at=NOW)
    old, young = {"at": NOW - 5 * YEAR}, {"at": NOW}
    ledger.append([entry(1, **old), entry(2, **old), entry(3, subject=reader.subject, **old), entry(4, **old)])
    assert pruning.expired(older_than=NOW - 4 * YEAR) == pruning.Prefix(2, 2)
    reader.delete()
    assert pruning.expired(older_than=NOW - 4 * YEAR) == pruning.Prefix(4, 4)
    ledger.append([entry(5, **young)])
    assert pruning.expired(older_than=NOW - 4 * YEAR) == pruning.Prefix(4, 4)


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_pruned_ledger_begins_at_a_signed_checkpoint_and_still_holds() -> None:
    rows = append_committed([entry(number, at=NOW - 5 * YEAR) for number in range(1, 6)] + [entry(6, at=NOW)])
    said = StringIO()
    call_command("prune_consent", stdout=said)
    assert "Would remove 5 rows, up to position 5." in said.getvalue()
    assert Consent.objects.count() == 6

    call_command("prune_consent", "--apply", stdout=said)

    assert [row.position for row in Consent.objects.all()] == [6]
    assert not list(ledger.faults())
    old = anchoring.Anchor(NOW, 3, rows[2].row_hash)
    assert not list(anchoring.faults([old, anchoring.Anchor(NOW, 5, rows[4].row_hash)]))
    assert pruning.prune(older_than=NOW - 4 * YEAR, at=NOW).rows == 0
    append_committed([entry(7)])
    assert not list(ledger.faults())
    tamper_committed("UPDATE subscriptions_consentcheckpoint SET position = 6")
    assert next(ledger.faults()).what == "the checkpoint was not signed by this product"


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_ledger_that_does_not_hold_is_not_pruned() -> None:
    append_committed([entry(number, at=NOW - 5 * YEAR) for number in range(1, 6)])
    tamper_committed("UPDATE subscriptions_consent SET page = '/other/' WHERE position = 2")
    with pytest.raises(CommandError, match="does not hold"):
        call_command("prune_consent", "--apply")
    assert Consent.objects.count() == 5
    assert not ConsentCheckpoint.objects.exists()


def append_committed(entries: list[ledger.Entry]) -> list[Consent]:
    with transaction.atomic():
        return ledger.append(entries)


def tamper_committed(sql: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        become_owner(cursor)
        cursor.execute(sql)
        stop_being_owner(cursor)
