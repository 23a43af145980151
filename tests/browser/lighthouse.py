"""Google's Lighthouse on one page, where it is installed: `npm install --prefix .lighthouse lighthouse`."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.browser.finding import ARGUMENTS, find_browser

OWN = Path(__file__).parents[2] / ".lighthouse" / "node_modules" / ".bin" / "lighthouse"
GATED = ("accessibility", "best-practices", "seo")


@dataclass(frozen=True)
class Verdict:
    """Scores from 0 to 100, and what a gated category took points off for."""

    scores: dict[str, int]
    complaints: list[str]


def find_lighthouse() -> str | None:
    return shutil.which("lighthouse") or (str(OWN) if OWN.exists() and shutil.which("node") else None)


def look_at(url: str, *, categories: tuple[str, ...]) -> Verdict:
    program = find_lighthouse()
    assert program is not None
    flags = [f'{name}="{value}"' if value else name for name, _, value in (flag.partition("=") for flag in ARGUMENTS)]
    words = [
        *(program, url, "--quiet", "--output=json", "--output-path=stdout"),
        f"--only-categories={','.join(categories)}",
        f"--chrome-flags={' '.join(['--headless=new', *flags])}",
    ]
    environment = {**os.environ, "CHROME_PATH": str(find_browser()), "CI": "1"}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=150, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    scores = {name: round((one["score"] or 0) * 100) for name, one in report["categories"].items()}
    complaints = [
        f"{name}: {report['audits'][audit['id']]['title']}"
        for name in scores
        if name in GATED
        for audit in report["categories"][name]["auditRefs"]
        if audit["weight"] and report["audits"][audit["id"]]["score"] not in (1, None)
    ]
    return Verdict(scores, complaints)
