"""Run the sandbox's Stripe: an API to be spoken to by the unmodified SDK, its hosted pages, and its webhooks."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from sandbox.stripe.after_advance import Hook
from sandbox.stripe.deliveries import Senders
from sandbox.stripe.engine import Ticker
from sandbox.stripe.server import Handler, Server
from sandbox.stripe.store import Store
from sandbox.stripe.world import World


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options, each also from an environment variable such as STRIPE_SANDBOX_PORT."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.stripe", description=__doc__)
    for name, default, words in (
        ("port", "8421", "the port to listen on; 0 chooses a free one"),
        ("host", "127.0.0.1", "the address to listen on"),
        ("data", "stripe.sqlite3", "the file that keeps the objects, or :memory:"),
        ("webhook-url", "", "where events are sent; empty to let tests take them"),
        ("webhook-secret", "whsec_sandbox", "what events are signed with"),
        ("public-url", "", "the origin under which browsers reach this server, where it is not the address above"),
        ("after-advance", "", "a command to run after the clock was advanced, with --since and --at TIME appended"),
    ):
        variable = "STRIPE_SANDBOX_" + name.upper().replace("-", "_")
        parser.add_argument(f"--{name}", default=os.environ.get(variable, default), help=f"{words} ({variable})")
    words = "stop when standard input ends, so that a test which is killed leaves nothing behind"
    parser.add_argument("--until-stdin-ends", action="store_true", help=words)
    return parser.parse_args(arguments)


def stop_when_stdin_ends() -> None:
    """Wait for the end of standard input, which comes when the process at its other end is gone, and stop."""
    # Not by `sys.stdin`: a thread that waits inside its buffer breaks the interpreter's own end.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve until the process is told to stop."""
    chosen = options()
    if chosen.data != ":memory:":
        Path(chosen.data).parent.mkdir(parents=True, exist_ok=True)
    world = World(Store(chosen.data), webhook_url=chosen.webhook_url, webhook_secret=chosen.webhook_secret)
    if chosen.after_advance:
        world.after_advance = Hook(chosen.after_advance)
    try:
        server = Server((chosen.host, int(chosen.port)), Handler)
    except OSError as error:
        sys.exit(f"The sandbox's Stripe cannot listen on {chosen.host}:{chosen.port}: {error}")
    server.world = world
    address = f"http://{chosen.host}:{server.server_address[1]}"
    world.base_url = chosen.public_url.rstrip("/") or address
    senders, ticker = Senders(world), Ticker(world)
    senders.start()
    ticker.start()

    def stop(number: int, frame: FrameType | None) -> None:
        # `shutdown` waits for the loop that runs in this very thread, so another one has to call it.
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if chosen.until_stdin_ends:
        threading.Thread(target=stop_when_stdin_ends, daemon=True).start()
    print(f"listening on {address}", flush=True)
    server.serve_forever()
    ticker.stopping.set()
    senders.stop()
    server.server_close()


if __name__ == "__main__":
    main()
