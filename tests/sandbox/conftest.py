import os
import shutil
from collections.abc import Iterator

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


def _claimed_folder() -> Iterator[Folder]:
    base = short_folder("newsroom-test-")
    base.chmod(0o711)
    folder = Folder(base / "sandbox")
    folder.claim()
    yield folder
    folder.release()
    shutil.rmtree(base)


@pytest.fixture
def folder() -> Iterator[Folder]:
    """A claimed folder where root's database server can get to, other than pytest's own."""
    yield from _claimed_folder()


@pytest.fixture(scope="module")
def shared_folder() -> Iterator[Folder]:
    yield from _claimed_folder()


@pytest.fixture(scope="module")
def servers(bare_environment: dict[str, str], shared_folder: Folder) -> Iterator[Servers]:
    """Servers for all tests of a module; each leaves them running."""
    with Servers(shared_folder, durable=False).running() as servers:
        yield servers
