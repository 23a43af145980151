"""The application's role may add facts, and neither change nor remove one, nor lift what refuses it."""

from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.checks import run_checks
from django.db import ProgrammingError, connection, transaction

from newsroom import database_roles, registry
from subscriptions import ledger
from tests.owner import become_owner
from tests.subscriptions.test_ledger import entry

pytestmark = pytest.mark.django_db


def facts() -> list[str]:
    return sorted(registry.fact_tables)


def test_tests_run_as_the_role_that_production_runs_as() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (settings.DATABASES["default"]["USER"], False, False)
    assert database_roles.may_rewrite_facts() == []


@pytest.mark.parametrize("table", facts())
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {table} SET {column} = {column}",
        "DELETE FROM {table}",
        "TRUNCATE {table}",
        "ALTER TABLE {table} DISABLE TRIGGER ALL",
        "DROP TABLE {table}",
        "CREATE RULE sly AS ON INSERT TO {table} DO INSTEAD NOTHING",
    ],
)
def test_application_may_not(table: str, statement: str) -> None:
    with (
        pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        column = next(model._meta.pk.column for model in apps.get_models() if model._meta.db_table == table)
        cursor.execute(statement.format(table=table, column=column))


def test_application_may_not_forget_a_migration() -> None:
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations")


def test_application_may_add_facts() -> None:
    ledger.append([entry(1)])
    assert not list(ledger.faults())


def test_one_role_for_both_is_named_in_production(settings: Any) -> None:
    settings.IS_PRODUCTION = True
    assert "newsroom.W019" not in {message.id for message in run_checks(databases=["default"])}
    with connection.cursor() as cursor:
        become_owner(cursor)
    warning = next(message for message in run_checks(databases=["default"]) if message.id == "newsroom.W019")
    assert "subscriptions_consent" in warning.msg
    assert "DATABASE_OWNER_URL" in str(warning.hint)
