"""The rows that migrations wrote: set aside once, and put back whenever a database is emptied.

So every test finds them, in whatever order tests run. They are kept by this process and not in the database, which is
backed up and restored by some tests as it stands.
"""

from collections.abc import Collection

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from tests.owner import become_owner

# Each table's rows as PostgreSQL copies them.
_rows: dict[str, bytes] = {}


def set_aside() -> None:
    """Keep what a database just migrated holds."""
    with transaction.atomic(), connection.cursor() as cursor:
        become_owner(cursor)
        for table in _not_empty(cursor, connection.introspection.table_names(cursor)):
            with cursor.copy(f'COPY "{table}" TO STDOUT') as copied:
                _rows[table] = b"".join(bytes(part) for part in copied)


def begin_anew(*, keep: Collection[str] = ()) -> None:
    """Let every table hold what the migrations wrote and nothing else, but for those that no test writes to.

    Append-only tables too: the owner may. DELETE is quicker than TRUNCATE for the few rows of a test.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        become_owner(cursor)
        for table in _not_empty(cursor, sorted(set(connection.introspection.table_names(cursor)) - set(keep))):
            cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608 - a name from the catalogue.
        for table in _rows.keys() - set(keep):
            with cursor.copy(f'COPY "{table}" FROM STDIN') as written:
                written.write(_rows[table])


def _not_empty(cursor: CursorWrapper, tables: Collection[str]) -> list[str]:
    asked = " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM \"{table}\")" for table in tables)  # noqa: S608 - as above.
    cursor.execute(asked)
    return [name for (name,) in cursor.fetchall()]
