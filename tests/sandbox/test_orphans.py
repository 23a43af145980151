"""What a killed owner leaves behind: nothing on Linux, and elsewhere nothing that the next start does not end."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from sandbox.children import birth
from sandbox.folder import Folder, short_folder
from sandbox.servers import THROWAWAY_PREFIX, Servers, remove_abandoned, throwaway

OWNER = """
import sys, time
from pathlib import Path
from sandbox.folder import Folder
from sandbox.servers import Servers
folder = Folder(Path(sys.argv[1]))
folder.claim()
servers = Servers(folder, durable=False)
servers.start()
print("ready", flush=True)
time.sleep(60)
"""


def _eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 15
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def _kill_owner_of(path: Path, environment: dict[str, str]) -> list[int]:
    """Run servers in a folder, kill their owner with SIGKILL, and return the ids of the servers."""
    command = [sys.executable, "-c", OWNER, str(path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == b"ready\n"
        pids = [row["pid"] for row in json.loads((path / "children").read_text())["children"]]
        owner.kill()
    return pids


# Only Linux tells children of their parent's end.
@pytest.mark.where(sys.platform == "linux")
def test_servers_end_with_their_killed_owner(bare_environment: dict[str, str], folder: Folder) -> None:
    folder.release()
    pids = _kill_owner_of(folder.path, bare_environment)
    assert len(pids) == 3
    assert _eventually(lambda: all(birth(pid) is None for pid in pids))
    folder.claim()


def test_start_after_a_killed_owner_succeeds_and_clears_its_sockets(
    bare_environment: dict[str, str], folder: Folder
) -> None:
    folder.release()
    _kill_owner_of(folder.path, bare_environment)
    sockets = Path(json.loads((folder.path / "children").read_text())["sockets"])
    assert sockets.exists()
    folder.claim()
    assert not sockets.exists()
    with Servers(folder, durable=False).running() as servers:
        assert all(child.is_running for child in servers.children)


def _record(folder: Folder, process: "subprocess.Popen[bytes]", born: str | None) -> None:
    row = {"name": "web", "pid": process.pid, "birth": born, "stop_signal": int(signal.SIGTERM), "grace": 5}
    (folder.path / "children").write_text(json.dumps({"sockets": "/nowhere", "children": [row]}))


def test_process_that_outlived_its_owner_is_ended_at_the_next_start(folder: Folder) -> None:
    folder.release()
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as orphan:
        _record(folder, orphan, birth(orphan.pid))
        folder.claim()
        assert orphan.wait(5) == -signal.SIGTERM


def test_stranger_with_the_same_process_id_is_left_alone(folder: Folder) -> None:
    folder.release()
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        _record(folder, stranger, "another birth")
        folder.claim()
        assert stranger.poll() is None
        stranger.kill()


def test_lock_that_names_a_living_stranger_does_not_block_the_database(servers: Servers) -> None:
    assert servers.postgres
    servers.children[0].kill()
    account = servers.postgres.account
    stranger = subprocess.Popen(
        ["sleep", "60"],
        user=account.uid if account else None,
        start_new_session=True,
        cwd="/",
        stdout=subprocess.DEVNULL,
    )
    lock = servers.postgres.data / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
    servers.restart("postgres")
    with psycopg.connect(servers.environment["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_abandoned_throwaway_folder_is_removed(bare_environment: dict[str, str]) -> None:
    path = short_folder(THROWAWAY_PREFIX)
    _kill_owner_of(path, bare_environment)
    remove_abandoned()
    assert not path.exists()


def test_throwaway_folder_in_use_is_left_alone(bare_environment: dict[str, str]) -> None:
    with throwaway() as servers:
        remove_abandoned()
        assert servers.folder.path.exists()
        assert all(child.is_running for child in servers.children)
