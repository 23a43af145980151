"""Pytest plugin: private PostgreSQL and Redis for one run, and every variable the settings read.

Loaded with ``-p tests.servers``, so that the environment is complete before pytest-django reads the settings. The
run's first process starts the servers; xdist's workers inherit their addresses, and each has Redis databases, a queue,
an SMTP port and folders of its own. DATABASE_URL and REDIS_URL, where set, take the place of the servers.

With CI=1 a skipped test is a failure: what CI does not run, nobody has tested.
"""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from sandbox.environment import throwaway_values, with_database_number
from sandbox.ports import free_port
from sandbox.servers import throwaway
from tests import template

IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
FOLDER_VARIABLE = "TEST_RUN_FOLDER"
SERVER_VARIABLES = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "CACHE_URL", "POSTGRES_PROGRAMS")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    if not IS_WORKER:
        running = ExitStack()
        early_config.add_cleanup(running.close)
        servers = running.enter_context(throwaway())
        os.environ.update(servers.environment)
        os.environ[FOLDER_VARIABLE] = str(servers.folder.path)
    os.environ.update(_own_values())
    if not IS_WORKER:
        running.enter_context(template.begin(servers.folder.path))


def _own_values() -> dict[str, str]:
    """Return the variables of this process, whose share of the servers nobody else touches."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    number = int(worker.removeprefix("gw") or -1) + 1
    folder = Path(os.environ[FOLDER_VARIABLE]) / (worker or "main")
    folder.mkdir(exist_ok=True)
    servers = {name: os.environ[name] for name in SERVER_VARIABLES if name in os.environ}
    for name in ("REDIS_URL", "CACHE_URL"):
        if name in servers:
            servers[name] = with_database_number(servers[name], number)
    own = {
        "CELERY_QUEUE": f"tests-{worker or 'main'}",
        # Inside a test's own transaction nothing commits, so no kept page would learn that it is stale.
        "PAGE_CACHE": "0",
    }
    return throwaway_values(folder, servers, smtp_port=free_port()) | own


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash.get(_SKIPPED_IN_CI, False):
        terminalreporter.write_line("A skipped test is a failure here, because CI is set.", red=True)


_SKIPPED_IN_CI = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> object:
    result = yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and not IS_WORKER and reporter is not None and reporter.stats.get("skipped"):
        session.config.stash[_SKIPPED_IN_CI] = True
        if session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    return result
