"""The Makefile's own logic: which Python it takes, and what it says."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.programs import PROJECT

ASK = f"include {PROJECT / 'Makefile'}\n$(info $(PYTHON))\nnothing: ;\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder to be the whole PATH, with the tools that make itself needs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("make", "sh", "sed", "expand"):
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    return folder


def _python(path: Path, name: str, script: str) -> None:
    (path / name).write_text(f"#!/bin/sh\n{script}\n")
    (path / name).chmod(0o755)


def _make(path: Path, *words: str, makefile: str | None = None) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")} | {
        "PATH": str(path)
    }
    command = [path / "make", *(("-f", "-") if makefile else ()), *words]
    return subprocess.run(
        command, cwd=PROJECT, env=environment, input=makefile, capture_output=True, text=True, check=False
    )


def test_shim_that_only_exists_does_not_count(path: Path) -> None:
    _python(path, "python3.12", "echo 'version 3.12 is not installed' >&2; exit 127")
    _python(path, "python3.13", f'exec {sys.executable} "$@"')
    assert _make(path, "nothing", makefile=ASK).stdout.split()[0] == "python3.13"


def test_python_that_is_too_old_does_not_count(path: Path) -> None:
    old = f'exec {sys.executable} -c "import sys; sys.version_info = (3, 10, 0); $2"'
    _python(path, "python3.12", old)
    _python(path, "python3", f'exec {sys.executable} "$@"')
    assert _make(path, "nothing", makefile=ASK).stdout.split()[0] == "python3"


def test_missing_python_is_said_clearly(path: Path) -> None:
    answer = _make(path, "sandbox-installed")
    assert answer.returncode != 0
    assert "Python 3.11 or newer was not found" in answer.stderr


def test_make_alone_lists_the_commands(path: Path) -> None:
    lines = _make(path).stdout.splitlines()
    named = [line.split()[1] for line in lines]
    assert {"help", "run", "test", "check", "bench", "chaos", "lock", "clean"} <= set(named)
    assert all(len(line.split()) > 3 for line in lines)
