"""PostgreSQL and Redis for one folder: started, waited for, restarted and stopped together.

The supervisor keeps its servers in ``.sandbox``; tests and single commands use ``throwaway()``. Servers named in the
environment (DATABASE_URL, REDIS_URL) take the place of the embedded ones.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.children import Child, Program, ProgramFailed, never
from sandbox.folder import AlreadyRunning, Folder, short_folder
from sandbox.postgres import OWNER, Postgres
from sandbox.redis_server import Redis

LOG_TAIL_LINES = 15
THROWAWAY_PREFIX = "newsroom-throwaway-"


class Servers:
    """The servers of one claimed folder. ``children`` are in the order of their start."""

    def __init__(self, folder: Folder, *, durable: bool, is_interrupted: Callable[[], bool] = never) -> None:
        self.folder = folder
        self.durable = durable
        self.is_interrupted = is_interrupted
        self.children: list[Child] = []
        self.postgres: Postgres | None = None
        self.environment: dict[str, str] = {}

    def start(self, *, say: Callable[[str], None] = lambda words: None) -> None:
        """Start what the environment does not name, and return when all of it answers."""
        if "DATABASE_URL" not in os.environ:
            self._start_postgres(say)
        if "REDIS_URL" not in os.environ:
            self._start_redis(say)

    def _start_postgres(self, say: Callable[[str], None]) -> None:
        postgres = Postgres.in_folder(self.folder, durable=self.durable)
        is_new = not postgres.data.exists()
        say(f"Starting PostgreSQL {postgres.version}" + (" with a new database" if is_new else ""))
        if postgres.is_elsewhere:
            say(f"Its account may not enter this folder, so its files are in {postgres.data}")
        postgres.prepare()
        self._start(postgres.program())
        postgres.create_database()
        self.postgres = postgres
        self.environment["DATABASE_URL"] = postgres.url()
        self.environment["DATABASE_OWNER_URL"] = postgres.url(OWNER)
        self.environment["POSTGRES_PROGRAMS"] = str(postgres.programs)

    def _start_redis(self, say: Callable[[str], None]) -> None:
        say("Starting Redis, one for tasks and one for the cache")
        for name, variable in (("broker", "REDIS_URL"), ("cache", "CACHE_URL")):
            redis = Redis.in_folder(self.folder, name, durable=self.durable)
            redis.prepare()
            self._start(redis.program())
            self.environment[variable] = redis.url

    def _start(self, program: Program) -> None:
        child = self._launch(program)
        self.children.append(child)
        self._wait(child)

    def _launch(self, program: Program) -> Child:
        log = self.log(program.name)
        log.parent.mkdir(mode=0o700, exist_ok=True)
        with log.open("wb") as output:
            child = Child(program, output)
        self.folder.remember(child)
        return child

    def _wait(self, child: Child) -> None:
        try:
            child.wait_until_ready(is_interrupted=self.is_interrupted)
        except ProgramFailed as failure:
            words = self.log(child.program.name).read_text(encoding="utf-8", errors="replace").splitlines()
            raise ProgramFailed("\n".join([str(failure), *words[-LOG_TAIL_LINES:]])) from None

    def restart(self, name: str) -> None:
        """Start a server again that ended or is to be ended now; its data and its socket's path stay."""
        place, child = next((place, child) for place, child in enumerate(self.children) if child.program.name == name)
        self._stop(child)
        if self.postgres is not None and name == "postgres":
            self.postgres.prepare()
        self.children[place] = self._launch(child.program)
        self._wait(self.children[place])

    def stop(self, *, is_hurried: Callable[[], bool] = never) -> None:
        """Stop all, last started first."""
        while self.children:
            self._stop(self.children.pop(), is_hurried=is_hurried)

    def _stop(self, child: Child, *, is_hurried: Callable[[], bool] = never) -> None:
        child.stop(is_hurried=is_hurried)
        self.folder.forget(child)

    @contextmanager
    def running(self) -> Iterator["Servers"]:
        try:
            self.start()
            yield self
        finally:
            self.stop()

    def log(self, name: str) -> Path:
        return self.folder.path / "logs" / f"{name}.log"


@contextmanager
def throwaway() -> Iterator[Servers]:
    """Run servers on a new folder that is removed afterwards."""
    remove_abandoned()
    folder = _claimed_folder()
    try:
        with Servers(folder, durable=False).running() as servers:
            yield servers
    finally:
        folder.release()
        shutil.rmtree(folder.path, ignore_errors=True)


def _claimed_folder() -> Folder:
    while True:
        folder = Folder(short_folder(THROWAWAY_PREFIX))
        try:
            folder.claim()
        except AlreadyRunning:
            # Another process, which looks for abandoned folders at this moment, took the new one for such.
            continue
        return folder


def remove_abandoned() -> None:
    """Remove throw-away folders whose owner was killed, and end what still runs in them."""
    for base in {tempfile.gettempdir(), "/tmp"}:  # noqa: S108 - both are where short_folder makes them.
        for path in Path(base).glob(f"{THROWAWAY_PREFIX}*"):
            folder = Folder(path)
            try:
                if path.stat().st_uid != os.geteuid() or not (path / "lock").exists():
                    continue
                folder.claim()
            except (AlreadyRunning, FileNotFoundError):
                # Its owner runs, or has removed it between the look and the claim.
                continue
            folder.release()
            shutil.rmtree(path, ignore_errors=True)
