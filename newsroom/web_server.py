"""Gunicorn, set up for this product: no log of requests, no address in any line, limits on what a client may send."""

from typing import Any

from django.core.servers.basehttp import get_internal_wsgi_application
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from newsroom.log_lines import Line

# Longer than the slowest page of ours: a return from Stripe waits four seconds, an export streams.
GRACE_SECONDS = 30


class Log(Logger):
    """Gunicorn's log, whose warnings of broken requests would name the client, without addresses and paths."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(Line(self.error_fmt, self.datefmt))

    def access(self, *args: Any) -> None:
        """Write nothing: paths hold the tokens of mailed links, whatever the configuration says."""


class Server(BaseApplication):
    """The site under gunicorn, in this process and its children."""

    def __init__(self, **options: Any) -> None:
        self.options = {
            "worker_class": "gthread",
            "preload_app": True,
            # It would be left behind in the home folder.
            "control_socket_disable": True,
            "graceful_timeout": GRACE_SECONDS,
            "timeout": 60,
            # A proxy keeps its connections open; a client that holds one without asking is cut off.
            "keepalive": 5,
            "limit_request_line": 4094,
            "limit_request_fields": 60,
            "limit_request_field_size": 8190,
            "loglevel": "warning",
            "logger_class": Log,
            # The product reads X-Forwarded-For itself, as far as TRUSTED_PROXIES says, and no other header is believed.
            "forwarder_headers": "",
            **options,
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return get_internal_wsgi_application()
