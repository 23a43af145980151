"""Become another program that does not outlive the process which started it.

Run by path as ``python -I -S launch.py PARENT SIGNAL ACCOUNT COMMAND…``. The steps, in this order:

1. Drop to ACCOUNT (``uid:gid``, or ``-`` to stay), because PostgreSQL refuses to run as root.
2. Ask Linux to send SIGNAL when PARENT ends, however it ends. This comes second, as a change of account clears it.
3. End at once when PARENT is gone already, because then the request came too late.
4. Replace this process by COMMAND, which keeps the process id.

A separate program rather than ``preexec_fn``, which may deadlock in a process with threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def drop_to(account: str) -> None:
    uid, gid = (int(number) for number in account.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def main(parent: str, death_signal: str, account: str, *command: str) -> None:
    if account != "-":
        drop_to(account)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit(1)
    # Python ignores SIGPIPE, and an ignored signal stays ignored in the next program.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execvp(command[0], command)  # noqa: S606 - starting a program is what this one is for.


if __name__ == "__main__":
    main(*sys.argv[1:])
