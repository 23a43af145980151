"""A worker as a process of its own that the chaos tests may kill: the product's own loop, with leases of seconds.

python -m tests.chaos.worker ISSUE WINDOW_SECONDS DOT_SECONDS CONNECTIONS
"""

import sys
import time

import django

django.setup()

from django.conf import settings  # noqa: E402 - after the set-up.
from django.db import InterfaceError, OperationalError, connection  # noqa: E402

from newsroom import provider_api  # noqa: E402
from subscriptions import sending  # noqa: E402
from subscriptions.transports import Transport  # noqa: E402
from subscriptions.transports.http import HttpTransport  # noqa: E402
from subscriptions.transports.smtp import SmtpTransport, server_from_settings  # noqa: E402
from subscriptions.transports.smtp_session import Timeouts  # noqa: E402


def main(issue_id: int, window_seconds: float, dot_seconds: float, connections: int) -> None:
    transport: Transport
    if settings.MAIL_PROVIDER is not None:
        provider_api.TIMEOUT = (1.0, dot_seconds)
        transport = HttpTransport(settings.MAIL_PROVIDER)
    else:
        timeouts = Timeouts(connect=1.0, command=dot_seconds, final_dot=dot_seconds)
        transport = SmtpTransport(server_from_settings(), connections=connections, timeouts=timeouts)
    # Small windows, so that many of them meet a small number of readers. Over SMTP a worker holds two.
    transport.window = 20 if transport.merges else 10
    while True:
        try:
            turn = sending.send_issue(issue_id, seconds=2.0, window_seconds=window_seconds, transport=transport)
        except (OperationalError, InterfaceError):
            # In production the task ends here, and the next tick wakes another.
            connection.close()
            time.sleep(0.2)
            continue
        if turn.stop is not sending.Stop.TURN_IS_OVER:
            time.sleep(0.05)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
