"""Imports run one way: donations → subscriptions → newsroom; and nothing of the product imports the sandbox."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsroom.celery import app

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = {
    "newsroom": {"newsroom"},
    "subscriptions": {"newsroom", "subscriptions"},
    "donations": {"newsroom", "subscriptions", "donations"},
    "sandbox": {"newsroom", "subscriptions", "donations", "sandbox"},
}


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_package_imports_only_what_is_below_it(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        for name in imports_of(path):
            top = name.partition(".")[0]
            assert top not in ALLOWED or top in ALLOWED[package], f"{path.relative_to(ROOT)} imports {name}"


def test_donations_knows_of_subscriptions_only_the_consent_function() -> None:
    for path in (ROOT / "donations").rglob("*.py"):
        for name in imports_of(path):
            if name.partition(".")[0] == "subscriptions":
                assert name == "subscriptions" or name.startswith("subscriptions.consent"), path


def test_only_one_module_imports_stripe() -> None:
    importers = {
        str(path.relative_to(ROOT))
        for package in ("newsroom", "subscriptions", "donations")
        for path in (ROOT / package).rglob("*.py")
        for name in imports_of(path)
        if name.partition(".")[0] == "stripe"
    }
    assert importers == {"donations/stripe_api.py"}


def test_no_task_waits_in_the_broker() -> None:
    """A task with a moment of its own is handed out again and again by Redis; what is due is asked of the database."""
    for package in ("newsroom", "subscriptions", "donations"):
        for path in (ROOT / package).rglob("*.py"):
            words = [node.arg for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.keyword)]
            assert not {"eta", "countdown"} & set(words), path


def test_every_task_that_is_woken_by_name_exists() -> None:

    names = {
        node.args[0].value
        for package in ("newsroom", "subscriptions", "donations")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "wake"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert names
    assert names <= set(app.tasks)
