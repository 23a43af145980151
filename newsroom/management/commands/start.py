"""`manage.py start web|worker|beat`: the one way to start the product's processes."""

import warnings
from argparse import ArgumentParser
from typing import Any

from celery.signals import heartbeat_sent
from django.conf import settings
from django.core.checks import ERROR
from django.core.management.base import BaseCommand
from django.db import connections

from newsroom import heartbeats
from newsroom.celery import app
from newsroom.models import Heartbeat


class Command(BaseCommand):
    help = (
        "Start the site, a worker or the clock, and end cleanly at SIGTERM. In production `check --deploy` runs first, "
        "and an unsafe or missing variable stops the start with its name."
    )
    # They run in `handle`, with those for deployment.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        kinds = parser.add_subparsers(dest="kind", required=True, metavar="web|worker|beat")
        web = kinds.add_parser("web", help="The site. Any number of them may run, on any number of machines.")
        web.add_argument("--bind", default="127.0.0.1:8000", help="An address with a port, or unix:/path/of/a/socket.")
        web.add_argument("--processes", type=int, default=2, help="How many processes answer requests (2).")
        web.add_argument("--threads", type=int, default=4, help="How many threads each of them has (4).")
        worker = kinds.add_parser("worker", help="Does the tasks. Any number may run, on any number of machines.")
        worker.add_argument("--concurrency", type=int, default=4, help="How many tasks it does at once (4).")
        kinds.add_parser("beat", help="The clock. One is needed; a second one does no harm.")

    def handle(self, *args: Any, **options: Any) -> None:
        self.check(include_deployment_checks=settings.IS_PRODUCTION, fail_level=ERROR, display_num_errors=True)
        # The processes that are forked now must not share a connection.
        connections.close_all()
        match options["kind"]:
            case "web":
                start_web(bind=options["bind"], processes=options["processes"], threads=options["threads"])
            case "worker":
                start_worker(concurrency=options["concurrency"])
            case "beat":
                start_beat()


def start_web(*, bind: str, processes: int, threads: int) -> None:
    from newsroom.web_server import Server  # noqa: PLC0415 - builds the site; a worker and a clock do not need it.

    Server(bind=bind, workers=processes, threads=threads).run()


def start_worker(*, concurrency: int) -> None:
    """Do tasks until SIGTERM, then end those that were begun and no more; a second one ends at once.

    What a killed worker had begun is found again from the rows.
    """
    _without_advice()
    heartbeat_sent.connect(_worker_lives)
    # Without gossip and mingle: workers have nothing to tell each other that is not in the database.
    words = ("--without-gossip", "--without-mingle", "--concurrency", str(concurrency), "--loglevel", "info")
    app.start(argv=["--quiet", "worker", *words])


def start_beat() -> None:
    _without_advice()
    app.start(argv=["--quiet", "beat", "--scheduler", "newsroom.beat:Scheduler", "--loglevel", "info"])


def _worker_lives(**kwargs: Any) -> None:
    heartbeats.say(Heartbeat.Kind.WORKER)


def _without_advice() -> None:
    """Spare the log six lines against root at each start; in a container, root is what there is."""
    warnings.filterwarnings("ignore", module="celery.platforms")
