"""The whole product as its own processes, for the tests that look at it from outside.

Gunicorn and Celery are started as `make run` starts them, on a database and Redis servers that nothing else uses, with
the sandbox's Stripe and the tests' SMTP server beside them. There is no beat: a test that wants the minute's tick asks
for it, and so none comes by surprise.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import redis
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from kombu import Connection
from psycopg.conninfo import make_conninfo

from newsroom.celery import app
from newsroom.database_roles import OWNER
from newsroom.models import OutgoingMail
from newsroom.settings import celery_broker_url
from sandbox.children import Child, Program, run_to_end
from sandbox.folder import Folder
from sandbox.ports import HOST, free_port
from sandbox.programs import product, python
from sandbox.redis_server import Redis
from sandbox.stripe.testing import StripeSandbox
from tests import built_rows, template
from tests.browser.waiting import wait_for
from tests.servers import FOLDER_VARIABLE

QUEUE = "house"
TICKS = ("newsroom.tasks.tick", "subscriptions.tasks.tick", "donations.tasks.tick")


class House:
    """One running product. `url` is its address, `stripe` steers its Stripe."""

    def __init__(self, folder: Path, *, smtp_port: int) -> None:
        self._folder = Folder(folder)
        self._smtp_port = smtp_port
        self._children: dict[str, Child] = {}
        self._port = free_port()
        self._cleanup = ExitStack()
        self._read: dict[str, int] = {}
        self.url = f"http://localhost:{self._port}"
        self.environment: dict[str, str] = {}

    @contextmanager
    def running(self) -> Iterator["House"]:
        with self._cleanup:
            self._start()
            yield self

    def _start(self) -> None:
        """Start what the product stands on, then the product, and wait until it answers."""
        self._folder.claim()
        self._cleanup.callback(self._folder.release)
        self._cleanup.callback(self._stop_children)
        self._make_database()
        self._redis = {name: Redis.in_folder(self._folder, name, durable=False) for name in ("broker", "cache")}
        self.start_redis()
        self.stripe = self._cleanup.enter_context(
            StripeSandbox(
                webhook_url=f"http://{HOST}:{self._port}/stripe/webhook/",
                webhook_secret=os.environ["STRIPE_WEBHOOK_SECRET"],
            )
        )
        self.environment = self._environment()
        collect = ("collectstatic", "--no-input", "--verbosity", "0")
        run_to_end(python("static", "manage.py", *collect, environment=self.environment))
        with self.own_database():
            built_rows.set_aside()
        programs = product(self.environment, {"web": self._port}, self._folder.path)
        for program in programs:
            if program.name != "beat":
                self._launch(program)
        for child in self._children.values():
            child.wait_until_ready()

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            **{
                name: make_conninfo(os.environ[name], dbname=self.database)
                for name in ("DATABASE_URL", "DATABASE_OWNER_URL")
                if name in os.environ
            },
            "REDIS_URL": self._redis["broker"].url,
            "CACHE_URL": self._redis["cache"].url,
            "CELERY_QUEUE": QUEUE,
            "SITE_URL": self.url,
            "EMAIL_URL": f"smtp://{HOST}:{self._smtp_port}",
            "STRIPE_API_BASE": self.stripe.url,
            "STRIPE_PAGE_ORIGINS": self.stripe.url,
            "STATIC_ROOT": str(self._folder.path / "static"),
            "PYTHONUNBUFFERED": "1",
        }

    def _make_database(self) -> None:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        self.database = f"house_{worker}"
        with self._owner()._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {self.database}")
            made = template.wait(Path(os.environ[FOLDER_VARIABLE]))
            cursor.execute(f"CREATE DATABASE {self.database} TEMPLATE {made}")

    def _owner(self) -> BaseDatabaseWrapper:
        """Return the connection of the role that owns databases and tables."""
        return connections[OWNER if OWNER in connections else "default"]

    @contextmanager
    def own_database(self) -> Iterator[None]:
        """Point this process's models at the house's database."""
        original = connection.settings_dict["NAME"]
        connection.close()
        connection.settings_dict["NAME"] = self.database
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict["NAME"] = original

    def empty(self) -> None:
        """Forget every story that was told before: the tables are as the migrations left them."""
        self.wait_until_quiet()
        self.stripe.reset()
        built_rows.begin_anew()
        self._client("cache").flushdb()
        self._read = {path.stem: path.stat().st_size for path in self._folder.path.glob("*.log")}

    def wait_until_quiet(self) -> None:
        """Wait until the worker has done everything it was woken for, mails that are on the wire included."""
        broker = self._client("broker")
        # Celery keeps a message under this name from taking it until starting it.
        wait_for(lambda: broker.llen(QUEUE) == 0 and broker.hlen("unacked") == 0, "an empty queue")
        busy = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND state <> 'idle' AND pid <> pg_backend_pid()"
        )
        with connection.cursor() as cursor:

            def is_quiet() -> bool:
                cursor.execute(busy, [self.database])
                return bool(cursor.fetchone()[0] == 0)

            wait_for(is_quiet, "the end of every query")
        on_the_wire = OutgoingMail.objects.filter(state=OutgoingMail.State.SENDING)
        wait_for(lambda: not on_the_wire.exists(), "the end of every mail")

    def _client(self, name: str) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self._redis[name].socket), socket_timeout=5)

    def tick(self) -> None:
        """Do what beat does once a minute, and wait for what follows."""
        with Connection(celery_broker_url(self.environment["REDIS_URL"])) as broker:
            for name in TICKS:
                app.send_task(name, queue=QUEUE, connection=broker)
        self.wait_until_quiet()

    def start_redis(self) -> None:
        for redis_server in self._redis.values():
            redis_server.prepare()
            self._launch(redis_server.program()).wait_until_ready()

    def kill_redis(self) -> None:
        """Take both Redis servers away as a crash does, with all that they held."""
        for name in self._redis:
            child = self._children.pop(name)
            child.kill()
            self._folder.forget(child)

    def manage(self, *words: str) -> None:
        """Run one of the product's commands, as somebody in a second terminal does."""
        run_to_end(python("command", "manage.py", *words, environment=self.environment))

    def _launch(self, program: Program) -> Child:
        log = self._folder.path / f"{program.name}.log"
        with log.open("ab") as output:
            child = Child(program, output)
        self._folder.remember(child)
        self._children[program.name] = child
        return child

    def _stop_children(self) -> None:
        """Stop what still runs, Redis last. What was killed is not touched: its number may be a stranger's by now."""
        for name in sorted(self._children, key=lambda name: name in self._redis):
            child = self._children.pop(name)
            child.stop()
            self._folder.forget(child)

    def last_words(self) -> dict[str, str]:
        """Return what each program has said since the house was last emptied, for the message of a failed test."""
        words = {}
        for path in sorted(self._folder.path.glob("*.log")):
            with path.open("rb") as log:
                log.seek(self._read.get(path.stem, 0))
                words[path.stem] = log.read().decode("utf-8", "replace").strip()
        return words
