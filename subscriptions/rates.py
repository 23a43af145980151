"""Token buckets that all workers on all machines share, and what happens when a domain says that we are too fast.

The buckets are in Redis. When it is away each process counts alone, at a fraction of the rate, because it cannot know
how many others do the same.
"""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from django.conf import settings
from django.db import transaction
from redis import Redis
from redis.commands.core import Script
from redis.exceptions import RedisError

from subscriptions.claims import Claimed
from subscriptions.clock import steady
from subscriptions.models import SendingLimit
from subscriptions.transports import Outcome, Verdict

logger = logging.getLogger(__name__)

# Without Redis each process may pass only a share of what all may pass together.
LOCAL_SHARE = 4
# A bucket holds what may pass in this time, so that a pause is not followed by a burst.
BURST_SECONDS = 2.0
# Gmail's advice at 4.7.28 is to stop for ten minutes (support.google.com/a/answer/14229414). A domain that complains
# again soon after a rest rests twice as long.
REST = timedelta(minutes=10)
LONGEST_REST = timedelta(hours=4)
SOON = timedelta(hours=1)
TOO_FAST = (
    *("4.7.28", "4.7.0 ", "4.7.1 ", "4.7.500", "4.7.650", "tss04"),
    *("rate limit", "too many messages", "unusual rate", "throttl"),
)
# Who waits for a slow rate is asked again after this time at the latest, because the rate may have grown.
LONGEST_WAIT = timedelta(hours=1)

# Takes up to ARGV[3] tokens from a bucket that fills at ARGV[1] a second up to ARGV[2], by the server's own clock.
# Returns how many were taken and after how many milliseconds there will be one more.
TAKE = """
local rate, size, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(kept[1]) or size
local at = tonumber(kept[2]) or now
tokens = math.min(size, tokens + math.max(0, now - at) * rate / 1000)
local taken = math.min(wanted, math.floor(tokens))
tokens = tokens - taken
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(size / rate * 1000) + 60000)
return {taken, math.max(0, math.ceil((1 - tokens) / rate * 1000))}
"""

_local_buckets: dict[str, tuple[float, float]] = {}


@cache
def _script() -> Script:
    seconds = settings.REDIS_TIMEOUT_SECONDS
    client: Redis = Redis.from_url(settings.CACHE_URL, socket_timeout=seconds, socket_connect_timeout=seconds)
    return client.register_script(TAKE)


def take(name: str, wanted: int, *, per_minute: float) -> tuple[int, float]:
    """Take up to `wanted` tokens from a shared bucket; return how many, and the seconds until there is another."""
    rate = per_minute / 60
    size = max(1.0, rate * BURST_SECONDS)
    try:
        taken, wait = _script()(keys=[f"newsroom:sending:{name}"], args=[rate, size, wanted])
    except (RedisError, OSError) as error:
        logger.warning("The rate %s counts in this process alone (%s).", name, type(error).__name__)
        return _take_locally(name, wanted, rate / LOCAL_SHARE)
    return int(taken), int(wait) / 1000


def _take_locally(name: str, wanted: int, rate: float) -> tuple[int, float]:
    size = max(1.0, rate * BURST_SECONDS)
    now = steady()
    tokens, at = _local_buckets.get(name, (size, now))
    tokens = min(size, tokens + (now - at) * rate)
    taken = min(wanted, int(tokens))
    _local_buckets[name] = (tokens - taken, now)
    return taken, max(0.0, (1 - (tokens - taken)) / rate)


class Limits:
    """The limits in force during one turn of a worker."""

    def __init__(self, at: datetime) -> None:
        rows = list(SendingLimit.objects.all())
        self.per_minute = {row.domain: rate for row in rows if (rate := row.rate(at)) is not None}
        # Seconds until the overall rate lets the next message by, where it let none by.
        self.next_in = 0.0
        self.rests_until = {row.domain: row.rests_until for row in rows if row.rests_until}

    def window(self, most: int, *, until: float) -> int:
        """Return how many deliveries may be claimed now, waiting for one until a reading of the steady clock."""
        overall = self.per_minute.get("")
        if overall is None:
            return most
        while True:
            taken, wait = take("everything", most, per_minute=overall)
            self.next_in = 0.0 if taken else wait
            if taken or steady() + wait > until:
                return taken
            time.sleep(min(wait, 1.0))

    def postponed(self, deliveries: Sequence[Claimed], *, at: datetime) -> dict[int, datetime]:
        """Return the deliveries whose domain has had enough for now, each with the moment of its next chance.

        Their moments are spread at the domain's rate, so that they do not all come back at once.
        """
        by_domain: dict[str, list[Claimed]] = {}
        for delivery in deliveries:
            domain = delivery.email.rpartition("@")[2]
            if domain in self.per_minute or domain in self.rests_until:
                by_domain.setdefault(domain, []).append(delivery)
        later: dict[int, datetime] = {}
        for domain, theirs in by_domain.items():
            rests_until = self.rests_until.get(domain)
            if rests_until is not None and rests_until > at:
                later |= {delivery.delivery_id: rests_until for delivery in theirs}
            elif (per_minute := self.per_minute.get(domain)) is not None:
                taken, wait = take(domain, len(theirs), per_minute=per_minute)
                later |= {
                    delivery.delivery_id: at + min(LONGEST_WAIT, timedelta(seconds=wait + number * 60 / per_minute))
                    for number, delivery in enumerate(theirs[taken:])
                }
        return later

    def learn(self, deliveries: Sequence[Claimed], outcomes: Sequence[Outcome], *, at: datetime) -> None:
        """Let a domain rest that said we are too fast."""
        domains = {delivery.delivery_id: delivery.email.rpartition("@")[2] for delivery in deliveries}
        complaints = Counter(
            domains[outcome.delivery_id]
            for outcome in outcomes
            if outcome.verdict is Verdict.DEFERRED and any(words in outcome.reply.lower() for words in TOO_FAST)
        )
        for domain in complaints:
            reason = next(
                f"{one.code} {one.reply}"[:220] for one in outcomes if domains[one.delivery_id] == domain and one.reply
            )
            self.rests_until[domain] = _rest(domain, reason, at)


@transaction.atomic
def _rest(domain: str, reason: str, at: datetime) -> datetime:
    """Let a domain rest, and return until when: longer each time that it complains soon after a rest."""
    SendingLimit.objects.get_or_create(domain=domain)
    limit = SendingLimit.objects.select_for_update().get(domain=domain)
    if limit.rests_until is None or at > limit.rests_until:
        is_again = limit.rests_until is not None and at < limit.rests_until + SOON
        limit.rests = limit.rests + 1 if is_again else 1
        limit.rests_until = at + min(LONGEST_REST, REST * 2 ** min(limit.rests - 1, 10))
        limit.rest_reason = reason
        limit.save()
    return limit.rests_until
