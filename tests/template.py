"""One migrated database for a whole run: each test process and each house copies it, which is quicker than migrating.

The run's first process begins it while the others still collect their tests. The lock is the migrating program's own:
whoever can share it knows that the program has ended, however it ended.
"""

import fcntl
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from sandbox.programs import PROJECT, python

TEMPLATE = "newsroom_template"
VARIABLES = ("DATABASE_URL", "DATABASE_OWNER_URL")


def begin(folder: Path) -> ExitStack:
    """Begin to migrate the template. The stack that is returned stops what of it still runs."""
    server = os.environ.get("DATABASE_OWNER_URL", os.environ["DATABASE_URL"])
    with psycopg.connect(make_conninfo(server, dbname="postgres"), autocommit=True) as database:
        database.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(TEMPLATE)))
        database.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    own = {name: make_conninfo(os.environ[name], dbname=TEMPLATE) for name in VARIABLES if name in os.environ}
    migrate = python("template", "manage.py", "migrate", "--verbosity", "0", environment=os.environ | own)
    running = ExitStack()
    with _lock(folder).open("wb") as lock, _log(folder).open("wb") as log:
        fcntl.flock(lock, fcntl.LOCK_EX)
        child = subprocess.Popen(
            migrate.command, env=migrate.environment, cwd=PROJECT, stdout=log, stderr=log, pass_fds=[lock.fileno()]
        )
    running.callback(child.wait)
    running.callback(child.terminate)
    return running


def wait(folder: Path) -> str:
    """Wait until the template can be copied, and return its name."""
    with _lock(folder).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
    words = _log(folder).read_text(errors="replace")
    assert not words, f"The template could not be migrated:\n{words}"
    return TEMPLATE


def _lock(folder: Path) -> Path:
    return folder / "template.lock"


def _log(folder: Path) -> Path:
    return folder / "template.log"
