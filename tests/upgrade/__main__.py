"""An upgrade without downtime: the code of the release before runs on the schema of this one, beside this one's code.

`make upgrade-test`. The release before is the newest tag `v…`; without one, the last commit that gave CHANGELOG.md a
released heading; without that too, there is none yet, and it says so. `UPGRADE_FROM` names another commit.
"""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from sandbox.environment import throwaway_values
from sandbox.ports import free_port
from sandbox.servers import throwaway

PROJECT = Path(__file__).resolve().parents[2]
LIVE = Path(__file__).with_name("live.py")
RELEASED = r"^## v?[0-9]"


def git(*words: str) -> str:
    answer = subprocess.run(["git", *words], cwd=PROJECT, capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else ""


def release_before() -> tuple[str, str]:
    """Return the commit of the release before this code, and how it was found; empty where there is none yet."""
    if named := os.environ.get("UPGRADE_FROM"):
        return git("rev-parse", "--verify", f"{named}^{{commit}}"), f"UPGRADE_FROM={named}"
    for tag in git("tag", "--list", "v*", "--merged", "HEAD", "--sort=-version:refname").splitlines():
        commit = git("rev-parse", f"{tag}^{{commit}}")
        # On the release itself, the one before is what runs elsewhere.
        if commit != git("rev-parse", "HEAD"):
            return commit, f"the tag {tag}"
    return git("log", "-1", f"-G{RELEASED}", "--format=%H", "--", "CHANGELOG.md"), "CHANGELOG.md"


def run(folder: Path, environment: dict[str, str], *words: str) -> None:
    subprocess.run([sys.executable, *words], cwd=folder, env=environment, check=True)


def main() -> int:
    commit, how = release_before()
    if not commit:
        print("There is no release yet: no tag v…, and no released heading in CHANGELOG.md. Nothing to upgrade from.")
        return 0
    print(f"From {commit[:10]} ({how}) to the code in this folder")
    archive = subprocess.run(["git", "archive", commit], cwd=PROJECT, capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory() as name, throwaway() as servers:
        old = Path(name)
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(old, filter="data")
        values = throwaway_values(servers.folder.path, servers.environment, smtp_port=free_port())
        environment = os.environ | values | {"LOG_LEVEL": "ERROR"}
        # The application's role alone lives; the owner's address is for those who migrate.
        living = {key: value for key, value in environment.items() if key != "DATABASE_OWNER_URL"}
        run(old, environment, "manage.py", "migrate", "--verbosity", "0")
        print("old code, old schema: ", end="", flush=True)
        run(old, living, str(LIVE))
        run(PROJECT, environment, "manage.py", "migrate", "--verbosity", "0")
        print("old code, new schema: ", end="", flush=True)
        run(old, living, str(LIVE))
        print("new code, new schema: ", end="", flush=True)
        run(PROJECT, living, str(LIVE))
        print("both at once:")
        both = [subprocess.Popen([sys.executable, str(LIVE)], cwd=folder, env=living) for folder in (old, PROJECT) * 2]
        # Each is waited for, whatever the others said.
        statuses = [program.wait() for program in both]
        if any(statuses):
            return 1
    print("The release before goes on beside this one.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
