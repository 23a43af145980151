"""Two roles of the database: one owns the tables and migrates them, and the application may not rewrite facts.

Where `DATABASE_OWNER_URL` names the owner, each migration run ends with these grants for the role of `DATABASE_URL`.
Neither a stolen web process nor a bug in it can then change or remove a row of the ledger or of the history: triggers
refuse it to everyone, and only the owner could drop them.
"""

from typing import Any

from django.conf import settings
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from newsroom import registry

OWNER = "owner"


def application_role() -> str:
    """Return the role to which the owner grants, or nothing where one role does both."""
    if OWNER not in settings.DATABASES:
        return ""
    role: str = settings.DATABASES["default"]["USER"]
    return "" if role == settings.DATABASES[OWNER]["USER"] else role


def grant_after_migrating(**kwargs: Any) -> None:
    """Handle `post_migrate`: give the application its rights on all tables, the new ones too."""
    if role := application_role():
        grant(connections[OWNER], role=role)


def grant(owner: BaseDatabaseWrapper, *, role: str) -> None:
    """Let a role read and write every table of the schema, and only add to those that hold facts."""
    names = {"role": sql.Identifier(role)}
    statements = [
        "GRANT USAGE ON SCHEMA public TO {role}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        "GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {role}",
        "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}",
    ]
    with owner.cursor() as cursor:
        present = set(owner.introspection.table_names(cursor))
        for statement in statements:
            cursor.execute(sql.SQL(statement).format(**names))
        for table in sorted(present.intersection(registry.fact_tables)):
            revoke = sql.SQL("REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {role}")
            cursor.execute(revoke.format(table=sql.Identifier(table), **names))


def may_rewrite_facts() -> list[str]:
    """Return the tables of facts that the application's own role could change, or whose triggers it could drop."""
    asked = """
        SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname = ANY(%s)
          AND (pg_has_role(c.relowner, 'USAGE') OR has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE'))
        ORDER BY c.relname
    """
    with connection.cursor() as cursor:
        cursor.execute(asked, [registry.fact_tables])
        return [name for (name,) in cursor.fetchall()]
