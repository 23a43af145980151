"""The folder in which one process at a time runs servers, and what it remembers for the day that process is killed."""

import fcntl
import json
import os
import shutil
import tempfile
from pathlib import Path

from sandbox.children import Child, birth, kill_group, stop_stranger
from sandbox.postgres_programs import can_enter, server_account

# A Unix socket's path may have 107 bytes (103 on macOS), and ours add up to 43 to the folder of temporary files.
LONGEST_BASE = 60
# The checks for production know the sandbox's servers by this name.
SOCKETS_PREFIX = "newsroom.sandbox-"


class AlreadyRunning(Exception):
    """Another process runs servers in this folder."""

    def __init__(self, pid: str) -> None:
        super().__init__(f"already running as process {pid}")
        self.pid = pid


def short_folder(prefix: str) -> Path:
    """Make a private folder whose path leaves room for a socket's name, where the database's account can get to."""
    base = Path(tempfile.gettempdir())
    if len(bytes(base)) > LONGEST_BASE or not can_enter(base, server_account()):
        base = Path("/tmp")  # noqa: S108 - the folder in it is made by mkdtemp with a random name and mode 0700.
    return Path(tempfile.mkdtemp(prefix=prefix, dir=base))


class Folder:
    """A claimed folder: nobody else runs servers in it until ``release``.

    The file ``children`` lists every process started here. When the owner was killed with SIGKILL, the next owner finds
    in it the processes that are still ours, by process id *and* time of birth, and ends them. The sockets lie in a
    short folder elsewhere.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock = -1
        self._children: dict[int, dict[str, str | int | float | None]] = {}
        self.sockets = Path()

    def claim(self) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Root's database server runs under another account, which has to pass through, though never to look around.
        self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(self._lock, 32).decode().strip()
            os.close(self._lock)
            self._lock = -1
            raise AlreadyRunning(pid) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)
        self._clear_remains()
        self.sockets = short_folder(SOCKETS_PREFIX)
        self.sockets.chmod(0o711 if os.geteuid() == 0 else 0o700)
        self._write()

    def release(self) -> None:
        """Give the folder back, with every socket removed."""
        if self._lock < 0:
            return
        shutil.rmtree(self.sockets, ignore_errors=True)
        self._record.unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = -1

    def remember(self, child: Child) -> None:
        program = child.program
        self._children[child.pid] = {
            "name": program.name,
            "pid": child.pid,
            "birth": child.birth,
            "stop_signal": int(program.stop_signal),
            "grace": program.grace,
        }
        self._write()

    def forget(self, child: Child) -> None:
        self._children.pop(child.pid, None)
        self._write()

    @property
    def _record(self) -> Path:
        return self.path / "children"

    def _write(self) -> None:
        new = self._record.with_suffix(".new")
        new.write_text(
            json.dumps({"sockets": str(self.sockets), "children": list(self._children.values())}), encoding="utf-8"
        )
        new.replace(self._record)

    def _clear_remains(self) -> None:
        """End the children of an owner that was killed, last started first, and remove its sockets."""
        try:
            record = json.loads(self._record.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return
        for row in reversed(record["children"]):
            pid = row["pid"]
            if birth(pid) == row["birth"]:
                stop_stranger(pid, stop_signal=row["stop_signal"], grace=row["grace"])
                kill_group(pid)
        sockets = Path(record["sockets"])
        if sockets.name.startswith(SOCKETS_PREFIX):
            shutil.rmtree(sockets, ignore_errors=True)
        self._record.unlink()
