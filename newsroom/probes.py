"""What machines ask: `/healthz` (does this process answer), `/readyz` (does everything run), `/metrics` (how much)."""

import logging
from collections.abc import Callable, Iterator
from functools import cache

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseNotFound, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from redis import Redis
from redis.exceptions import RedisError

from newsroom import heartbeats, metrics

logger = logging.getLogger(__name__)


class ProbesMiddleware:
    """Answer probes before anything else: they come by a bare address, without HTTPS, and want no session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.probes = {"/healthz": healthz, "/readyz": readyz, "/metrics": figures}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        probe = self.probes.get(request.path_info)
        if probe is None:
            return self.get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        response = probe(request)
        # Whoever asks every few seconds hears the answer; the log need not.
        response._has_been_logged = True  # type: ignore[attr-defined]
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def healthz(request: HttpRequest) -> HttpResponse:
    """Say that this process answers. It asks nothing else, so that a database that is away ends no process."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether everything runs that the product needs, part by part. It tells no version, name or address."""
    found = dict(_parts())
    return JsonResponse(found, status=200 if set(found.values()) == {"ok"} else 503)


def figures(request: HttpRequest) -> HttpResponse:
    """Show the figures to who knows the token. Without one they are nobody's."""
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not settings.METRICS_TOKEN or not constant_time_compare(shown, settings.METRICS_TOKEN):
        return HttpResponseNotFound(content_type="text/plain")
    try:
        body = metrics.exposition(timezone.now())
    except DatabaseError as error:
        logger.warning("The figures cannot be read (%s).", type(error).__name__)
        return HttpResponse("The database is away.\n", status=503, content_type="text/plain")
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)


def _parts() -> Iterator[tuple[str, str]]:
    yield "broker", _redis(settings.REDIS_URL)
    yield "cache", _redis(settings.CACHE_URL)
    try:
        yield "migrations", "ok" if _is_migrated() else "not applied"
        for kind, age in heartbeats.ages(timezone.now()).items():
            yield kind, "ok" if age is not None and age < heartbeats.SILENCE else "silent"
    except DatabaseError as error:
        logger.warning("The database is away (%s).", type(error).__name__)
        yield "database", "away"
    else:
        yield "database", "ok"


def _redis(url: str) -> str:
    try:
        _client(url).ping()
    except (RedisError, OSError):
        return "away"
    return "ok"


@cache
def _client(url: str) -> Redis:
    seconds = settings.REDIS_TIMEOUT_SECONDS
    return Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds)


_migrated: list[bool] = []


def _is_migrated() -> bool:
    """Say whether every migration of this code is applied. What was applied stays so while the process runs."""
    if not _migrated:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return False
        _migrated.append(True)
    return True
