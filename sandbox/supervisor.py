"""One command that runs the whole product: servers, preparations, programs; and one Ctrl-C that ends it all."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

from sandbox.children import Child, Interrupted, Program, ProgramFailed
from sandbox.console import Console
from sandbox.environment import read_values, sandbox_values, uses_own_mail, uses_own_stripe, write_values
from sandbox.folder import AlreadyRunning, Folder
from sandbox.ports import HOST, choose_ports
from sandbox.programs import STOP_ORDER, preparation, product
from sandbox.servers import Servers

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WATCH_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30.0
# A program that ran this long had a good start, and its next pause is short again.
STEADY_SECONDS = 60.0


Preparation = Callable[[Mapping[str, str]], Program]
Product = Callable[[Mapping[str, str], Mapping[str, int], Path], list[Program]]


class Supervisor:
    """Runs in ``path``, a folder of its own.

    The steps of ``run``: claim the folder, choose ports, start servers, prepare, start programs, wait until the site
    answers, watch, and in the end stop everything in order. A program that ends is started again after a pause, which
    doubles with each failure.
    """

    def __init__(
        self, path: Path, console: Console, *, preparation: Preparation = preparation, product: Product = product
    ) -> None:
        self.console = console
        self._preparation = preparation
        self._product = product
        self.say = console.say
        self.folder = Folder(path)
        self.servers = Servers(self.folder, durable=True, is_interrupted=self._is_interrupted)
        self.children: dict[str, Child] = {}
        self.ports: dict[str, int] = {}
        self.environment: dict[str, str] = {}
        self._relays: list[threading.Thread] = []
        self._signals = 0
        self._reason = ""
        self._woken = threading.Event()
        self._pauses: dict[str, float] = {}
        self._due: dict[str, float] = {}

    def run(self) -> int:
        """Return the exit status when all is stopped again."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._note_signal)
        try:
            self.folder.claim()
        except AlreadyRunning as other:
            address = read_values(self.folder.path / "environment").get("SITE_URL", "an unknown address")
            self.say(f"The sandbox runs already as process {other.pid}, at {address}")
            return 1
        status = 0
        try:
            self._start()
            self._watch()
        except ProgramFailed as failure:
            self.say(str(failure))
            status = 1
        except Interrupted:
            pass
        finally:
            self._stop()
        return status

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
        self._reason = f", as {signal.Signals(number).name} asks"
        self._woken.set()

    def _is_interrupted(self) -> bool:
        return self._signals > 0

    def _is_hurried(self) -> bool:
        return self._signals > 1

    def _start(self) -> None:
        path = self.folder.path
        for name in ("mail", "media", "redis", "static", "stripe"):
            (path / name).mkdir(mode=0o700, exist_ok=True)
        self.ports = choose_ports(path / "ports", self.say)
        self.servers.start(say=self.say)
        values = sandbox_values(path, self.ports, self.servers.environment)
        write_values(path / "environment", values)
        # libpq's own variables would redirect the embedded server's clients.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        self.environment = inherited | values | {"PYTHONUNBUFFERED": "1"}
        self._run_to_end(self._preparation(self.environment))
        self.say("Starting the site, its worker and its clock")
        programs = self._product(self.environment, self.ports, path)
        for program in programs:
            self._launch(program)
        for program in programs:
            self.children[program.name].wait_until_ready(is_interrupted=self._is_interrupted)
        self._show_addresses()

    def _run_to_end(self, program: Program) -> None:
        child = self._launch(program)
        while not child.wait(WATCH_SECONDS):
            if self._is_interrupted():
                raise Interrupted
        del self.children[program.name]
        self.folder.forget(child)
        if child.process.returncode != 0:
            raise ProgramFailed(f"{program.name} {child.outcome}, its words are above")

    def _launch(self, program: Program) -> Child:
        child = Child(program, subprocess.PIPE)
        self.children[program.name] = child
        self.folder.remember(child)
        relay = threading.Thread(target=self._relay, args=(child,), daemon=True)
        relay.start()
        self._relays = [*(thread for thread in self._relays if thread.is_alive()), relay]
        return child

    def _relay(self, child: Child) -> None:
        """Write a program's lines under its name until it closes its output."""
        output = child.process.stdout
        if output is None:
            return
        with output:
            for line in output:
                words = line.decode("utf-8", "replace").rstrip()
                if words:
                    self.console.line(child.program.name, words)

    def _show_addresses(self) -> None:
        site = self.environment["SITE_URL"]
        rows = [
            ("The site", f"{site}/"),
            ("Staff", f"{site}/admin/"),
            ("  login", self.environment["STAFF_LOGIN"]),
            ("  password", self.environment["STAFF_PASSWORD"]),
        ]
        if uses_own_mail():
            rows.append(("Mail it sent", f"http://localhost:{self.ports['mail']}/"))
        if uses_own_stripe():
            rows.append(("Its Stripe", f"http://{HOST}:{self.ports['stripe']}/"))
        self.console.box("Newsroom is running", rows, "Ctrl-C stops everything and keeps all data.")

    def _watch(self) -> None:
        while not self._is_interrupted():
            self._woken.wait(WATCH_SECONDS)
            for child in [*self.servers.children, *self.children.values()]:
                if not child.is_running and not self._is_interrupted():
                    self._revive(child)

    def _revive(self, child: Child) -> None:
        """Plan the restart of a program that ended, or do it when its pause is over."""
        name, now = child.program.name, time.monotonic()
        if name not in self._due:
            is_steady = now - child.started_at > STEADY_SECONDS
            pause = 1.0 if is_steady else min(self._pauses.get(name, 0.5) * 2, LONGEST_PAUSE_SECONDS)
            self._pauses[name] = pause
            self._due[name] = now + pause
            self.say(f"{name} {child.outcome}; starting it again in {pause:.0f} s")
        elif now >= self._due[name]:
            del self._due[name]
            self._restart(child)

    def _restart(self, child: Child) -> None:
        if child not in self.servers.children:
            child.kill()
            self.folder.forget(child)
            self._launch(child.program)
            return
        try:
            self.servers.restart(child.program.name)
        except ProgramFailed as failure:
            self.say(str(failure))

    def _stop(self) -> None:
        self.say(f"Stopping{self._reason}")
        started = time.monotonic()
        for name in sorted(self.children, key=lambda name: STOP_ORDER.index(name) if name in STOP_ORDER else -1):
            child = self.children[name]
            child.stop(is_hurried=self._is_hurried)
            self.folder.forget(child)
        for relay in self._relays:
            relay.join(timeout=1)
        self.servers.stop(is_hurried=self._is_hurried)
        self.folder.release()
        self.say(f"Stopped in {time.monotonic() - started:.1f} s")
