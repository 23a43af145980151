"""What machines ask, and get an answer to without the site's name, HTTPS, a cookie or a session."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from newsroom import heartbeats, probes
from newsroom.models import Heartbeat
from tests.owner import become_owner

pytestmark = pytest.mark.django_db
AWAY = "redis://127.0.0.1:9/0"


@pytest.fixture(autouse=True)
def _as_in_production(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT, settings.ALLOWED_HOSTS = True, ["news.example"]


def all_alive() -> None:
    for kind in Heartbeat.Kind:
        heartbeats.write(kind, name="here:1", at=timezone.now())


def test_healthz_asks_nobody(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        response = client.get("/healthz", headers={"Host": "10.0.0.7:8000"})
    assert (response.status_code, response.content) == (200, b"ok\n")
    assert response.headers["Cache-Control"] == "no-store"
    assert client.post("/healthz").status_code == 405
    assert not response.cookies


def test_readyz_names_the_part_that_is_away(client: Client, settings: Any) -> None:
    all_alive()
    response = client.get("/readyz")
    assert (response.status_code, set(response.json().values())) == (200, {"ok"})
    parts = set(response.json())
    assert parts == {"broker", "cache", "migrations", "beat", "worker", "tick", "database"}

    Heartbeat.objects.filter(kind="beat").update(at=timezone.now() - heartbeats.SILENCE)
    Heartbeat.objects.filter(kind="worker").delete()
    settings.REDIS_URL = AWAY
    response = client.get("/readyz")
    assert response.status_code == 503
    wrong = {part: state for part, state in response.json().items() if state != "ok"}
    assert wrong == {"beat": "silent", "worker": "silent", "broker": "away"}


def test_readyz_sees_a_migration_that_was_not_applied(client: Client) -> None:
    all_alive()
    probes._migrated.clear()
    with connection.cursor() as cursor:
        become_owner(cursor)
        cursor.execute("DELETE FROM django_migrations WHERE app = 'newsroom'")
        cursor.execute("SET LOCAL ROLE NONE")
    assert client.get("/readyz").json()["migrations"] == "not applied"


def test_readyz_outlives_a_database_that_is_away(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_TOKEN = "token"
    with connection.cursor() as cursor:
        become_owner(cursor)
        cursor.execute("ALTER TABLE newsroom_heartbeat RENAME TO gone")
    sid = connection.savepoint()
    response = client.get("/readyz")
    connection.savepoint_rollback(sid)
    assert (response.status_code, response.json()["database"]) == (503, "away")
    assert client.get("/metrics", headers={"Authorization": "Bearer token"}).status_code == 503


@pytest.mark.parametrize(
    ("token", "shown", "status"),
    [
        ("", "", 404),
        ("", "Bearer ", 404),
        ("right", "", 404),
        ("right", "Bearer wrong", 404),
        ("right", "Bearer right", 200),
    ],
)
def test_the_figures_are_for_who_knows_the_token(
    client: Client, settings: Any, token: str, shown: str, status: int
) -> None:
    settings.METRICS_TOKEN = token
    assert client.get("/metrics", headers={"Authorization": shown}).status_code == status


def test_processes_that_ended_are_forgotten(client: Client) -> None:
    at = timezone.now()
    heartbeats.write(Heartbeat.Kind.WORKER, name="old:1", at=at - heartbeats.KEPT * 2)
    heartbeats.write(Heartbeat.Kind.WORKER, name="new:1", at=at - heartbeats.SILENCE / 2)
    heartbeats.write(Heartbeat.Kind.WORKER, name="new:1", at=at)
    assert heartbeats.counts(at)["worker"] == 1
    assert heartbeats.forget_old(at=at) == 1
    assert heartbeats.ages(at)["worker"] == at - at
