"""Keep the sandbox's objects in one SQLite file, so that they survive a restart."""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from sandbox.stripe.shapes import Thing

# Fields that objects are looked up by, each with its column.
COLUMNS = {
    "customer": "customer",
    "payment_intent": "payment_intent",
    "charge": "charge",
    "subscription": "subscription",
    "invoice": "invoice",
    "source": "source",
    "_subscription": "billed_subscription",
}
SCHEMA_VERSION = 2
SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    created INTEGER NOT NULL,
    customer TEXT,
    payment_intent TEXT,
    charge TEXT,
    subscription TEXT,
    invoice TEXT,
    source TEXT,
    billed_subscription TEXT,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, sequence);
CREATE INDEX IF NOT EXISTS objects_by_customer ON objects (customer, kind) WHERE customer IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_payment_intent ON objects (payment_intent, kind)
    WHERE payment_intent IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_charge ON objects (charge, kind) WHERE charge IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_subscription ON objects (subscription, kind) WHERE subscription IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_invoice ON objects (invoice, kind) WHERE invoice IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_source ON objects (source, kind) WHERE source IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_billed_subscription ON objects (billed_subscription, kind)
    WHERE billed_subscription IS NOT NULL;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS schedule (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    action TEXT NOT NULL,
    object_id TEXT NOT NULL,
    clock TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS schedule_by_time ON schedule (clock, at, sequence);
CREATE TABLE IF NOT EXISTS deliveries (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL,
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at REAL NOT NULL,
    last_answer TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS deliveries_by_state ON deliveries (state, next_at);
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS idempotency_keys (
    key TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    request TEXT NOT NULL,
    status INTEGER,
    body TEXT,
    created REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS idempotency_keys_by_age ON idempotency_keys (created);
"""
TABLES = ("objects", "settings", "schedule", "deliveries", "idempotency_keys")


class Store:
    """The objects, the settings and the timetable. Its caller holds the world's lock."""

    def __init__(self, path: str) -> None:
        self.connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=NORMAL")
        self._begin_anew_if_older()
        self.connection.executescript(SCHEMA)
        self.connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        # A request that a crash interrupted did not finish, so its key may be used again.
        self.connection.execute("DELETE FROM idempotency_keys WHERE status IS NULL")

    def _begin_anew_if_older(self) -> None:
        """Drop what an older sandbox wrote in another layout; it was only play."""
        (version,) = self.connection.execute("PRAGMA user_version").fetchone()
        if version != SCHEMA_VERSION:
            for table in TABLES:
                self.connection.execute(f"DROP TABLE IF EXISTS {table}")

    def execute(self, statement: str, values: Iterable[Any] = ()) -> sqlite3.Cursor:
        """Run one statement of a module that keeps its own table here."""
        return self.connection.execute(statement, tuple(values))

    def get(self, object_id: str) -> Thing | None:
        """Return the object with this id."""
        row = self.execute("SELECT body FROM objects WHERE id = ?", [object_id]).fetchone()
        return json.loads(row["body"]) if row else None

    def put(self, thing: Thing) -> Thing:
        """Write an object, new or changed."""
        found = [thing.get(name) for name in COLUMNS]
        columns = [value if isinstance(value, str) else None for value in found]
        self.execute(PUT, [thing["id"], thing["object"], thing.get("created", 0), json.dumps(thing), *columns])
        return thing

    def remove(self, object_id: str) -> None:
        """Forget an object."""
        self.execute("DELETE FROM objects WHERE id = ?", [object_id])

    def select(
        self,
        kind: str,
        *,
        created: dict[str, int] | None = None,
        types: list[str] | None = None,
        where_sql: str = "",
        after: str | None = None,
        before: str | None = None,
        limit: int | None = None,
        **equal: Any,
    ) -> list[Thing]:
        """Return the objects of a kind whose fields equal the given values, newest first.

        With `before` they are the ones nearest above that id, still newest first, as Stripe's `ending_before` answers.
        """
        conditions = ["kind = ?", "json_extract(body, '$.deleted') IS NULL"]
        values: list[Any] = [kind]
        for name, value in equal.items():
            path = "$." + name.replace("__", ".")
            conditions.append(f"{COLUMNS[name]} = ?" if name in COLUMNS else f"json_extract(body, '{path}') IS ?")
            values.append(value)
        for operator, moment in (created or {}).items():
            conditions.append(f"created {OPERATORS[operator]} ?")
            values.append(moment)
        if types:
            clauses = []
            for pattern in types:
                clauses.append("json_extract(body, '$.type') GLOB ?")
                values.append(pattern)
            conditions.append(f"({' OR '.join(clauses)})")
        if where_sql:
            conditions.append(where_sql)
        for cursor, operator in ((after, "<"), (before, ">")):
            if cursor:
                conditions.append(f"sequence {operator} (SELECT sequence FROM objects WHERE id = ?)")  # noqa: S608
                values.append(cursor)
        order = "ASC" if before else "DESC"
        statement = f"SELECT body FROM objects WHERE {' AND '.join(conditions)} ORDER BY sequence {order}"  # noqa: S608
        if limit is not None:
            statement += f" LIMIT {int(limit)}"
        rows = [json.loads(row["body"]) for row in self.execute(statement, values)]
        return rows[::-1] if before else rows

    def setting(self, name: str, default: Any = None) -> Any:
        """Return a setting of the sandbox, such as the clock's offset."""
        row = self.execute("SELECT value FROM settings WHERE name = ?", [name]).fetchone()
        return json.loads(row["value"]) if row else default

    def set_setting(self, name: str, value: Any) -> None:
        """Write a setting."""
        self.execute(
            "INSERT INTO settings VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [name, json.dumps(value)],
        )

    def clear(self) -> None:
        """Forget everything."""
        for table in TABLES:
            self.execute(f"DELETE FROM {table}")  # noqa: S608


OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "="}
PUT = (
    f"INSERT INTO objects (id, kind, created, body, {', '.join(COLUMNS.values())})"  # noqa: S608
    f" VALUES (?, ?, ?, ?{', ?' * len(COLUMNS)}) ON CONFLICT (id) DO UPDATE SET body = excluded.body, "
    + ", ".join(f"{column} = excluded.{column}" for column in COLUMNS.values())
)
