"""Workers of one import that live as long as they are let: two at a time, killed together, followed by the next two.

python -m tests.chaos.import_worker IMPORT BLOCK COPY_ROWS

Each line of the input is a life in seconds; it is answered with what ended it. Lives are forks of this process, so that
none of them spends its time on loading the product.
"""

import os
import signal
import sys
import time

import django

django.setup()

from subscriptions import importing  # noqa: E402 - after the set-up.

WORKERS = 2


def live(import_id: int, seconds: float) -> str:
    children = [fork(import_id) for _number in range(WORKERS)]
    deadline = time.monotonic() + seconds
    waiting = set(children)
    while waiting and time.monotonic() < deadline:
        for child in list(waiting):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                waiting.remove(child)
            if status:
                return "broke"
        time.sleep(0.002)
    for child in waiting:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return "killed" if waiting else "ended"


def fork(import_id: int) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        importing.work(import_id, seconds=3600)
        status = 0
    finally:
        os._exit(status)


if __name__ == "__main__":
    importing.BLOCK, importing.COPY_ROWS = int(sys.argv[2]), int(sys.argv[3])
    for line in sys.stdin:
        sys.stdout.write(live(int(sys.argv[1]), float(line)) + "\n")
        sys.stdout.flush()
