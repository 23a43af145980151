import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.folder import Folder, short_folder
from sandbox.servers import Servers
from tests.servers import SERVER_VARIABLES


@pytest.fixture(scope="module")
def bare_environment() -> Iterator[dict[str, str]]:
    """Take the test run's own servers and settings away, as on a machine where nothing is set."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in (*SERVER_VARIABLES, "EMAIL_URL", "SITE_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"):
            monkeypatch.delenv(name, raising=False)
        yield dict(os.environ)


@contextmanager
def _open_path() -> Iterator[Path]:
    base = short_folder("newsroom-test-")
    base.chmod(0o711)
    yield base / "sandbox"
    shutil.rmtree(base)


def _claimed_folder() -> Iterator[Folder]:
    with _open_path() as path:
        folder = Folder(path)
        folder.claim()
        yield folder
        folder.release()


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A new path where root's database server can get to, other than those of pytest's own folders."""
    with _open_path() as path:
        yield path


@pytest.fixture
def folder() -> Iterator[Folder]:
    yield from _claimed_folder()


@pytest.fixture(scope="module")
def shared_folder() -> Iterator[Folder]:
    yield from _claimed_folder()


@pytest.fixture(scope="module")
def servers(bare_environment: dict[str, str], shared_folder: Folder) -> Iterator[Servers]:
    """Servers for all tests of a module; each leaves them running."""
    with Servers(shared_folder, durable=False).running() as servers:
        yield servers
