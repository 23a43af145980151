import json
import socket
from pathlib import Path

import pytest

from sandbox import ports
from sandbox.ports import USUAL, choose_ports, free_port, is_free


@pytest.fixture
def usual(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Usual ports that are free on this machine now, as others may run a sandbox on the real ones."""
    found = {purpose: free_port() for purpose in USUAL}
    monkeypatch.setattr(ports, "USUAL", found)
    return found


def test_free_ports_are_the_usual_ones(usual: dict[str, int], tmp_path: Path) -> None:
    said: list[str] = []
    assert choose_ports(tmp_path / "ports", said.append) == usual
    assert said == []


def test_taken_port_gives_the_next_free_one_and_says_so(usual: dict[str, int], tmp_path: Path) -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", usual["web"])):
        chosen = choose_ports(tmp_path / "ports", said.append)
    assert usual["web"] < chosen["web"] < usual["web"] + 100
    assert said == [f"Port {usual['web']} is taken, so web uses {chosen['web']}"]
    assert len(set(chosen.values())) == len(chosen)


def test_listener_on_all_addresses_counts_as_taken(usual: dict[str, int]) -> None:
    with socket.create_server(("", usual["web"])):
        assert not is_free(usual["web"])
    assert is_free(usual["web"])


def test_chosen_ports_are_those_of_the_last_start(usual: dict[str, int], tmp_path: Path) -> None:
    last = usual | {"web": free_port()}
    (tmp_path / "ports").write_text(json.dumps(last))
    assert choose_ports(tmp_path / "ports", lambda words: None) == last


def test_unreadable_memory_is_forgotten(usual: dict[str, int], tmp_path: Path) -> None:
    (tmp_path / "ports").write_text("{half")
    assert choose_ports(tmp_path / "ports", lambda words: None) == usual
