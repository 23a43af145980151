"""Child processes that can be started, waited for, stopped, and recognised again after their parent was killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

LAUNCHER = Path(__file__).with_name("launch.py")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
POLL_SECONDS = 0.02
HURRIED_SECONDS = 1


class ProgramFailed(Exception):
    """A program ended before it was ready, or did its work badly."""


class Interrupted(Exception):
    """The person who started all this wants it to stop."""


def never() -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Account:
    uid: int
    gid: int


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run, and how to end it: ``stop_signal``, then SIGKILL after ``grace`` seconds."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 10
    is_ready: Callable[[], bool] | None = None
    ready_within: float = 30

    def launch_command(self) -> list[str]:
        account = f"{self.account.uid}:{self.account.gid}" if self.account else "-"
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER)]
        return [*launcher, str(os.getpid()), str(int(self.stop_signal)), account, *self.command]


class Child:
    """One running program.

    Start it from the main thread: Linux takes the end of the thread that started it for the end of the parent.
    """

    def __init__(self, program: Program, output: int | IO[bytes]) -> None:
        self.program = program
        # A session of its own keeps the terminal's Ctrl-C away, so that children end in the order their parent chooses.
        self.process = subprocess.Popen(
            program.launch_command(),
            env=dict(program.environment),
            cwd=program.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.started_at = time.monotonic()
        self.birth = birth(self.process.pid)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    @property
    def outcome(self) -> str:
        """Says in words how the process ended."""
        code = self.process.returncode
        if code is None:
            return "is running"
        if code >= 0:
            return f"ended with status {code}"
        return f"was ended by {signal.Signals(-code).name}"

    def wait_until_ready(self, *, is_interrupted: Callable[[], bool] = never) -> None:
        """Return when the program answers; raise ``ProgramFailed`` when it ends or stays silent, or ``Interrupted``."""
        if self.program.is_ready is None:
            return
        deadline = time.monotonic() + self.program.ready_within
        while not self.program.is_ready():
            if is_interrupted():
                raise Interrupted
            if not self.is_running:
                raise ProgramFailed(f"{self.program.name} {self.outcome}")
            if time.monotonic() > deadline:
                raise ProgramFailed(f"{self.program.name} gave no answer in {self.program.ready_within:.0f} seconds")
            time.sleep(POLL_SECONDS)

    def ask_to_stop(self) -> None:
        if self.is_running:
            self.process.send_signal(self.program.stop_signal)

    def wait(self, seconds: float) -> bool:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End what is left of the process and its group."""
        kill_group(self.pid)
        self.process.wait()

    def stop(self, *, is_hurried: Callable[[], bool] = never) -> None:
        """Ask, wait, and force in the end, or soon when ``is_hurried`` becomes true."""
        self.ask_to_stop()
        deadline = time.monotonic() + self.program.grace
        while time.monotonic() < deadline and not self.wait(POLL_SECONDS):
            if is_hurried():
                deadline = min(deadline, time.monotonic() + HURRIED_SECONDS)
                is_hurried = never
        self.kill()


def run_to_end(program: Program) -> None:
    """Run a short program, and raise ``ProgramFailed`` with its words when it fails."""
    child = subprocess.run(
        program.launch_command(),
        env=dict(program.environment),
        cwd=program.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        start_new_session=True,
    )
    if child.returncode != 0:
        raise ProgramFailed(f"{program.name} failed:\n{child.stdout.strip()}")


def kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # Nobody is left; macOS answers with the second error when only a zombie is.
        return


def birth(pid: int) -> str | None:
    """Return what tells this process from a later one with the same id, or None when it has ended."""
    if not BOOT_ID.exists():
        return _ask_ps(pid, "lstart")
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in brackets, and may itself hold spaces and brackets (proc(5)).
    fields = stat.rpartition(")")[2].split()
    state, start_time = fields[0], fields[19]
    return None if state in "ZX" else f"{BOOT_ID.read_text(encoding='ascii').strip()}:{start_time}"


def command_line(pid: int) -> str:
    """Return the words a process was started with, or nothing when it has ended."""
    if not BOOT_ID.exists():
        return _ask_ps(pid, "command") or ""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _ask_ps(pid: int, column: str) -> str | None:
    answer = subprocess.run(["ps", "-o", f"{column}=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def stop_stranger(pid: int, *, stop_signal: int, grace: float) -> None:
    """End a process that is not a child of this one, such as one that outlived its killed parent."""
    born = birth(pid)
    if born is None:
        return
    try:
        os.kill(pid, stop_signal)
    except ProcessLookupError:
        return
    deadline = time.monotonic() + grace
    while birth(pid) == born and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    if birth(pid) == born:
        os.kill(pid, signal.SIGKILL)
        while birth(pid) == born:
            time.sleep(POLL_SECONDS)
