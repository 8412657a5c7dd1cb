"""Counters in Redis, which are kept in this process's memory while Redis is away, or where there is none.

Limits stand on it: without Redis they must neither answer 500, nor let everybody through, nor keep each
request waiting for a server that does not answer.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django_redis.cache import RedisCache
from redis import Redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.exceptions import RedisError
from redis.retry import Retry

from credentials.limits import Counter

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

# Seconds: how long Redis may take to answer, and how long it is left alone after it did not.
PATIENCE = 0.25
PAUSE = 5.0

# More members of one counter are not told apart in memory.
MOST_MEMBERS = 1_000

_REDIS_OPTIONS = {
    "SOCKET_CONNECT_TIMEOUT": PATIENCE,
    "SOCKET_TIMEOUT": PATIENCE,
    # One more try: a connection that was kept open does not survive a restart of Redis.
    "CONNECTION_POOL_KWARGS": {"retry": Retry(NoBackoff(), 1)},
    # The default, pickle, would run whatever somebody wrote into Redis.
    "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
}


# For each key its lifetime, which is 0 when it is only looked at, and the member whose kind it counts:
# twelve kilobytes at most, however many come, and about one in a hundred off when there are many.
_COUNT = Script(
    Redis(),
    """
    local counts = {}
    for number, key in ipairs(KEYS) do
        local lifetime, member = ARGV[2 * number - 1], ARGV[2 * number]
        local up = lifetime ~= "0"
        if member ~= "" then
            if up then
                redis.call("PFADD", key, member)
                redis.call("EXPIRE", key, lifetime)
            end
            counts[number] = redis.call("PFCOUNT", key)
        elseif up then
            counts[number] = redis.call("INCR", key)
            if counts[number] == 1 then redis.call("EXPIRE", key, lifetime) end
        else
            counts[number] = tonumber(redis.call("GET", key) or "0")
        end
    end
    return counts
    """,
)


class MemoryCache(LocMemCache):
    """Counts in this process."""

    # Shared, as Django makes a cache for each thread.
    _lists: ClassVar[dict[str, list[str]]] = {}
    _turn: ClassVar[threading.Lock] = threading.Lock()

    def count_all(self, counters: Sequence[Counter]) -> list[int]:
        """How far each of the counters is, this use included where it counts."""
        return [self._count(counter) for counter in counters]

    def push(self, key: str, value: str, *, most: int) -> None:
        """Puts a value at the end of a list, unless it is `most` long already."""
        with self._turn:
            values = self._lists.setdefault(key, [])
            if len(values) < most:
                values.append(value)

    def pop_all(self, key: str) -> list[str]:
        """Takes everything out of a list."""
        with self._turn:
            return self._lists.pop(key, [])

    def _count(self, counter: Counter) -> int:
        if counter.member:
            return self._count_members(counter)
        if not counter.up:
            return int(self.get(counter.key, 0))
        self.add(counter.key, 0, counter.lifetime)
        try:
            return self.incr(counter.key)
        except ValueError:
            # Its lifetime ended, or others pushed it out, between these two lines.
            self.set(counter.key, 1, counter.lifetime)
            return 1

    def _count_members(self, counter: Counter) -> int:
        members = set(self.get(counter.key, ()))
        if counter.up and counter.member not in members and len(members) < MOST_MEMBERS:
            members.add(counter.member)
            self.set(counter.key, members, counter.lifetime)
        return len(members)


class CountingRedis(RedisCache):  # type: ignore[misc]  # has no types
    """Counts for all processes."""

    def count_all(self, counters: Sequence[Counter]) -> list[int]:
        """As in memory, in one round trip for all."""
        keys = [self.client.make_key(counter.key) for counter in counters]
        arguments = [
            argument
            for counter in counters
            for argument in (counter.lifetime if counter.up else 0, counter.member)
        ]
        counts: list[int] = _COUNT(keys, arguments, client=self.client.get_client(write=True))
        return counts

    def push(self, key: str, value: str, *, most: int) -> None:
        """As in memory; two at the same time may make it a little longer."""
        client, key = self.client.get_client(write=True), self.client.make_key(key)
        if client.llen(key) < most:
            client.rpush(key, value)

    def pop_all(self, key: str) -> list[str]:
        """As in memory."""
        client, key = self.client.get_client(write=True), self.client.make_key(key)
        # In one transaction: what others push meanwhile is neither lost nor taken twice.
        pipeline = client.pipeline()
        pipeline.lrange(key, 0, -1)
        pipeline.delete(key)
        return [value.decode() for value in pipeline.execute()[0]]


class FailOverCache(BaseCache):
    """Redis while it answers, memory while it does not; what was counted here meanwhile stays here.

    Only what limits need. `clear` is left out: in Redis it would empty the broker as well.
    """

    # When a server is tried again, on the monotonic clock; shared, as Django makes a cache for each thread.
    _again_at: ClassVar[dict[str, float]] = {}

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._server = server
        self._redis = CountingRedis(server, {**params, "OPTIONS": _REDIS_OPTIONS})
        self._memory = MemoryCache("fail-over", params)

    def add(
        self, key: Any, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        return bool(self._ask(lambda cache: cache.add(key, value, timeout, version)))

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self._ask(lambda cache: cache.get(key, default, version))

    def set(
        self, key: Any, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        self._ask(lambda cache: cache.set(key, value, timeout, version))

    def delete(self, key: Any, version: int | None = None) -> bool:
        return bool(self._ask(lambda cache: cache.delete(key, version)))

    def count_all(self, counters: Sequence[Counter]) -> list[int]:
        return self._ask(lambda cache: cache.count_all(counters))

    def push(self, key: str, value: str, *, most: int) -> None:
        self._ask(lambda cache: cache.push(key, value, most=most))

    def pop_all(self, key: str) -> list[str]:
        """Also what was put here while Redis was away."""
        found: list[str] = self._ask(lambda cache: cache.pop_all(key))
        return self._memory.pop_all(key) + found

    def _ask(self, question: Callable[[Any], Answer]) -> Answer:
        if time.monotonic() >= self._again_at.get(self._server, 0.0):
            try:
                return question(self._redis)
            except RedisError as error:
                self._again_at[self._server] = time.monotonic() + PAUSE
                logger.warning("Redis does not answer (%s); limits are counted in this process", error)
        return question(self._memory)
