"""The rows that migrations wrote: set aside once, and put back whenever a database is emptied.

So every test finds them, in whatever order tests run.
"""

from collections.abc import Collection

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from tests.owner import become_owner


def set_aside() -> None:
    """Copy what a database just migrated holds into a schema of its own."""
    with transaction.atomic(), connection.cursor() as cursor:
        become_owner(cursor)
        tables = connection.introspection.table_names(cursor)
        cursor.execute("CREATE SCHEMA IF NOT EXISTS built")
        for table in _not_empty(cursor, tables):
            cursor.execute(f'CREATE TABLE built."{table}" AS TABLE "{table}"')


def begin_anew(*, keep: Collection[str] = ()) -> None:
    """Let every table hold what the migrations wrote and nothing else, but for those that no test writes to.

    Append-only tables too: the owner may. DELETE is quicker than TRUNCATE for the few rows of a test.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        become_owner(cursor)
        for table in _not_empty(cursor, sorted(set(connection.introspection.table_names(cursor)) - set(keep))):
            cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608 - a name from the catalogue.
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'built'")
        for table in {name for (name,) in cursor.fetchall()} - set(keep):
            cursor.execute(f'INSERT INTO "{table}" SELECT * FROM built."{table}"')  # noqa: S608 - as above.


def _not_empty(cursor: CursorWrapper, tables: Collection[str]) -> list[str]:
    asked = " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM \"{table}\")" for table in tables)  # noqa: S608 - as above.
    cursor.execute(asked)
    return [name for (name,) in cursor.fetchall()]
