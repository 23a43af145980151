"""The supervisor as a process of its own, with small programs in place of the product's.

The test run's own PostgreSQL and Redis are named in the environment, so that the supervisor starts none.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from redis import Redis
from redis.exceptions import RedisError

from sandbox.children import birth
from sandbox.environment import read_values
from sandbox.programs import PROJECT
from tests.servers import SERVER_VARIABLES

SUPERVISE = """
import os, sys
from pathlib import Path
from sandbox.console import Console
from sandbox.programs import accepts, python
from sandbox.supervisor import Supervisor

SERVE = "import socket, sys, time; server = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(600)"
WORK = "import time; print('at work', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WORK

def preparation(environment):
    words = os.environ.get("PREPARE", "print('prepared')")
    return python("prepare", "-c", words, environment=environment)

def product(environment, ports, folder):
    port = ports["web"]
    work = STUBBORN if os.environ.get("STUBBORN") else WORK
    return [
        python("web", "-c", SERVE, str(port), environment=environment, is_ready=accepts(port)),
        python("worker", "-c", work, environment=environment),
    ]

sys.exit(Supervisor(Path(sys.argv[1]), Console(), preparation=preparation, product=product).run())
"""


class Running:
    """A supervisor, what it writes, and the programs it remembers."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path, output: Path) -> None:
        self.process = process
        self.folder = folder
        self.output = output

    def words(self) -> str:
        return self.output.read_text()

    def pids(self) -> dict[str, int]:
        children = json.loads((self.folder / "children").read_text())["children"]
        return {child["name"]: child["pid"] for child in children}

    def wait_for(self, words: str) -> None:
        assert eventually(lambda: words in self.words() or self.process.poll() is not None), self.words()
        assert words in self.words(), self.words()


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def gone(*pids: int) -> bool:
    return all(birth(pid) is None for pid in pids)


@contextmanager
def supervising(folder: Path, *, without: tuple[str, ...] = (), **more: str) -> Iterator[Running]:
    output = folder.with_name(f"{folder.name}.{time.monotonic_ns()}.log")
    command = [sys.executable, "-c", SUPERVISE, str(folder)]
    environment = {name: value for name, value in os.environ.items() if name not in without} | more
    with (
        output.open("w") as written,
        subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=written, stderr=written, text=True) as process,
    ):
        try:
            yield Running(process, folder, output)
        finally:
            # In order, so that its folder of sockets goes as well; by force only when it does not listen.
            process.terminate()
            if not eventually(lambda: process.poll() is not None):
                process.kill()


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Running]:
    with supervising(tmp_path / "sandbox") as running:
        running.wait_for("Newsroom is running")
        yield running


def test_addresses_and_login_are_shown(supervisor: Running) -> None:
    values = read_values(supervisor.folder / "environment")
    for shown in (values["SITE_URL"], values["STAFF_LOGIN"], values["STAFF_PASSWORD"]):
        assert shown in supervisor.words()
    assert "prepare  | prepared" in supervisor.words()
    supervisor.wait_for("worker   | at work")
    assert "\033" not in supervisor.words()


def test_servers_of_the_environment_are_used(supervisor: Running) -> None:
    values = read_values(supervisor.folder / "environment")
    assert {name: values[name] for name in SERVER_VARIABLES} == {name: os.environ[name] for name in SERVER_VARIABLES}
    assert set(supervisor.pids()) == {"web", "worker"}


def test_environment_and_secrets_are_private(supervisor: Running) -> None:
    for name in ("environment", "secrets"):
        assert (supervisor.folder / name).stat().st_mode & 0o077 == 0
    assert supervisor.folder.stat().st_mode & 0o066 == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_everything(supervisor: Running, number: signal.Signals) -> None:
    pids = supervisor.pids().values()
    sockets = Path(json.loads((supervisor.folder / "children").read_text())["sockets"])
    supervisor.process.send_signal(number)
    assert supervisor.process.wait(30) == 0
    assert gone(*pids)
    assert not sockets.exists()
    assert f"Stopping, as {number.name} asks" in supervisor.words()
    assert "Stopped in" in supervisor.words()


