"""How often anybody may do something: the one module over django-ratelimit.

`settings.RATE_LIMITS` is the table of groups and rates, `settings.RATE_LIMITS_ON` the switch. A window is
fixed, and begins at another second for every key. Counters live in the default cache.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.conf import settings
from django_ratelimit.core import get_usage  # type: ignore[import-untyped]

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


def check(group: str, key: str, *, increment: bool = True) -> Allowance:
    """Counts one use of `key` and says what is left of its limit.

    Without `increment` nothing is counted, and `exceeded` says whether one more use would be too many.
    `key` must be no secret; it is hashed before it reaches the cache.
    """
    limit, window = rate(group)
    if not settings.RATE_LIMITS_ON:
        return Allowance(group, limit, window, used=0, reset_after=window, exceeded=False)
    usage = get_usage(None, group=group, key=lambda *_: key, rate=(limit, window), increment=increment)
    used = usage["count"]
    exceeded = used > limit if increment else used >= limit
    return Allowance(group, limit, window, used, reset_after=max(1, usage["time_left"]), exceeded=exceeded)


def rate(group: str) -> tuple[int, int]:
    """How many uses in how many seconds: `600/m` is (600, 60), `30/10m` is (30, 600)."""
    written = settings.RATE_LIMITS[group]
    parts = _RATE.fullmatch(written)
    if parts is None:
        raise ValueError(f"RATE_LIMITS[{group!r}] is not like 600/m or 30/10m: {written!r}")
    return int(parts[1]), int(parts[2] or 1) * _SECONDS[parts[3]]
