"""The sandbox's command line.

``python -m sandbox``                 runs the whole product in the folder ``.sandbox`` until Ctrl-C
``python -m sandbox run -- COMMAND``  runs one command with new, throw-away servers
``python -m sandbox clean``           removes ``.sandbox`` with all its data

The variable SANDBOX_FOLDER names another folder than ``.sandbox``.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from sandbox.children import ProgramFailed
from sandbox.console import Console
from sandbox.environment import throwaway_values
from sandbox.folder import AlreadyRunning, Folder
from sandbox.ports import free_port
from sandbox.postgres import data_home
from sandbox.postgres_programs import server_account
from sandbox.programs import PROJECT
from sandbox.servers import throwaway
from sandbox.supervisor import Supervisor

FOLDER = Path(os.environ.get("SANDBOX_FOLDER") or PROJECT / ".sandbox")


def run_command(command: list[str]) -> int:
    """Run a command with throw-away servers and every variable the product reads; return its status."""
    with throwaway() as servers:
        values = throwaway_values(servers.folder.path, servers.environment, smtp_port=free_port())
        # Ctrl-C reaches the command as well. It decides when to end, and the servers end after it.
        signal.signal(signal.SIGINT, lambda number, frame: None)
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
        return subprocess.run(command, env=os.environ | values, check=False).returncode


def clean() -> int:
    folder = Folder(FOLDER)
    try:
        folder.claim()
    except AlreadyRunning as other:
        print(f"The sandbox runs as process {other.pid}; stop it first")
        return 1
    home = data_home(folder, server_account())
    folder.release()
    for path in {home, FOLDER}:
        shutil.rmtree(path, ignore_errors=True)
    return 0


def main(words: list[str]) -> int:
    match words:
        case []:
            return Supervisor(FOLDER, Console()).run()
        case ["run", "--", *command] if command:
            try:
                return run_command(command)
            except ProgramFailed as failure:
                print(failure, file=sys.stderr)
                return 1
        case ["clean"]:
            return clean()
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
