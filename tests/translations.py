"""The catalogues of translated words: where they are, and compiling them.

python -m tests.translations   compiles each `.po` beside itself, so that a machine without gettext can run the product
"""

from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parents[1]
CATALOGUES = sorted(ROOT.glob("locale/*/LC_MESSAGES/*.po"))

if __name__ == "__main__":
    for path in CATALOGUES:
        polib.pofile(str(path)).save_as_mofile(str(path.with_suffix(".mo")))
