"""What the supervisor writes: lines of many programs, each with its name before it."""

import os
import sys
import threading
from typing import TextIO

COLOURS = {"newsroom": 1, "web": 36, "worker": 32, "beat": 33, "mail": 35, "stripe": 34, "prepare": 33}
OTHER_COLOUR = 90
NAME_WIDTH = 9


class Console:
    """Writes whole lines from several threads."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._writing = threading.Lock()
        # https://no-color.org: the variable counts when it is set to anything but nothing.
        self.is_coloured = self._stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def line(self, name: str, words: str) -> None:
        prefix = f"{name:<{NAME_WIDTH}}|"
        if self.is_coloured:
            prefix = f"\033[{COLOURS.get(name, OTHER_COLOUR)}m{prefix}\033[0m"
        self._write(f"{prefix} {words}\n")

    def say(self, words: str) -> None:
        for line in words.splitlines():
            self.line("newsroom", line)

    def box(self, title: str, rows: list[tuple[str, str]], closing: str) -> None:
        left = max(len(label) for label, _ in rows) + 2
        lines = [title, "", *(f"{label:<{left}}{value}" for label, value in rows), "", closing]
        width = max(len(line) for line in lines) + 2
        middle = "".join(f"│ {line:<{width - 1}}│\n" for line in lines)
        self._write(f"\n┌{'─' * width}┐\n{middle}└{'─' * width}┘\n\n")

    def _write(self, text: str) -> None:
        try:
            with self._writing:
                self._stream.write(text)
                self._stream.flush()
        except (OSError, ValueError):
            # The terminal is gone; the programs still have to be stopped in order.
            return
