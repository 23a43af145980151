"""What every test stands on: real PostgreSQL and Redis (tests/servers.py), a real SMTP server, a real queue."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from django.conf import settings
from django.contrib.auth import user_logged_in
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management.commands import flush
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from django.dispatch import receiver
from django.test import Client
from kombu import pools
from pytest_django import DjangoDbBlocker
from redis import Redis
from xdist.scheduler import LoadScopeScheduling

from newsroom import limits, outbox
from newsroom.celery import app
from newsroom.database_roles import OWNER, grant
from newsroom.models import OutgoingMail
from tests import built_rows, template
from tests.mailbox import Mailbox
from tests.owner import connect_as
from tests.servers import FOLDER_VARIABLE

# A worker imports the task modules when it starts; here the tests are the worker.
app.loader.import_default_modules()


APPLICATION = {name: settings.DATABASES["default"][name] for name in ("USER", "PASSWORD")}

# What migrations write and no test changes: to write it again after each transactional test costs more than the test.
KEPT_TABLES = {
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "django_content_type",
    "django_migrations",
    "subscriptions_retentionperiod",
}


def _empty_touched_tables(self: DatabaseOperations, sql_list: list[str]) -> None:
    """Undo what a transactional test wrote. Django would TRUNCATE every table and run all `post_migrate` handlers."""
    built_rows.begin_anew(keep=KEPT_TABLES)


DatabaseOperations.execute_sql_flush = _empty_touched_tables  # type: ignore[method-assign]
flush.emit_post_migrate_signal = lambda *args, **kwargs: None  # type: ignore[assignment]


# What stands on servers or a browser of its own, which each process would start anew: one process has it to itself.
# The longest come first, so that none is left over at the end.
TOGETHER = {
    "browser of the staff": [
        f"tests/browser/test_{name}.py"
        for name in ("article_desk", "friday", "issue_desk", "passkeys", "publishing", "seeing")
    ],
    "browser of the readers": ["tests/browser/"],
    "chaos of sending": ["tests/chaos/test_sending_survives.py"],
    "chaos of money": ["tests/chaos/"],
    "sandbox": ["tests/sandbox/"],
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = [item for item in items if all(all(mark.args) for mark in item.iter_markers("where"))]
    order = [*TOGETHER, None]
    items.sort(key=lambda item: order.index(_group_of(item.nodeid)))


class Together(LoadScopeScheduling):
    """Gives each process one of the groups, and then single tests as each is through."""

    def _split_scope(self, nodeid: str) -> str:
        return _group_of(nodeid) or nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)


def _group_of(nodeid: str) -> str | None:
    path = nodeid.partition("::")[0]
    return next((group for group, starts in TOGETHER.items() if path.startswith(tuple(starts))), None)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Let the role that owns the tables make them, as a copy of those that the run has made once."""
    connection.settings_dict["TEST"]["TEMPLATE"] = template.wait(Path(os.environ[FOLDER_VARIABLE]))
    if OWNER in settings.DATABASES:
        connect_as(settings.DATABASES[OWNER])


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Run every test as the application's own role, which may do no more here than in production."""
    with django_db_blocker.unblock():
        built_rows.set_aside()
    if OWNER not in settings.DATABASES:
        yield
        return
    with django_db_blocker.unblock():
        grant(connection, role=APPLICATION["USER"])
        connect_as(APPLICATION)
    yield
    with django_db_blocker.unblock():
        connect_as(settings.DATABASES[OWNER])


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    """Hash passwords with one round: what makes a password slow to guess makes each test that logs in slow too."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _clean_redis() -> None:
    """Give each test an empty broker, cache and set of limits."""
    for url in {settings.REDIS_URL, settings.CACHE_URL}:
        Redis.from_url(url).flushdb()
    limits._local.cache_clear()


@pytest.fixture(scope="session")
def _mailbox() -> Iterator[Mailbox]:
    with Mailbox() as mailbox:
        yield mailbox


@pytest.fixture
def smtp(_mailbox: Mailbox, settings: Any) -> Mailbox:
    """A real SMTP server on loopback that the product sends to; `smtp.messages` are what arrived, parsed."""
    _mailbox.clear()
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", _mailbox.port
    settings.EMAIL_USE_SSL = settings.EMAIL_USE_TLS = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    return _mailbox


@pytest.fixture
def run_queue() -> Callable[[], int]:
    """Run every task that waits in the broker, in this process, and return how many there were.

    The messages were really serialised through Redis. Inside a test's own transaction nothing commits, so wrap the
    request in `django_capture_on_commit_callbacks(execute=True)`, or ask for a transactional database.
    """
    return drain_queue


def drain_queue() -> int:
    redis = Redis.from_url(settings.REDIS_URL)
    count = 0
    while (raw := redis.rpop(settings.CELERY_TASK_DEFAULT_QUEUE) or redis.rpop(settings.CELERY_SLOW_QUEUE)) is not None:
        message = json.loads(raw)  # type: ignore[arg-type]
        with app.connection_for_read() as broker:
            channel = broker.default_channel
            args, kwargs, _embed = channel.Message(message, channel=channel).decode()
        app.tasks[message["headers"]["task"]](*args, **kwargs)
        count += 1
        assert count < 10_000, "The queue never ends."
    return count


class Broker:
    """The broker as the product sees it: `leave()` takes it away as a crash would, `come_back()` returns it."""

    def __init__(self) -> None:
        self._url = app.conf.broker_url

    def leave(self) -> None:
        self._point_to("redis+socket:///nowhere/redis.sock?virtual_host=0")

    def come_back(self) -> None:
        self._point_to(self._url)

    def _point_to(self, url: str) -> None:
        pools.reset()
        app._pool = None
        app.amqp._producer_pool = None
        app.conf.broker_url = url
        app.conf.broker_write_url = url
        app.conf.broker_read_url = url


@pytest.fixture
def broker() -> Iterator[Broker]:
    broker = Broker()
    yield broker
    broker.come_back()


@pytest.fixture
def send_mail_now(smtp: Mailbox) -> Callable[[], list[Any]]:
    """Send everything in the outbox that is due and return what has arrived so far."""

    def send() -> list[Any]:
        for pk in OutgoingMail.objects.filter(state=OutgoingMail.State.QUEUED).values_list("pk", flat=True):
            outbox.deliver(pk)
        return smtp.messages

    return send


@receiver(user_logged_in)
def _count_as_just_proven(request: Any, user: User, **kwargs: Any) -> None:
    """Let a test that logs in by `force_login` stand where a person stands who typed their password a moment ago."""
    if request is not None and not get_authentication_records(request, user):
        record_authentication(request, user, "password")


@pytest.fixture
def staff_user(db: None) -> User:
    return User.objects.create_superuser("staff", "staff@meridian.example", "correct horse")


@pytest.fixture
def staff_client(staff_user: User) -> Client:
    client = Client()
    client.force_login(staff_user)
    # A session that is new is written down once; a test that counts queries counts those of its own pages.
    client.get("/admin/jsi18n/")
    return client


@pytest.fixture(autouse=True)
def _fresh_cache_connections() -> Iterator[None]:
    yield
    cache.close()
