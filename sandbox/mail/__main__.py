"""Run the mail catcher: ``python -m sandbox.mail --smtp-port 1025 --http-port 8025 --maildir .sandbox/mail``."""

import argparse
import asyncio
import signal
import threading
from pathlib import Path

from sandbox.mail.maildir import Inbox
from sandbox.mail.smtp import protocol
from sandbox.mail.web import InboxServer

HOST = "127.0.0.1"


async def serve(*, smtp_port: int, http_port: int, maildir: Path) -> None:
    """Catch and show mail until SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    inbox = Inbox(maildir)
    web = InboxServer((HOST, http_port), inbox)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    smtp = await loop.create_server(lambda: protocol(inbox), HOST, smtp_port)
    print(f"{inbox.count():,} messages, SMTP on {HOST}:{smtp_port}, inbox at http://{HOST}:{http_port}/", flush=True)
    await stopped.wait()
    smtp.close()
    web.shutdown()
    web.server_close()
    inbox.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.mail", description="Catch mail and show it.")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--maildir", type=Path, required=True)
    options = parser.parse_args()
    asyncio.run(serve(smtp_port=options.smtp_port, http_port=options.http_port, maildir=options.maildir))


if __name__ == "__main__":
    main()
