"""How often anybody may do something: the one module over django-ratelimit.

`settings.RATE_LIMITS` is the table of groups and rates, `settings.RATE_LIMITS_ON` the switch. A window is
fixed, and begins at another second for every key. Counters live in the default cache.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings
from django.core.cache import caches

# Its windows. Its own counting takes two round trips for each limit, and answers 500 without Redis.
from django_ratelimit.core import EXPIRATION_FUDGE, _get_window  # type: ignore[import-untyped]

# Whatever has this rate is counted and never too much.
NO_LIMIT = 2**31

_RATE = re.compile(r"(\d+)/(\d*)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True)
class Allowance:
    """What a key has used of its limit. `window` and `reset_after` are seconds, at least 1."""

    group: str
    limit: int
    window: int
    used: int
    reset_after: int
    exceeded: bool

    @property
    def headers(self) -> dict[str, str]:
        """`RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10), and `Retry-After`
        (RFC 9110, section 10.2.3) once the limit is exceeded.
        """
        remaining = max(0, self.limit - self.used)
        retry = {"Retry-After": str(self.reset_after)} if self.exceeded else {}
        return {
            "RateLimit-Policy": f'"{self.group}";q={self.limit};w={self.window}',
            "RateLimit": f'"{self.group}";r={remaining};t={self.reset_after}',
            **retry,
        }


class Counter(NamedTuple):
    """A counter in the cache: from 0, forgotten after `lifetime` seconds; `up` counts a use.

    With a `member` it tells how many different members it was given, where there are many only about; without
    `up` the member is taken in where the counter has begun. What follows one above its `most` is not counted.
    """

    key: str
    lifetime: int
    up: bool
    most: int
    member: str = ""


class Use(NamedTuple):
    """A use of what `group` allows `key`, which must be no secret; or a look, which does not count.

    With a `member`, itself no secret, a key has used as much as it has different members; one that does not
    count is taken in as well, but only where one that did has gone before. `rate` stands for a group that is
    not in the table.
    """

    group: str
    key: str
    counts: bool = True
    member: str = ""
    rate: tuple[int, int] | None = None


class Counted(NamedTuple):
    """What each key has used, up to the first whose limit is exceeded: what follows was not counted."""

    used: list[int]
    exceeded: Allowance | None = None


def check(group: str, key: str, *, increment: bool = True) -> Allowance:
    """Counts one use of `key` and says what is left of its limit.

    Without `increment` nothing is counted, and `exceeded` says whether one more use would be too many.
    `key` must be no secret; it is hashed before it reaches the cache.
    """
    use = Use(group, key, counts=increment)
    used, exceeded = count_all([use])
    return exceeded or _allowance(use, used=used[0], exceeded=False)


def count_all(uses: Sequence[Use]) -> Counted:
    """Counts in one round trip to Redis, until a limit is exceeded: being refused makes no new counters."""
    if not settings.RATE_LIMITS_ON:
        return Counted([0] * len(uses))
    counters = [_counter(use) for use in uses]
    used: list[int] = caches["default"].count_all(counters)  # type: ignore[attr-defined]  # passflow/cache.py
    last = len(used) - 1
    if used[last] <= counters[last].most:
        return Counted(used)
    return Counted(used, _allowance(uses[last], used=used[last], exceeded=True))


def first_exceeded(uses: Sequence[Use]) -> Allowance | None:
    """The first limit that one of these uses exceeds, if any; those after it are not counted."""
    return count_all(uses).exceeded


def rate(group: str) -> tuple[int, int]:
    """How many uses in how many seconds: `600/m` is (600, 60), `30/10m` is (30, 600)."""
    return _read(group, settings.RATE_LIMITS[group])


@lru_cache(maxsize=256)
def _read(group: str, written: str) -> tuple[int, int]:
    parts = _RATE.fullmatch(written)
    if parts is None:
        raise ValueError(f"RATE_LIMITS[{group!r}] is not like 600/m or 30/10m: {written!r}")
    return int(parts[1]), int(parts[2] or 1) * _SECONDS[parts[3]]


def _counter(use: Use) -> Counter:
    group, key, counts, member, own_rate = use
    limit, seconds = own_rate or rate(group)
    named = f"{group} {limit}/{seconds} {_get_window(key, seconds)} {key}".encode()
    hashed = hashlib.blake2b(named, digest_size=16).hexdigest()
    # One that is only looked at asks whether one more would be too many.
    return Counter(hashed, seconds + EXPIRATION_FUDGE, counts, limit if counts else limit - 1, member)


def _allowance(use: Use, *, used: int, exceeded: bool) -> Allowance:
    limit, window = use.rate or rate(use.group)
    left = max(1, _get_window(use.key, window) - int(time.time()))
    return Allowance(use.group, limit, window, used, reset_after=left, exceeded=exceeded)
