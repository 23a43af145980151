"""Which state of the public site is the present one. Kept pages carry its number, so nothing has to guess addresses.

The number lives in PostgreSQL and is repeated in Redis, where every process reads it a few times a second. Redis may
forget it or be away: then the row is asked.
"""

import logging
import time
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.db import models, transaction
from redis import Redis
from redis.exceptions import RedisError

from newsroom.models.site import SiteVersion

logger = logging.getLogger(__name__)

KEY = "newsroom:site-version"
# How long a process trusts what it has read. A publication shows everywhere within this time and one rendering.
TRUST_SECONDS = 0.25
# After a failure Redis is left alone for so long, so that its absence does not slow every page.
REST_SECONDS = 5.0

# Two processes may report in the wrong order; the higher number wins, because numbers are given under the row's lock.
_RAISE = """
local present = redis.call('GET', KEYS[1])
if not present or tonumber(string.match(present, '%d+$')) < tonumber(ARGV[2]) then
  redis.call('SET', KEYS[1], ARGV[1] .. '.' .. ARGV[2])
end
"""


class Version(NamedTuple):
    epoch: int
    number: int


class _Known:
    """What this process knows, and until when it trusts it."""

    version = Version(0, 0)
    until = 0.0
    redis_rests_until = 0.0


_known = _Known()


def forget() -> None:
    """Ask anew at the next page, Redis included."""
    _known.until = _known.redis_rests_until = 0.0


@cache
def redis_client() -> Redis:
    return Redis.from_url(settings.CACHE_URL, socket_timeout=0.5, socket_connect_timeout=0.25)


def ask_redis(question: str, *args: Any, **kwargs: Any) -> Any:
    """Send one command to the cache, and return None where it is away."""
    if time.monotonic() < _known.redis_rests_until:
        return None
    try:
        return getattr(redis_client(), question)(*args, **kwargs)
    except (RedisError, OSError) as error:
        _known.redis_rests_until = time.monotonic() + REST_SECONDS
        logger.warning("The page cache goes on without Redis (%s).", type(error).__name__)
        return None


def redis_is_away() -> bool:
    return time.monotonic() < _known.redis_rests_until


def trusted() -> Version | None:
    """Return the present version as far as this process has read it a moment ago. It asks nobody."""
    return _known.version if time.monotonic() < _known.until else None


def present() -> Version:
    """Return the present version: from memory for a moment, else from Redis, else from the database."""
    now = time.monotonic()
    if now < _known.until:
        return _known.version
    answer = ask_redis("get", KEY)
    if answer:
        epoch, _, number = answer.decode().partition(".")
        version = Version(int(epoch), int(number))
    else:
        version = _from_database()
        _report(version)
    _known.version, _known.until = version, now + TRUST_SECONDS
    return version


def _from_database() -> Version:
    row = SiteVersion.objects.filter(pk=1).values_list("epoch", "number").first()
    return Version(*row) if row else Version(0, 0)


def _report(version: Version) -> None:
    ask_redis("eval", _RAISE, 1, KEY, version.epoch, version.number)


def pages_changed(*, at_once: bool = False) -> None:
    """Make every kept page stale once the caller's transaction is committed.

    `at_once` also forbids the moment in which a stale page is served while its successor is made: for withdrawals.
    A process that dies between its commit and this call leaves pages stale for their longest age, one minute.
    """
    transaction.on_commit(_raise_epoch if at_once else _raise_number, robust=True)


def _raise_number() -> None:
    _raise(epochs=0)


def _raise_epoch() -> None:
    _raise(epochs=1)


def _raise(*, epochs: int) -> None:
    with transaction.atomic():
        SiteVersion.objects.get_or_create(pk=1)
        SiteVersion.objects.filter(pk=1).update(number=models.F("number") + 1, epoch=models.F("epoch") + epochs)
        version = _from_database()
    _report(version)
    _known.until = 0.0
