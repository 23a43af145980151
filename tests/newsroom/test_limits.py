from typing import Any

import pytest
from django.test import RequestFactory

from newsroom import limits


def test_limit_is_shared_and_counts_each_part_alone() -> None:
    taken = [limits.allow("signup", "a@example.org", rate="3/hour") for _ in range(5)]
    assert taken == [True, True, True, False, False]
    assert limits.allow("signup", "b@example.org", rate="3/hour")
    assert limits.allow("gift", "a@example.org", rate="3/hour")


def test_limit_is_stricter_without_redis(settings: Any) -> None:
    settings.CACHE_URL = "unix:///nowhere/redis.sock?db=0"
    limits._shared.cache_clear()
    try:
        assert [limits.allow("signup", "a@example.org", rate="8/hour") for _ in range(4)] == [True, True, False, False]
        assert limits.allow("signup", "b@example.org", rate="1/hour")
    finally:
        limits._shared.cache_clear()


@pytest.mark.parametrize(
    ("proxies", "forwarded", "network"),
    [
        (0, "203.0.113.9", "192.0.2.0/24"),
        (1, "203.0.113.9", "203.0.113.0/24"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.0/24"),
        (2, "6.6.6.6, 198.51.100.1, 203.0.113.9", "198.51.100.0/24"),
        (2, "203.0.113.9", "192.0.2.0/24"),
        (1, "2001:db8:1:2ff::1", "2001:db8:1:200::/56"),
        (1, "::ffff:203.0.113.9", "203.0.113.0/24"),
        (1, "nonsense", "unknown"),
    ],
)
def test_network_believes_only_our_own_proxies(settings: Any, proxies: int, forwarded: str, network: str) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7", headers={"X-Forwarded-For": forwarded})
    assert limits.network_of(request) == network
