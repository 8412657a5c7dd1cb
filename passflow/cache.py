"""Counters in Redis, which are kept in this process's memory while Redis is away, or where there is none.

Limits stand on it: without Redis they must neither answer 500, nor let everybody through, nor keep each
request waiting for a server that does not answer.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django_redis.cache import RedisCache
from hiredis import pack_command
from redis import Redis, exceptions
from redis.backoff import NoBackoff
from redis.commands.core import Script
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


# For each key its lifetime, which is 0 when it is only looked at, the most that is not too much, and the
# member whose kind it counts: twelve kilobytes at most, however many come, and about one in a hundred off
# when there are many. What follows a key above its most is not counted.
_COUNT = Script(
    Redis(),
    """
    local counts = {}
    for number, key in ipairs(KEYS) do
        local lifetime, most, member = unpack(ARGV, 3 * number - 2, 3 * number)
        local begins = lifetime ~= "0"
        local count = 0
        if member == "" then
            count = begins and redis.call("INCR", key) or tonumber(redis.call("GET", key) or "0")
            if begins and count == 1 then redis.call("EXPIRE", key, lifetime) end
        elseif begins or redis.call("EXISTS", key) == 1 then
            redis.call("PFADD", key, member)
            if begins then redis.call("EXPIRE", key, lifetime) end
            count = redis.call("PFCOUNT", key)
        end
        counts[number] = count
        if count > tonumber(most) then break end
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
        """How far each counter is, this use included where it counts, up to the first above its most."""
        counts: list[int] = []
        for counter in counters:
            counts.append(self._count(counter))
            if counts[-1] > counter.most:
                break
        return counts

    def push(self, key: str, *values: str, most: int) -> None:
        """Puts values at the end of a list, which takes no more when it is `most` long."""
        with self._turn:
            self._lists[key] = [*self._lists.get(key, []), *values][:most]

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
        begun = counter.up or bool(members)
        if begun and counter.member not in members and len(members) < MOST_MEMBERS:
            members.add(counter.member)
            self.set(counter.key, members, counter.lifetime)
        return len(members)


class CountingRedis(RedisCache):  # type: ignore[misc]  # has no types
    """Counts for all processes."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._own = threading.local()

    def count_all(self, counters: Sequence[Counter]) -> list[int]:
        """As in memory, in one round trip for all."""
        keys = [f"{self.key_prefix}:{counter.key}" for counter in counters]
        arguments = [
            argument
            for _, lifetime, up, most, member in counters
            for argument in (lifetime if up else 0, most, member)
        ]
        try:
            counts: list[int] = self._say("EVALSHA", _COUNT.sha, len(keys), *keys, *arguments)
        except (exceptions.ConnectionError, exceptions.NoScriptError):
            # Redis has been restarted: it closed what was kept open, and has forgotten the script.
            counts = self._say("EVAL", _COUNT.script, len(keys), *keys, *arguments)
        return counts

    def _say(self, *command: Any) -> Any:
        """The answer to one command, over a connection that stays open.

        This takes half the time that a client of redis-py takes, which has a pool, retries and metrics.
        """
        connection = self._connection()
        try:
            connection.send_packed_command([pack_command(command)])
            return connection.read_response()
        except BaseException:
            # Whatever came between, the next command must not be given the answer to this one.
            connection.disconnect()
            raise

    def _connection(self) -> Any:
        """This thread's own, and after a fork this process's."""
        kept = getattr(self._own, "connection", None)
        if kept is None or kept.pid != os.getpid():
            pool = self.client.get_client(write=True).connection_pool
            kept = self._own.connection = pool.connection_class(**pool.connection_kwargs)
        return kept

    def push(self, key: str, *values: str, most: int) -> None:
        """As in memory."""
        client, key = self.client.get_client(write=True), self.client.make_key(key)
        client.pipeline().rpush(key, *values).ltrim(key, 0, most - 1).execute()

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

    def push(self, key: str, *values: str, most: int) -> None:
        """With what was put here while Redis was away: who takes things out may be another process."""
        together = [*self._memory.pop_all(key), *values]
        self._ask(lambda cache: cache.push(key, *together, most=most))

    def pop_all(self, key: str) -> list[str]:
        """Also what was put here while Redis was away."""
        found: list[str] = self._ask(lambda cache: cache.pop_all(key))
        return self._memory.pop_all(key) + found

    def _ask(self, question: Callable[[Any], Answer]) -> Answer:
        if time.monotonic() >= self._again_at.get(self._server, 0.0):
            try:
                return question(self._redis)
            except exceptions.RedisError as error:
                self._again_at[self._server] = time.monotonic() + PAUSE
                logger.warning("Redis does not answer (%s); limits are counted in this process", error)
        return question(self._memory)
