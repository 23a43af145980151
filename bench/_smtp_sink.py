"""An SMTP server that throws everything away as fast as Python can, and offers PIPELINING.

python bench/_smtp_sink.py PORT
"""

import asyncio
import sys

END = b"\r\n.\r\n"


class Sink(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.is_text = False
        self.buffer = b""
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        replies = []
        while self.buffer:
            if self.is_text:
                end = self.buffer.find(END)
                if end < 0:
                    self.buffer = self.buffer[-4:]
                    break
                self.buffer = self.buffer[end + len(END) :]
                self.is_text = False
                replies.append(b"250 2.0.0 taken\r\n")
                continue
            line, separator, rest = self.buffer.partition(b"\r\n")
            if not separator:
                break
            self.buffer = rest
            verb = line[:4].upper()
            if verb == b"DATA":
                self.is_text = True
                replies.append(b"354 go on\r\n")
            elif verb == b"EHLO":
                replies.append(b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
            elif verb == b"QUIT":
                self.transport.write(b"221 bye\r\n")
                self.transport.close()
            else:
                replies.append(b"250 ok\r\n")
        if replies:
            self.transport.write(b"".join(replies))


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port, backlog=256)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
