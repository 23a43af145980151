import pytest
from django.db import DatabaseError, connection, transaction

from newsroom.history import entries_of, record
from newsroom.models import HistoryEntry, Outlet
from tests.owner import become_owner

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
def test_triggers_refuse_every_change_even_to_the_owner(sql: str) -> None:
    make_entry()
    with connection.cursor() as cursor:
        # PostgreSQL truncates no table with deferred checks outstanding; the refusal to be seen is the trigger's.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        become_owner(cursor, are_triggers_suspended=False)
        cursor.execute(sql)
    assert HistoryEntry.objects.count() == 1
