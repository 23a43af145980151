"""A provider's HTTP interface that takes every batch as fast as Python can, answering as Mailgun does.

python bench/_provider_sink.py PORT
A GET is answered with how many recipients, and how many unsubscribe links of their own, were taken so far.
"""

import json
import socketserver
import sys
import threading

ANSWER = json.dumps({"id": "<20261120090000.1.ABC@meridian.example>", "message": "Queued. Thank you."}).encode()
lock = threading.Lock()
counts = {"recipients": 0, "links": 0}


class Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self) -> None:
        while line := self.rfile.readline():
            length = 0
            while (header := self.rfile.readline()) not in {b"\r\n", b""}:
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
            body = self.rfile.read(length)
            with lock:
                counts["recipients"] += body.count(b"to=reader")
                counts["links"] += body.count(b"unsubscribe%2Fk")
                answer = ANSWER if line.startswith(b"POST") else json.dumps(counts).encode()
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer)
            self.wfile.write(head + answer)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    with Server(("127.0.0.1", int(sys.argv[1])), Handler) as server:
        server.serve_forever()
