"""Make ``.venv`` and install a requirements file into it, saying what goes on; do nothing when that was done before.

Run by path with any Python from 3.11 on: ``python -I sandbox/install.py requirements-sandbox.txt``. It stands on the
standard library alone, because it is what installs everything else.
"""

import fcntl
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import time
import venv
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / ".venv"
PYTHON = FOLDER / "bin" / "python"
TAIL_LINES = 25


def environment_runs() -> bool:
    """Say whether the folder holds a Python that still runs: its base may have been removed or upgraded since."""
    try:
        answer = subprocess.run([PYTHON, "-c", "import pip"], capture_output=True, check=False)
    except OSError:
        return False
    return answer.returncode == 0


def make_environment() -> None:
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit(
            f"{sys.executable} cannot make virtual environments, because its ensurepip is missing.\n"
            "On Debian and Ubuntu: apt install python3-venv"
        )
    version = ".".join(str(number) for number in sys.version_info[:3])
    print(f"Making .venv with Python {version} ({sys.executable})", flush=True)
    venv.create(FOLDER, clear=FOLDER.exists(), with_pip=True)


def key(requirements: Path) -> str:
    """Return what must be the same for an installation to be still good."""
    version = subprocess.run([PYTHON, "-VV"], capture_output=True, check=True).stdout
    return hashlib.sha256(requirements.read_bytes() + version).hexdigest()


def install(requirements: Path) -> None:
    total = len(re.findall(r"^[\w.\[\]-]+==", requirements.read_text(encoding="utf-8"), re.MULTILINE))
    print(f"Installing {requirements.name}, about {total} packages, each checked against its hash", flush=True)
    started = time.monotonic()
    command: list[str | Path] = [
        PYTHON,
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "--requirement",
        requirements,
        "--progress-bar",
        "off",
    ]
    quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    pip = subprocess.Popen(
        command, env=os.environ | quiet, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    words: list[str] = []
    count = 0
    for line in pip.stdout or ():
        words.append(line.rstrip())
        if found := re.match(r"(?:Collecting|Requirement already satisfied:) ([^\s;]+)", line):
            count += 1
            print(f"  {count:>3} of {total}  {found[1]}", flush=True)
        elif found := re.match(r"\s+Downloading \S+ \(((?:\d{2,}|[5-9])\.?\d*) MB\)", line):
            print(f"               {found[1]} MB to download", flush=True)
        elif line.startswith("Installing collected packages"):
            print("  Unpacking them, which takes a little while", flush=True)
    if pip.wait() != 0:
        print("\n".join(words[-TAIL_LINES:]))
        sys.exit(f"pip could not install {requirements.name}; its last words are above. Is there a network?")
    print(f"Installed in {time.monotonic() - started:.0f} s", flush=True)


def main(name: str) -> None:
    requirements = PROJECT / name
    with (PROJECT / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not environment_runs():
            make_environment()
        stamp = FOLDER / f"installed-{requirements.stem}"
        wanted = key(requirements)
        if not stamp.exists() or stamp.read_text(encoding="ascii") != wanted:
            install(requirements)
            stamp.write_text(wanted, encoding="ascii")


if __name__ == "__main__":
    main(sys.argv[1])
