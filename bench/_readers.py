"""Readers that ask for one page again and again over connections they keep open, in one process that does nothing else.

Run as a program by bench/pages.py: it prints one line of JSON with requests a second and the 99th percentile in
milliseconds. A client of one process is good for some 20,000 requests a second: what is faster than that is printed
too slow, and only the server that is faster is flattered by nothing.
"""

import json
import selectors
import socket
import sys
import time


def read(*, port: int, host: str, path: str, seconds: float, connections: int) -> dict[str, float]:
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: br, gzip\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"
    ).encode()
    selector = selectors.DefaultSelector()
    sent: dict[int, float] = {}
    held: dict[int, bytes] = {}

    def connect() -> None:
        client = socket.create_connection(("127.0.0.1", port))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(client, selectors.EVENT_READ)
        held[client.fileno()] = b""
        client.sendall(request)
        sent[client.fileno()] = time.perf_counter()

    for _number in range(connections):
        connect()
    began = time.perf_counter()
    end = began + seconds
    taken: list[float] = []
    # However slow a server is, each reader gets an answer.
    while time.perf_counter() < end or len(taken) < connections:
        for key, _events in selector.select(timeout=5):
            client: socket.socket = key.fileobj  # type: ignore[assignment]
            number = client.fileno()
            data = client.recv(262_144)
            if not data:
                # A server may end a connection that was kept for long; the reader comes back.
                selector.unregister(client)
                client.close()
                connect()
                continue
            held[number] += data
            head, gap, body = held[number].partition(b"\r\n\r\n")
            if not gap:
                continue
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(head.decode(errors="replace"))
            lower = head.lower()
            start = lower.index(b"content-length:") + 15
            if len(body) < int(lower[start:].split(b"\r\n", 1)[0]):
                continue
            now = time.perf_counter()
            taken.append(now - sent[number])
            held[number] = b""
            client.sendall(request)
            sent[number] = time.perf_counter()
    spent = time.perf_counter() - began
    taken.sort()
    return {"rate": len(taken) / spent, "p99": taken[int(len(taken) * 0.99)] * 1000, "bytes": len(body)}


if __name__ == "__main__":
    port, host, path, seconds, connections = sys.argv[1:]
    print(json.dumps(read(port=int(port), host=host, path=path, seconds=float(seconds), connections=int(connections))))
