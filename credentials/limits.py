"""How often anybody may do something: the one module over django-ratelimit.

`settings.RATE_LIMITS` is the table of groups and rates, `settings.RATE_LIMITS_ON` the switch. A window is
fixed, and begins at another second for every key. Counters live in the default cache.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings
from django.core.cache import caches

# Its windows and keys. Its own counting takes two round trips for each limit, and answers 500 without Redis.
from django_ratelimit.core import (  # type: ignore[import-untyped]
    EXPIRATION_FUDGE,
    _get_window,
    _make_cache_key,
)

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

    With a `member` it tells how many different members it was given, where there are many only about.
    """

    key: str
    lifetime: int
    up: bool
    member: str = ""


class Use(NamedTuple):
    """A use of what `group` allows `key`, which must be no secret; or a look, which does not count.

    With a `member`, itself no secret, a key has used as much as it has different members. `rate` stands for a
    group that is not in the table.
    """

    group: str
    key: str
    counts: bool = True
    member: str = ""
    rate: tuple[int, int] | None = None


def check(group: str, key: str, *, increment: bool = True) -> Allowance:
    """Counts one use of `key` and says what is left of its limit.

    Without `increment` nothing is counted, and `exceeded` says whether one more use would be too many.
    `key` must be no secret; it is hashed before it reaches the cache.
    """
    return check_all([Use(group, key, counts=increment)])[0]


def check_all(uses: Sequence[Use]) -> list[Allowance]:
    """What is left of each limit, as `check` says it, in one round trip to Redis for all of them."""
    if not settings.RATE_LIMITS_ON:
        return [_unlimited(use) for use in uses]
    windows = [_get_window(use.key, _rate(use)[1]) for use in uses]
    counters = [_counter(use, window) for use, window in zip(uses, windows, strict=True)]
    counts: list[int] = caches["default"].count_all(counters)  # type: ignore[attr-defined]  # passflow/cache.py
    now = int(time.time())
    return [
        _allowance(use, used=used, left=window - now)
        for use, used, window in zip(uses, counts, windows, strict=True)
    ]


def first_exceeded(uses: Sequence[Use]) -> Allowance | None:
    """The first limit that one of these uses exceeds, if any; all of them are counted."""
    return next((allowance for allowance in check_all(uses) if allowance.exceeded), None)


def rate(group: str) -> tuple[int, int]:
    """How many uses in how many seconds: `600/m` is (600, 60), `30/10m` is (30, 600)."""
    return _read(group, settings.RATE_LIMITS[group])


def _rate(use: Use) -> tuple[int, int]:
    return use.rate or rate(use.group)


@lru_cache(maxsize=256)
def _read(group: str, written: str) -> tuple[int, int]:
    parts = _RATE.fullmatch(written)
    if parts is None:
        raise ValueError(f"RATE_LIMITS[{group!r}] is not like 600/m or 30/10m: {written!r}")
    return int(parts[1]), int(parts[2] or 1) * _SECONDS[parts[3]]


def _counter(use: Use, window: int) -> Counter:
    limit, period = _rate(use)
    key = _make_cache_key(use.group, window, (limit, period), use.key, None)
    return Counter(key, lifetime=period + EXPIRATION_FUDGE, up=use.counts, member=use.member)


def _allowance(use: Use, *, used: int, left: int) -> Allowance:
    limit, window = _rate(use)
    exceeded = used > limit if use.counts else used >= limit
    return Allowance(use.group, limit, window, used, reset_after=max(1, left), exceeded=exceeded)


def _unlimited(use: Use) -> Allowance:
    limit, window = _rate(use)
    return Allowance(use.group, limit, window, used=0, reset_after=window, exceeded=False)
