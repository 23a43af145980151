"""The role that owns the tables, for what tests may do and the application may not: empty tables, tamper with facts."""

from typing import Any

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from newsroom.database_roles import OWNER


def become_owner(cursor: CursorWrapper, *, are_triggers_suspended: bool = True) -> None:
    """Act as the owner until the transaction ends, with triggers suspended: they refuse even the owner."""
    if OWNER in settings.DATABASES:
        owner = sql.Identifier(settings.DATABASES[OWNER]["USER"])
        cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(owner))
    if are_triggers_suspended:
        cursor.execute("SET LOCAL session_replication_role = replica")


def stop_being_owner(cursor: CursorWrapper) -> None:
    cursor.execute("SET LOCAL session_replication_role = DEFAULT")
    cursor.execute("SET LOCAL ROLE NONE")


def connect_as(values: dict[str, Any]) -> None:
    """Let this process's connection be made anew with the user and password of another alias."""
    connection.close()
    connection.settings_dict |= {"USER": values["USER"], "PASSWORD": values["PASSWORD"]}
