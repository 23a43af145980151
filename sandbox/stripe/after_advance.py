"""Run the product's own daily jobs at the new time, after the clock was advanced."""

import datetime
import queue
import shlex
import subprocess
import sys
import threading

TIMEOUT_SECONDS = 300


class Hook:
    """Runs one command after another with `--since TIME --at TIME` appended, without keeping anybody waiting.

    While one runs, no webhook is sent: what became due on the days between came before what the advance brought.
    """

    def __init__(self, command: str) -> None:
        self.command = shlex.split(command)
        self.moments: queue.Queue[tuple[int, int]] = queue.Queue()
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def is_busy(self) -> bool:
        """Whether a command runs or waits."""
        return self.moments.unfinished_tasks > 0

    def call(self, since: int, at: int) -> None:
        """Have the command run for an advance from one moment to another."""
        self.moments.put((since, at))

    def _run(self) -> None:
        while True:
            since, at = (datetime.datetime.fromtimestamp(one, datetime.UTC).isoformat() for one in self.moments.get())
            command = [*self.command, "--since", since, "--at", at]
            print(f"after the advance: {shlex.join(command)}", file=sys.stderr, flush=True)
            try:
                result = subprocess.run(command, check=False, timeout=TIMEOUT_SECONDS)
                print(f"after the advance: ended with status {result.returncode}", file=sys.stderr, flush=True)
            except (OSError, subprocess.TimeoutExpired) as error:
                print(f"after the advance: {error}", file=sys.stderr, flush=True)
            finally:
                self.moments.task_done()
