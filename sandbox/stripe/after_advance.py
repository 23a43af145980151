"""Run the product's own daily jobs at the new time, after the clock was advanced."""

import datetime
import queue
import shlex
import subprocess
import sys
import threading


class Hook:
    """Runs one command after another with `--at TIME` appended, without keeping anybody waiting."""

    def __init__(self, command: str) -> None:
        self.command = shlex.split(command)
        self.moments: queue.Queue[int] = queue.Queue()
        threading.Thread(target=self._run, daemon=True).start()

    def call(self, moment: int) -> None:
        """Have the command run for this moment."""
        self.moments.put(moment)

    def _run(self) -> None:
        while True:
            at = datetime.datetime.fromtimestamp(self.moments.get(), datetime.UTC).isoformat()
            command = [*self.command, "--at", at]
            print(f"after the advance: {shlex.join(command)}", file=sys.stderr, flush=True)
            try:
                result = subprocess.run(command, check=False)
            except OSError as error:
                print(f"after the advance: {error}", file=sys.stderr, flush=True)
                continue
            print(f"after the advance: ended with status {result.returncode}", file=sys.stderr, flush=True)
