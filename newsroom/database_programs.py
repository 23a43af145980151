"""PostgreSQL's own programs on the databases of the settings. No password stands on a command line."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from django.conf import settings
from django.db import connections
from psycopg.conninfo import make_conninfo

from newsroom.database_roles import OWNER


class ProgramMissing(Exception):
    """One of PostgreSQL's programs was not found. The message says where it was looked for."""


def path_of(program: str) -> str:
    """Return the path of pg_dump, pg_restore or psql. Raises ProgramMissing."""
    folder = settings.POSTGRES_PROGRAMS
    found = shutil.which(program, path=folder or None)
    if found is None:
        raise ProgramMissing(f"{program} was not found in {folder or 'the PATH'}; POSTGRES_PROGRAMS names its folder.")
    return found


def owner_alias() -> str:
    """Return the alias of the role that owns the tables, where the settings name one."""
    return OWNER if OWNER in settings.DATABASES else "default"


def command(program: str, *words: str, alias: str = "default") -> list[str]:
    """Return a command that speaks to a database of the settings."""
    parameters = {
        name: value
        for name, value in connections[alias].get_connection_params().items()
        if isinstance(value, str | int) and name not in {"password", "client_encoding"}
    }
    return [path_of(program), "--no-password", f"--dbname={make_conninfo('', **parameters)}", *words]


def environment(alias: str = "default") -> dict[str, str]:
    """Return this environment with the database's password, and without what would lead libpq elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    password = str(connections[alias].settings_dict.get("PASSWORD") or "")
    return kept | ({"PGPASSWORD": password} if password else {})


def last_words(errors: Path) -> str:
    """Return the end of what a program said, without the values of rows: DETAIL and CONTEXT lines quote them."""
    lines = errors.read_text(encoding="utf-8", errors="replace").splitlines()
    safe = [line for line in lines if line.strip() and not re.search(r"DETAIL:|CONTEXT:|STATEMENT:|^\s|COPY ", line)]
    return " ".join(safe[-3:])[:600] or "it said nothing"


def version_of(program: str) -> str:
    answer = subprocess.run([path_of(program), "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    return answer.stdout.strip()
