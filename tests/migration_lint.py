"""Refuse migrations that lock a large table, or that break the old code which still runs beside the new tables.

``python -m tests.migration_lint`` looks at every migration that the newest release does not have. What was made before
the first release meets empty tables everywhere, so without a tag `v…` it has nothing to look at.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import django
from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django_migration_linter import MigrationLinter
from django_migration_linter.sql_analyser import PostgresqlAnalyser
from django_migration_linter.sql_analyser.analyser import analyse_sql_statements
from django_migration_linter.sql_analyser.base import Check, CheckMode, CheckType

PROJECT = Path(__file__).resolve().parent.parent
PACKAGES = ("newsroom", "subscriptions", "donations")
# (package, migration, code) → why it does no harm all the same.
ACCEPTED: dict[tuple[str, str, str], str] = {}

Migration = tuple[str, str]


def _adds_checked_constraint(statements: list[str], **kwargs: object) -> bool:
    """Say whether a constraint is added to a table that exists, and every row read under a lock to prove it."""
    made = set(re.findall(r'^CREATE TABLE ("\w+")', "\n".join(statements), re.MULTILINE))
    added = re.findall(
        r'^ALTER TABLE ("\w+") .*ADD CONSTRAINT .*(?:CHECK|FOREIGN KEY)\b(.*)$', "\n".join(statements), re.M
    )
    return any(table not in made and "NOT VALID" not in rest for table, rest in added)


class Analyser(PostgresqlAnalyser):
    """The library's checks, all of them binding, and the one on constraints that it lacks."""

    migration_checks = [
        *PostgresqlAnalyser.migration_checks,
        Check(
            code="ADD_CONSTRAINT",
            fn=_adds_checked_constraint,
            message="A constraint reads the whole table under a lock; add it NOT VALID and validate it in the next one",
            mode=CheckMode.TRANSACTION,
            type=CheckType.ERROR,
        ),
    ]


def all_migrations() -> list[Migration]:
    loader = MigrationLoader(connection, ignore_no_migrations=True)
    return sorted(key for key in loader.disk_migrations if key[0] in PACKAGES)


def released_migrations() -> list[Migration] | None:
    """Return the migrations of the newest release by its tag; None where nothing was released."""
    tags = _git("tag", "--list", "v*", "--sort=-version:refname").split()
    if not tags:
        return None
    paths = _git("ls-tree", "-r", "--name-only", tags[0]).split()
    found = [re.fullmatch(r"(\w+)/migrations/(\d\w+)\.py", path) for path in paths]
    return [(match[1], match[2]) for match in found if match]


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", str(PROJECT), *words], capture_output=True, text=True, check=False)
    return done.stdout


def faults(migrations: Iterable[Migration]) -> Iterator[str]:
    """Yield what is wrong with each of these migrations."""
    linter = MigrationLinter(str(PROJECT), no_cache=True, no_output=True)
    for package, name in migrations:
        statements = linter.get_sql(package, name)
        errors, _ignored, warnings = analyse_sql_statements(Analyser, statements)
        for issue in (*errors, *warnings):
            if (package, name, issue.code) not in ACCEPTED:
                yield f"{package}.{name}: {issue.message} ({issue.code})"


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")
    if not apps.ready:
        django.setup()
    released = released_migrations()
    if released is None:
        sys.stdout.write("No release has a tag yet, so every table is new where these migrations run.\n")
        return 0
    new = [migration for migration in all_migrations() if migration not in released]
    found = list(faults(new))
    summary = f"{len(new)} migrations since the last release, {len(found)} faults"
    sys.stdout.write("\n".join([*found, summary, ""]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
