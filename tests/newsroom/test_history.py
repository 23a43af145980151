import pytest
from django.db import DatabaseError, connection, transaction

from newsroom.history import entries_of, record
from newsroom.models import HistoryEntry, Outlet

pytestmark = pytest.mark.django_db


def make_entry() -> HistoryEntry:
    return record(Outlet(pk=1, name="The Meridian"), action="outlet.renamed", before={"name": "A"}, after={"name": "B"})


def test_entry_is_found_on_its_object_and_names_no_person() -> None:
    entry = make_entry()
    assert list(entries_of(Outlet(pk=1))) == [entry]
    assert entry.object_text == "outlet 1"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE newsroom_historyentry SET reason = 'other'",
        "DELETE FROM newsroom_historyentry",
        "TRUNCATE newsroom_historyentry",
    ],
)
def test_database_refuses_every_change(sql: str) -> None:
    make_entry()
    with connection.cursor() as cursor:
        # PostgreSQL truncates no table with deferred checks outstanding; the refusal to be seen is the trigger's.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert HistoryEntry.objects.count() == 1
