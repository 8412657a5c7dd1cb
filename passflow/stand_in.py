"""Does the workers' work while the broker is away: neither a ring nor the clock reaches them then.

What is due stands in the database, and so waits for nobody. Every task may run twice at once, so the stand-in
need not know whether a worker is at it too.
"""

from __future__ import annotations

import logging
import threading
import time

from passflow import embedded
from passflow.health import broker_works

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
# Workers wait ever longer between two attempts to reach the broker, half a minute at most.
STAY_SECONDS = 45.0


def stand_in() -> None:
    """Looks after the broker, for ever."""
    wanted = threading.Event()
    embedded.start(wanted)
    stays_until = 0.0
    while True:
        now = time.monotonic()
        if not broker_works():
            stays_until = now + STAY_SECONDS
        is_away = now < stays_until
        if is_away and not wanted.is_set():
            logger.warning("the broker does not answer: standing in for the workers")
            wanted.set()
        elif wanted.is_set() and not is_away:
            logger.warning("the broker is back, and so are the workers: standing by")
            wanted.clear()
        time.sleep(LOOK_SECONDS)
