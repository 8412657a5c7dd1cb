"""The cache in Redis, which counts on in this process's memory while Redis is away.

Limits stand on it: without Redis they must neither answer 500, nor let everybody through, nor keep each
request waiting for a server that does not answer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django_redis.cache import RedisCache
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

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


class FailOverCache(BaseCache):
    """Redis while it answers, memory while it does not; what was counted here meanwhile stays here.

    Only what limits need. `clear` is left out: in Redis it would empty the broker as well.
    """

    # When a server is tried again, on the monotonic clock; shared, as Django makes a cache for each thread.
    _again_at: ClassVar[dict[str, float]] = {}

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._server = server
        self._redis: BaseCache = RedisCache(server, {**params, "OPTIONS": _REDIS_OPTIONS})
        self._memory = LocMemCache("fail-over", params)

    def add(
        self, key: Any, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        return self._ask(lambda cache: cache.add(key, value, timeout, version))

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self._ask(lambda cache: cache.get(key, default, version))

    def set(
        self, key: Any, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        self._ask(lambda cache: cache.set(key, value, timeout, version))

    def delete(self, key: Any, version: int | None = None) -> bool:
        return self._ask(lambda cache: cache.delete(key, version))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Counts up; a counter made before Redis left or came back begins anew, not with an error."""
        try:
            return self._ask(lambda cache: cache.incr(key, delta, version))
        except ValueError:
            self.add(key, 0, version=version)
            return self._ask(lambda cache: cache.incr(key, delta, version))

    def _ask(self, question: Callable[[BaseCache], Answer]) -> Answer:
        if time.monotonic() >= self._again_at.get(self._server, 0.0):
            try:
                return question(self._redis)
            except RedisError as error:
                self._again_at[self._server] = time.monotonic() + PAUSE
                logger.warning("Redis does not answer (%s); limits are counted in this process", error)
        return question(self._memory)
