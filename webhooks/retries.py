"""When a failed delivery is tried again: the schedule that Standard Webhooks suggests, 75 h 35 min in all."""

from __future__ import annotations

import random
from datetime import timedelta

DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
JITTER = 0.2
LONGEST_WAIT = timedelta(hours=24)


def next_delay(*, failures: int, retry_after: int | None) -> timedelta | None:
    """How long to wait after so many failures, or None when there is no further attempt.

    ``retry_after``, in seconds, can make the wait longer, up to a day; never shorter.
    """
    if failures > len(DELAYS):
        return None
    # Spread out, so that a receiver that comes back is not met by everything at once.
    delay = DELAYS[failures - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - nothing to guess here
    asked = timedelta(seconds=retry_after or 0)
    return max(delay, min(asked, LONGEST_WAIT))