def test_second_signal_hurries(tmp_path: Path) -> None:
    with supervising(tmp_path / "sandbox", STUBBORN="1") as running:
        running.wait_for("at work")
        running.wait_for("Newsroom is running")
        worker = running.pids()["worker"]
        running.process.send_signal(signal.SIGINT)
        running.wait_for("Stopping")
        running.process.send_signal(signal.SIGINT)
        started = time.monotonic()
        assert running.process.wait(30) == 0
        assert time.monotonic() - started < 15, "the worker's own grace is 30 seconds"
        assert gone(worker)


def test_crashed_program_is_started_again(supervisor: Running) -> None:
    supervisor.wait_for("worker   | at work")
    first = supervisor.pids()["worker"]
    os.kill(first, signal.SIGKILL)
    supervisor.wait_for("worker was ended by SIGKILL; starting it again in 1 s")
    assert eventually(lambda: supervisor.pids().get("worker", first) != first)
    assert eventually(lambda: supervisor.words().count("worker   | at work") == 2)


def test_second_supervisor_names_the_first(supervisor: Running) -> None:
    with supervising(supervisor.folder) as second:
        assert second.process.wait(30) == 1
        assert f"runs already as process {supervisor.process.pid}" in second.words()
        assert read_values(supervisor.folder / "environment")["SITE_URL"] in second.words()
    assert supervisor.process.poll() is None


def test_killed_supervisor_does_not_block_the_next_start(supervisor: Running) -> None:
    before = supervisor.pids()
    secrets = read_values(supervisor.folder / "secrets")
    supervisor.process.kill()
    supervisor.process.wait()
    with supervising(supervisor.folder) as again:
        again.wait_for("Newsroom is running")
        assert gone(*before.values())
        assert read_values(again.folder / "secrets") == secrets
        again.process.terminate()
        assert again.process.wait(30) == 0


def test_failed_preparation_ends_the_start_with_its_words(tmp_path: Path) -> None:
    with supervising(tmp_path / "sandbox", PREPARE="import sys; sys.exit('no such table')") as running:
        assert running.process.wait(30) == 1
        assert "prepare  | no such table" in running.words()
        assert "prepare ended with status 1" in running.words()
        assert "Newsroom is running" not in running.words()


def test_interrupted_preparation_is_stopped(tmp_path: Path) -> None:
    with supervising(
        tmp_path / "sandbox", PREPARE="import time; print('long', flush=True); time.sleep(600)"
    ) as running:
        running.wait_for("long")
        pid = running.pids()["prepare"]
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(30) == 0
        assert gone(pid)


def test_killed_embedded_servers_come_back_with_their_data(open_path: Path) -> None:
    with supervising(open_path, without=SERVER_VARIABLES) as running:
        running.wait_for("Newsroom is running")
        before = running.pids()
        values = read_values(running.folder / "environment")
        with psycopg.connect(values["DATABASE_OWNER_URL"]) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
        broker = Redis.from_url(values["REDIS_URL"])
        broker.set("task", "kept")
        broker.close()
        # Redis writes its file once a second, and a crash of the process alone loses nothing that it has written.
        for name in ("postgres", "broker"):
            os.kill(before[name], signal.SIGKILL)
        changed = {"postgres", "broker"}
        assert eventually(lambda: {name for name, pid in running.pids().items() if before[name] != pid} == changed)
        assert eventually(lambda: _answers(values))
        with psycopg.connect(values["DATABASE_OWNER_URL"]) as connection:
            assert connection.execute("SELECT number FROM kept").fetchone() == (1,)
        assert Redis.from_url(values["REDIS_URL"]).get("task") == b"kept"
        pids = running.pids().values()
        running.process.terminate()
        assert running.process.wait(30) == 0
        assert gone(*pids)


def _answers(values: dict[str, str]) -> bool:
    try:
        psycopg.connect(values["DATABASE_URL"]).close()
        return bool(Redis.from_url(values["REDIS_URL"]).ping())
    except (psycopg.OperationalError, RedisError):
        return False
