"""Figures of the chaos tests, shown at the end of the run: they are what these tests are for."""

from collections.abc import Callable

import pytest

_figures: list[str] = []


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Keep a line for the end of the run, under the test's own name."""

    def keep(words: str) -> None:
        _figures.append(f"{request.node.name}: {words}")

    return keep


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _figures:
        terminalreporter.section("what came of everybody")
        for line in _figures:
            terminalreporter.write_line(line)
