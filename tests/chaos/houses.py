"""Databases of a test alone, in the run's own server: one that is made as the tests' is, and one that is empty."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import psycopg
from django.conf import settings
from django.db import connections
from psycopg import sql

from newsroom.database_roles import OWNER

_number = count(1)


@contextmanager
def new_house(*, is_empty: bool = False) -> Iterator[None]:
    """Point this process's models at a new database, and remove that at the end."""
    template = str(connections["default"].settings_dict["NAME"])
    name = f"{template}_house_{next(_number)}"
    original = {alias: connections[alias].settings_dict["NAME"] for alias in connections}
    connections.close_all()
    _administer("CREATE DATABASE {name}" + ("" if is_empty else " TEMPLATE {template}"), name=name, template=template)
    for alias in original:
        connections[alias].settings_dict["NAME"] = name
    try:
        yield
    finally:
        connections.close_all()
        for alias, before in original.items():
            connections[alias].settings_dict["NAME"] = before
        _administer("DROP DATABASE {name} WITH (FORCE)", name=name)


def _administer(statement: str, **names: str) -> None:
    owner = OWNER if OWNER in settings.DATABASES else "default"
    values = connections[owner].settings_dict
    with psycopg.connect(
        host=values["HOST"],
        port=values["PORT"] or None,
        user=values["USER"],
        password=values["PASSWORD"] or None,
        dbname="postgres",
        autocommit=True,
    ) as connection:
        identifiers = {name: sql.Identifier(text) for name, text in names.items()}
        connection.execute(sql.SQL(statement).format(**identifiers))
