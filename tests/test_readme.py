"""The README's table and the settings name the same variables."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_readme_lists_every_variable_that_the_settings_read() -> None:
    read = set(
        re.findall(r'\benv(?:_flag|_list|_keys|_number)?\("([A-Z_]+)"', (ROOT / "newsroom/settings.py").read_text())
    )
    listed = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert len(read) > 20
    assert read == listed


def test_every_file_that_the_documents_link_to_exists() -> None:
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name} links to {link}"
