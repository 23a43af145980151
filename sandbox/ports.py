"""Choose the ports of the sandbox: the usual ones, those of the last start, or the next that are free."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

HOST = "127.0.0.1"
USUAL = {"web": 8000, "mail": 8025, "smtp": 1025, "stripe": 8421}
TRIES = 100


def is_free(port: int) -> bool:
    """Say whether nobody listens on a port of this machine."""
    # A listener on all addresses does not stop a second one on this address everywhere, so ask it as well.
    with socket.socket() as client:
        client.settimeout(1)
        if client.connect_ex((HOST, port)) == 0:
            return False
    with socket.socket() as server:
        # As servers do, so that connections of the last run that are still closing do not count.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((HOST, port))
        except OSError:
            return False
    return True


def choose_ports(memory: Path, say: Callable[[str], None]) -> dict[str, int]:
    """Return a free port for each purpose, say which differ from the usual ones and why, and remember them all."""
    last = _remembered(memory)
    chosen: dict[str, int] = {}
    for purpose, usual in USUAL.items():
        wanted = last.get(purpose, usual)
        candidates = [wanted, *range(usual, usual + TRIES)]
        chosen[purpose] = next(port for port in candidates if port not in chosen.values() and is_free(port))
        if chosen[purpose] != wanted:
            say(f"Port {wanted} is taken, so {purpose} uses {chosen[purpose]}")
        elif wanted != usual:
            say(f"Port {wanted} for {purpose}, as at the last start")
    memory.write_text(json.dumps(chosen), encoding="utf-8")
    return chosen


def _remembered(memory: Path) -> dict[str, int]:
    try:
        last = json.loads(memory.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return {purpose: port for purpose, port in last.items() if purpose in USUAL and isinstance(port, int)}


def free_port() -> int:
    """Return a port that nobody uses at this moment."""
    with socket.socket() as server:
        server.bind((HOST, 0))
        return int(server.getsockname()[1])
