"""Rate limits that hold across processes, and grow stricter when their store is away."""

import hashlib
import ipaddress
import logging
from functools import cache, lru_cache
from pathlib import Path
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

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# How much of an address names the network: what one household or office has.
PREFIXES = {4: 24, 6: 56}
# This machine and what stands beside it. Whoever comes from there came through a proxy or an onion service.
NEARBY = tuple(
    ipaddress.ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::/56", "fc00::/7", "fe80::/10")
)


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
    return str(_network_around(address))


def _network_around(address: Address) -> Network:
    prefix = PREFIXES[address.version]
    return ipaddress.ip_network(f"{address}/{prefix}", strict=False)


def is_shared(network: str) -> bool:
    """Say whether a network of `network_of` stands for readers who have nothing to do with one another.

    That is an onion service or a proxy on this machine or beside it, a network that nobody knows, and whatever the
    operator lists, such as Tor's exits. A limit that is right for a household would shut all of them out together.
    """
    try:
        asked = ipaddress.ip_network(network)
    except ValueError:
        return True
    path = settings.SHARED_NETWORKS_FILE
    return any(asked.overlaps(near) for near in NEARBY) or (bool(path) and _is_listed(asked, path))


def _is_listed(asked: Network, path: str) -> bool:
    try:
        written_at = Path(path).stat().st_mtime_ns
        small, large = _listed(path, written_at)
    except OSError as error:
        logger.warning("The list of shared networks cannot be read (%s).", type(error).__name__)
        return False
    return asked in small or any(asked.overlaps(one) for one in large)


@lru_cache(maxsize=2)
def _listed(path: str, written_at: int) -> tuple[frozenset[Network], tuple[Network, ...]]:
    """Read the list: the networks of single addresses, to be looked up, and whole larger ones. Read anew if changed."""
    small, large = set(), []
    for line in Path(path).read_text(errors="replace").splitlines():
        try:
            network = ipaddress.ip_network(line.partition("#")[0].strip(), strict=False)
        except ValueError:
            continue
        if network.prefixlen < PREFIXES[network.version]:
            large.append(network)
        else:
            small.add(_network_around(network.network_address))
    return frozenset(small), tuple(large)
