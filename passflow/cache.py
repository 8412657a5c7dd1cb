"""Counters in Redis, which are kept in this process's memory while Redis is away, or where there is none.

Limits stand on it: without Redis they must neither answer 500, nor let everybody through, nor keep each
request waiting for a server that does not answer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, TypeVar

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django_redis.cache import RedisCache
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from credentials.limits import Counter

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

# Seconds: how long Redis may take to answer, and how long it is left alone after it did not.
PATIENCE = 0.25
PAUSE = 5.0

_REDIS_OPTIONS = {
    "SOCKET_CONNECT_TIMEOUT": PATIENCE,
    "SOCKET_TIMEOUT": PATIENCE,
    # One more try: a connection that was kept open does not survive a restart of Redis.
    "CONNECTION_POOL_KWARGS": {"retry": Retry(NoBackoff(), 1)},
    # The default, pickle, would run whatever somebody wrote into Redis.
    "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
}


class MemoryCache(LocMemCache):
    """Counts in this process."""

    def count_all(self, counters: Sequence[Counter]) -> list[int]:
        """How far each of the counters is, this use included where it counts."""
        return [self._count(counter) for counter in counters]

    def _count(self, counter: Counter) -> int:
        if not counter.up:
            return int(self.get(counter.key, 0))
        self.add(counter.key, 0, counter.lifetime)
        try:
            return self.incr(counter.key)
        except ValueError:
            # Its lifetime ended, or others pushed it out, between these two lines.
            self.set(counter.key, 1, counter.lifetime)
            return 1


class CountingRedis(RedisCache):  # type: ignore[misc]  # has no types
    """Counts for all processes."""

    def count_all(self, counters: Sequence[Counter]) -> list[int]:
        """As in memory, in one round trip for all."""
        pipeline = self.client.get_client(write=True).pipeline(transaction=False)
        for counter in counters:
            key = self.client.make_key(counter.key)
            if counter.up:
                pipeline.set(key, 0, ex=counter.lifetime, nx=True)
                pipeline.incr(key)
            else:
                pipeline.get(key)
        answers = iter(pipeline.execute())
        return [self._read(counter, answers) for counter in counters]

    def _read(self, counter: Counter, answers: Iterator[Any]) -> int:
        if counter.up:
            next(answers)
        return int(next(answers) or 0)


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

    def _ask(self, question: Callable[[Any], Answer]) -> Answer:
        if time.monotonic() >= self._again_at.get(self._server, 0.0):
            try:
                return question(self._redis)
            except RedisError as error:
                self._again_at[self._server] = time.monotonic() + PAUSE
                logger.warning("Redis does not answer (%s); limits are counted in this process", error)
        return question(self._memory)
