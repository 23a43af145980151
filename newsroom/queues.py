"""How many tasks wait in the broker."""

from functools import cache

from django.conf import settings
from redis import Redis


@cache
def _client(url: str) -> Redis:
    seconds = settings.REDIS_TIMEOUT_SECONDS
    return Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds)


def lengths() -> dict[str, int]:
    """Return the length of each queue. Raises RedisError where the broker is away."""
    names = {"quick": settings.CELERY_TASK_DEFAULT_QUEUE, "slow": settings.CELERY_SLOW_QUEUE}
    return {word: int(_client(settings.REDIS_URL).llen(name)) for word, name in names.items()}
