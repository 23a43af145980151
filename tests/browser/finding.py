"""The browser that the tests drive: one of this machine's own, never a download."""

import os
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "brave")
APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
HOW_TO_GET_ONE = (
    "No Chromium was found for the browser tests: `apt-get install chromium`, or name one in the variable BROWSER_PATH."
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    # Nothing the browser does by itself or a page asks for can leave this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]


def find_browser() -> str | None:
    """Return the path of a Chromium: the one that BROWSER_PATH names, or the first that is installed."""
    named = os.environ.get("BROWSER_PATH")
    if named:
        return shutil.which(named)
    found = (shutil.which(name) for name in NAMES)
    installed = (path for path in APPLICATIONS if Path(path).exists())
    return next((path for path in (*found, *installed) if path), None)
