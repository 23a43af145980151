"""Rate limits that hold across processes, and grow stricter when their store is away."""

import hashlib
import ipaddress
import logging
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from limits import parse
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# Without Redis each process counts alone, so each may pass only a share of what all may pass together.
LOCAL_SHARE = 4


@cache
def _shared() -> MovingWindowRateLimiter:
    timeout = {
        "socket_timeout": settings.REDIS_TIMEOUT_SECONDS,
        "socket_connect_timeout": settings.REDIS_TIMEOUT_SECONDS,
    }
    return MovingWindowRateLimiter(_storage(settings.CACHE_URL, timeout))


def _storage(url: str, options: dict[str, Any]) -> RedisStorage:
    # `limits` spells a unix socket its own way.
    url = url.replace("unix://", "redis+unix://", 1) if url.startswith("unix://") else url
    return RedisStorage(url, **options)


@cache
def _local() -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(MemoryStorage())


def allow(name: str, *parts: str, rate: str) -> bool:
    """Count one event and say whether it is within `rate`, such as `5/hour`.

    `parts` tell whose limit it is (an address, a network). They are hashed before they become a key, so the store holds
    no address. When Redis is away each process counts alone, at a quarter of the rate but at least one.
    """
    limit = parse(rate)
    key = hashlib.blake2b(
        "\x1f".join(parts).encode(), key=settings.SECRET_KEY.encode()[:64], digest_size=16
    ).hexdigest()
    try:
        return _shared().hit(limit, name, key)
    except (RedisError, OSError) as error:
        logger.warning("The limit %s counts in this process alone (%s).", name, type(error).__name__)
        stricter = type(limit)(max(1, limit.amount // LOCAL_SHARE), limit.multiples)
        return _local().hit(stricter, name, key)


def network_of(request: HttpRequest) -> str:
    """Return the network a request came from, a /24 of IPv4 or a /56 of IPv6, for limits only; never stored.

    X-Forwarded-For is believed only as far back as `TRUSTED_PROXIES` proxies of ours wrote it, as everything to the
    left of that is written by the client.
    """
    text = request.META.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXIES:
        hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        if len(hops) >= settings.TRUSTED_PROXIES:
            text = hops[-settings.TRUSTED_PROXIES]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    prefix = 24 if address.version == 4 else 56
    return str(ipaddress.ip_network(f"{address}/{prefix}", strict=False))
