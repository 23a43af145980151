"""The lint of migrations finds what locks a table, shown on migrations that did so before the first release."""

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations import AddField, CreateModel
from django.db.migrations.loader import MigrationLoader

from tests import migration_lint

pytestmark = pytest.mark.django_db


def test_an_index_on_a_table_that_exists_is_refused_and_one_on_a_new_table_is_not() -> None:
    every = migration_lint.all_migrations()
    assert len(every) >= 50
    ours = [("donations", "0013_quick_lists"), ("newsroom", "0008_alarms_and_heartbeats")]
    found = list(migration_lint.faults(ours))
    assert found
    assert {line.partition(":")[0] for line in found} == {"donations.0013_quick_lists"}
    assert any("CREATE_INDEX" in line for line in found)


@pytest.mark.parametrize(
    ("statements", "is_refused"),
    [
        (['ALTER TABLE "a" ADD CONSTRAINT "c" CHECK ("x" > 0);'], True),
        (['ALTER TABLE "a" ADD CONSTRAINT "c" CHECK ("x" > 0) NOT VALID;'], False),
        (['CREATE TABLE "a" ("x" int);', 'ALTER TABLE "a" ADD CONSTRAINT "c" CHECK ("x" > 0);'], False),
        (['ALTER TABLE "a" ADD COLUMN "x" int NOT NULL;'], True),
        (['ALTER TABLE "a" ADD COLUMN "x" int DEFAULT 1 NOT NULL;'], False),
        (['ALTER TABLE "a" DROP COLUMN "x";'], True),
        (['ALTER TABLE "a" RENAME COLUMN "x" TO "y";'], True),
        (['CREATE INDEX CONCURRENTLY "i" ON "a" ("x");'], False),
        (['CREATE INDEX "i" ON "a" ("x");'], True),
    ],
)
def test_what_locks_or_breaks_running_code_is_refused(statements: list[str], is_refused: bool) -> None:
    errors, _ignored, warnings = migration_lint.analyse_sql_statements(migration_lint.Analyser, statements)
    assert bool(errors or warnings) is is_refused


def test_the_newest_release_is_found_by_its_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"tag": "v0.2.0\nv0.1.0\n", "ls-tree": "donations/migrations/0001_giving.py\nREADME.md\n"}
    monkeypatch.setattr(migration_lint, "_git", lambda *words: answers[words[0]])
    assert migration_lint.released_migrations() == [("donations", "0001_giving")]
    answers["tag"] = ""
    assert migration_lint.released_migrations() is None


def test_a_column_that_a_table_grew_is_filled_by_the_database_for_code_that_does_not_name_it() -> None:
    left_empty = []
    for (package, name), migration in MigrationLoader(connection).disk_migrations.items():
        made_here = {one.name.lower() for one in migration.operations if isinstance(one, CreateModel)}
        for added in migration.operations:
            if package not in migration_lint.PACKAGES or not isinstance(added, AddField):
                continue
            if added.model_name.lower() in made_here:
                continue
            field = apps.get_model(package, added.model_name)._meta.get_field(added.name)
            is_filled = field.null or field.many_to_many or field.generated or field.has_db_default()
            if not is_filled:
                left_empty.append(f"{package}.{name}: {added.model_name}.{added.name}")
    assert left_empty == []
